"""A witness: cosigns what continues what it cosigned before.

Spec: c2sp.org/tlog-witness.

All of it blocks: it is called on a thread, one call at a time.
"""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256

from attrs import define, frozen

from protocol.errors import MalformedMessageError
from protocol.tlog.checkpoint import Checkpoint, checkpoint_of
from protocol.tlog.cosignature import verified
from protocol.tlog.note import Note, VerifierKey
from protocol.tlog.tree import ProofError, check_consistency
from protocol.tlog.witnessing import SIZE_TYPE, AddCheckpoint, request_of
from protocol.units import UnixTime
from proxy.oversight.signing import Signer
from proxy.oversight.witness_store import Seen, WitnessStore

TEXT = "text/plain; charset=utf-8"


@frozen
class Reply:
    """An answer over HTTP."""

    status: int
    body: bytes
    type: str = TEXT


@define(eq=False, repr=False)
class Witness:
    """Watches some logs.

    Attributes:
        signer: Its key.
        logs: Keys of each log, by origin.
        store: What it cosigned before.
        wall_clock: What time it is.
    """

    signer: Signer
    logs: Mapping[str, Sequence[VerifierKey]]
    store: WitnessStore
    wall_clock: Callable[[], UnixTime]

    def add(self, raw: bytes) -> Reply:
        """Answer `add-checkpoint`."""
        try:
            request = request_of(raw)
            point = checkpoint_of(request.note.text)
        except MalformedMessageError as error:
            return _refused(400, str(error))
        keys = self.logs.get(point.origin)
        if keys is None:
            return _refused(404, "a log that is not watched here")
        try:
            signed = verified(request.note, keys)
        except MalformedMessageError as error:
            return _refused(403, str(error))
        if not signed:
            return _refused(403, "not signed by a key of the log")
        if request.old > point.size:
            return _refused(400, "an old size above the new one")
        return self._cosigned(request, point)

    def newest(self, origin_hash: str) -> Reply:
        """Answer with the newest checkpoint of a log that was cosigned.

        Args:
            origin_hash: SHA-256 of its origin, in lower-case hexadecimal.
        """
        for origin in self.logs:
            if sha256(origin.encode()).hexdigest() == origin_hash:
                note = self.store.seen(origin).note
                if note:
                    return Reply(200, note)
        return _refused(404, "no checkpoint of it was cosigned here")

    def _cosigned(self, request: AddCheckpoint, point: Checkpoint) -> Reply:
        seen = self.store.seen(point.origin)
        if request.old != seen.size:
            return _conflict(seen)
        try:
            check_consistency(
                seen.size, point.size, request.proof, seen.root, point.root
            )
        except ProofError as error:
            return _refused(422, str(error))
        line = self.signer.line(request.note.text, int(self.wall_clock()))
        keys = self.logs[point.origin]
        own = [s for s in request.note.signatures if any(s.is_of(k) for k in keys)]
        note = Note(request.note.text, (*own, line))
        if not self.store.advance(seen, point, note.raw):
            return _conflict(self.store.seen(point.origin))
        return Reply(200, line.text.encode())


def _conflict(seen: Seen) -> Reply:
    return Reply(409, f"{seen.size}\n".encode(), SIZE_TYPE)


def _refused(status: int, why: str) -> Reply:
    return Reply(status, f"{why}\n".encode())
