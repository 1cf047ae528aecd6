"""What difficulties a miner has been asked for, and which one a share is held to."""

from attrs import define, field

from protocol.units import Difficulty

MAX_CHANGES = 8
"""Changes of difficulty remembered; older jobs are judged by the oldest."""


@define
class Asked:
    """The difficulties of one miner, each with the first job that it went with."""

    _changes: list[tuple[int, Difficulty]] = field(factory=list, init=False)

    @property
    def newest(self) -> Difficulty | None:
        """What it has been told last; None before any job."""
        return self._changes[-1][1] if self._changes else None

    def ask(self, seq: int, difficulty: Difficulty) -> bool:
        """Note that job `seq` goes out at `difficulty`; return if that is another."""
        if self._changes and self._changes[-1][1] == difficulty:
            return False
        self._changes.append((seq, difficulty))
        del self._changes[:-MAX_CHANGES]
        return True

    def required(self, seq: int) -> Difficulty:
        """Return the difficulty for a job: what it was given with, or now, if less.

        Some firmware takes on a new difficulty at once, some with the next job.
        """
        changes = self._changes
        if len(changes) == 1:
            return changes[0][1]
        at_job = changes[0][1]
        for since, difficulty in changes:
            if since > seq:
                break
            at_job = difficulty
        return min(at_job, changes[-1][1])
