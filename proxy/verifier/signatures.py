"""Who signed and cosigned a checkpoint, and whether that is enough."""

from collections.abc import Sequence

from attrs import frozen

from protocol.errors import MalformedMessageError
from protocol.tlog.checkpoint import Checkpoint, checkpoint_of
from protocol.tlog.cosignature import verified
from protocol.tlog.note import VerifierKey, note_of
from protocol.tlog.trust import NO_QUORUM, Trust
from proxy.verifier.report import Findings

NOBODY = Trust((), (), {}, NO_QUORUM)


@frozen
class Trusted:
    """What a verifier is told to believe.

    Attributes:
        keys: Of the log.
        trust: Witnesses and their quorum.
    """

    keys: Sequence[VerifierKey] = ()
    trust: Trust = NOBODY

    @property
    def log_keys(self) -> list[VerifierKey]:
        """All keys that a log may be signed with."""
        return [*self.keys, *(log.key for log in self.trust.logs)]


@frozen
class SignedPoint:
    """A checkpoint that was read.

    Attributes:
        cosigned_by: Witnesses of the trust policy whose cosignatures it carries.
        at: Unix seconds of the newest of these; None: there is none.
    """

    point: Checkpoint
    cosigned_by: tuple[VerifierKey, ...]
    at: int | None


def signed_point(
    raw: bytes, trusted: Trusted, findings: Findings, what: str
) -> SignedPoint:
    """Return a checkpoint; what is wrong with its signatures goes into `findings`.

    Raises:
        MalformedMessageError: It is none.
    """
    note = note_of(raw)
    point = checkpoint_of(note.text)
    witnesses = [one.key for one in trusted.trust.witnesses]
    cosigned: list[VerifierKey] = []
    at: int | None = None
    own = [key for key in trusted.log_keys if key.name == point.origin]
    try:
        found = verified(note, [*own, *witnesses])
    except MalformedMessageError as error:
        findings.fault(f"{what}: {error}")
        return SignedPoint(point, (), None)
    cosigned = [one.key for one in found if one.key in witnesses]
    times = [one.at for one in found if one.key in witnesses and one.at is not None]
    at = max(times, default=None)
    if not trusted.log_keys:
        findings.fault(f"{what}: no key of the log was given: nothing is proven by it")
    elif not any(one.key in own for one in found):
        findings.fault(f"{what} is not signed by a key that is trusted for its origin")
    if not trusted.trust.is_met_by(cosigned):
        names = ", ".join(key.name for key in cosigned) or "nobody"
        findings.fault(f"{what} is cosigned by {names}: that is not enough")
    return SignedPoint(point, tuple(cosigned), at)
