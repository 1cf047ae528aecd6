"""What was made of a work, and of all works whose headers can coincide with its."""

from attrs import define, field

from protocol.units import Seconds
from protocol.work.job import Content, Job, SeenKeys, Work

MAX_AHEAD = 600
"""Seconds that revisions may run ahead of their source's clock to be told from what
miners reached: ten minutes of one each second. Pools take 7000, nodes 7200."""


@define(eq=False, repr=False)
class Use:
    """A work, and what was made of it.

    Attributes:
        series: All jobs of works with its content.
        since: When it came.
        padding: What stands between its source's extranonce1 and slots.
        newest: Its last job: the next one shares all that is large with it.
        job_ids: Of its jobs that are live, oldest first.
    """

    work: Work
    series: "Series"
    since: Seconds
    padding: bytes
    newest: Job | None = None
    job_ids: dict[str, None] = field(factory=dict)


@define(eq=False, repr=False)
class Series:
    """All jobs of works of one content: no two of them have the same ntime.

    Attributes:
        content: What those works have in common.
        last_ntime: Of its newest job.
        last_at: When that was made.
    """

    content: Content
    seen: SeenKeys
    last_ntime: int = -1
    last_at: float = 0.0
    uses: list[Use] = field(factory=list)

    def fresh_ntime(self, ntime: int, now: Seconds) -> int:
        """Return `ntime`, or the first after it that nobody has hashed before.

        Firmware lets ntime run while it hashes a job, and begins each job at the same
        place: what it reached must lie behind the next job. Rounded, for it reads a
        clock of its own.
        """
        reached = self.last_ntime + round(now - self.last_at)
        # Beyond it ntime is bounded to what pools take: then only the newest job's own
        # is avoided.
        passed = reached if reached < ntime + MAX_AHEAD else self.last_ntime
        return max(ntime, passed + 1)

    def find(self, work: Work) -> Use | None:
        """Return the use of `work`, or of the same work in an earlier message."""
        same = (u for u in self.uses if u.work is work or u.work.is_again(work))
        return next(same, None)
