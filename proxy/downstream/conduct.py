"""What is held against a miner: a run of bad shares, bits that its pool forbids."""

from attrs import define, field

from protocol.units import Seconds
from protocol.work.share import Verdict

MASK_GRACE = Seconds(30.0)
"""How long shares may still have been rolled by the mask before.

Firmware takes on a new one with its next job, and there is one every 30 s.
"""


@define
class Conduct:
    """A miner's bad shares, as far as they are its own doing.

    Attributes:
        bad_since: Start of an unbroken run of them.
        warnings_sent: Steps that were taken against it in this run.
        mask: Version bits that its newest job lets it roll; None before the first.
        voided: Shares with version bits that the pool forbids, since the mask changed.
    """

    bad_since: Seconds | None = field(default=None, init=False)
    warnings_sent: int = field(default=0, init=False)
    voided: int = field(default=0, init=False)
    mask: int | None = field(default=None, init=False)
    _mask_since: float = field(default=float("-inf"), init=False)

    def note_mask(self, mask: int, before: int, now: Seconds) -> None:
        """Note which version bits the miner may roll from here on.

        Args:
            mask: As its newest job has it.
            before: What it may have rolled before any job.
            now: When it is told.
        """
        if mask != (before if self.mask is None else self.mask):
            self._mask_since = now
            self.voided = 0
        self.mask = mask

    def blame(self, verdict: str, number: int, now: Seconds) -> bool:
        """Take note of bad shares; return whether they are held against the miner.

        Those are not that were rolled by a mask which has just changed.
        """
        if verdict == Verdict.BAD_VERSION:
            if now - self._mask_since < MASK_GRACE:
                return False
            self.voided += number
        return True

    def begin_run(self, at: Seconds) -> None:
        """Note a bad share that counts."""
        if self.bad_since is None:
            self.bad_since = at

    def end_run(self) -> None:
        """Note a good share, or that what was bad is no longer held against it."""
        self.bad_since = None
        self.warnings_sent = 0
