"""Asks witnesses to cosign a checkpoint. Spec: c2sp.org/tlog-witness.

One that hangs, refuses or lies delays nobody and is asked again later; what it answers
counts only where its own key signed it.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol as Interface

from attrs import define, field, frozen

from protocol.errors import MalformedMessageError
from protocol.tlog.checkpoint import Checkpoint
from protocol.tlog.cosignature import checked
from protocol.tlog.note import Note, SignatureLine, lines_of
from protocol.tlog.text import number_of
from protocol.tlog.trust import Witness
from protocol.tlog.witnessing import PATH, AddCheckpoint
from protocol.units import Seconds, UnixTime
from proxy.oversight.folder import LogFolderError

SOONEST = Seconds(10.0)
LATEST = Seconds(60.0)
"""A witness that did not cosign is asked again after the first, then twice as late each
time, up to the second."""

_OK, _CONFLICT = 200, 409
_MAX_SHOWN = 120


class WitnessError(Exception):
    """A witness did not cosign; the message says why."""


@frozen
class WitnessAnswer:
    """What a witness answered.

    Attributes:
        status: Of HTTP.
        body: Cut off after a few kB.
    """

    status: int
    body: bytes


class Http(Interface):
    """Posts to a witness; raises `WitnessError` where it cannot be reached in time."""

    async def post(self, url: str, body: bytes) -> WitnessAnswer:
        """Return its answer."""


Proof = Callable[[int, int], Awaitable[Sequence[bytes]]]
"""Makes the consistency proof between two sizes."""


@define(eq=False, repr=False)
class AskedWitness:
    """One witness, and what it is known to have seen.

    Attributes:
        witness: Who.
        size: That it cosigned last, as far as is known.
        cosigned_at: Unix seconds of its last cosignature; 0: none.
        why: Why it did not cosign when it was last asked; empty: it did.
    """

    witness: Witness
    http: Http
    size: int = field(default=0, init=False)
    cosigned_at: UnixTime = field(default=UnixTime(0.0), init=False)
    why: str = field(default="it was not asked yet", init=False)
    _is_asked: bool = field(default=False, init=False)
    _not_before: Seconds = field(default=Seconds(0.0), init=False)
    _pause: Seconds = field(default=SOONEST, init=False)

    def is_due(self, now: Seconds) -> bool:
        """Tell whether it may be asked: it is not being asked, and has had its rest."""
        return not self._is_asked and now >= self._not_before

    async def cosign(
        self, note: Note, point: Checkpoint, proof: Proof, now: Seconds
    ) -> SignatureLine | None:
        """Return its cosignature; None: `why` says why not."""
        self._is_asked, self.why = True, "it has not answered yet"
        try:
            line = await self._asked_twice(note, point, proof)
        except (WitnessError, LogFolderError) as error:
            self.why = str(error)
            self._not_before = Seconds(now + self._pause)
            self._pause = min(LATEST, Seconds(self._pause * 2))
            return None
        finally:
            self._is_asked = False
        self.why, self.size = "", point.size
        self._pause = SOONEST
        return line

    async def _asked_twice(
        self, note: Note, point: Checkpoint, proof: Proof
    ) -> SignatureLine:
        answer = await self._ask(note, point, proof)
        if answer.status == _CONFLICT:
            self.size = _size_in(answer)
            if self.size > point.size:
                raise WitnessError(
                    f"it has seen {self.size} leaves, more than there are: this log was"
                    " set back, or it does not tell the truth"
                )
            answer = await self._ask(note, point, proof)
        if answer.status != _OK:
            said = answer.body[:_MAX_SHOWN].decode("utf-8", "replace").strip()
            raise WitnessError(f"status {answer.status} {said}".rstrip())
        return self._line_in(answer, note)

    async def _ask(self, note: Note, point: Checkpoint, proof: Proof) -> WitnessAnswer:
        old = min(self.size, point.size)
        hashes = await proof(old, point.size)
        url = f"{self.witness.url.rstrip('/')}/{PATH}"
        return await self.http.post(url, AddCheckpoint(old, tuple(hashes), note).raw)

    def _line_in(self, answer: WitnessAnswer, note: Note) -> SignatureLine:
        try:
            lines = lines_of(answer.body.decode())
            line = next(one for one in lines if one.is_of(self.witness.key))
            at = checked(line, self.witness.key, note.text)
        except (MalformedMessageError, UnicodeDecodeError, StopIteration) as error:
            raise WitnessError(
                f"it answered with no cosignature of its key: {error}"
            ) from error
        self.cosigned_at = UnixTime(float(at or 0))
        return line


def _size_in(answer: WitnessAnswer) -> int:
    try:
        text = answer.body.decode("ascii").removesuffix("\n")
        return number_of(text, "the size that it knows")
    except (MalformedMessageError, UnicodeDecodeError) as error:
        raise WitnessError(f"status 409 without a size: {error}") from error
