"""Miners that share one coinb1, and the jobs they have been given."""

import math

from attrs import define, field

from protocol.units import Seconds
from protocol.work.extranonce import Layout
from protocol.work.job import Content, Work
from proxy.jobs.feed import Feed
from proxy.jobs.live import RETIRE_AFTER, LiveJob, LiveJobs
from proxy.jobs.members import Members
from proxy.jobs.pace import PostPace
from proxy.jobs.ports import JobCopies, MinerPort
from proxy.jobs.sourcing import ORPHAN_GRACE, Sourcing
from proxy.jobs.space import Space

LINGER = Seconds(5.0)
"""How long a group without members stays at least: one whose line was cut for a moment
finds its connection to the pool."""

MAX_TIPS = 8
"""Sessions whose tips a group remembers: one source in use, those kept warm beside it,
and the last of each that was lost."""


@define(eq=False, repr=False)
class Group:
    """Miners of one route, identity and search space.

    Attributes:
        sourcing: Where its work comes from.
        jobs: What its miners may submit shares of.
        empty_since: When its last member left, or it was opened.
        members: Miners that joined, the biggest hashrate first.
        whole_seq: Number of the newest job that was for all of them.
        posted_at: When the newest job was made.
        served_at: When all members were given one.
        left_seq: Number of the newest job that a former member may know.
        taken: The newest work of its source that was posted, or known already.
        owes_clean: Work that was passed over wanted older jobs dropped.
        pace: How often its source's news are posted.
        idle_since: Since when no source has work for it; None while one has.
        must_reconnect: No source leaves the room that its miners need.
    """

    sourcing: Sourcing
    space: Space
    jobs: LiveJobs
    empty_since: Seconds
    members: Members = field(factory=Members, init=False)
    whole_seq: int = field(default=0, init=False)
    posted_at: Seconds = field(default=Seconds(-math.inf), init=False)
    served_at: Seconds = field(default=Seconds(-math.inf), init=False)
    left_seq: int = field(default=0, init=False)
    taken: Work | None = field(default=None, init=False)
    owes_clean: bool = field(default=False, init=False)
    pace: PostPace = field(factory=PostPace, init=False)
    idle_since: Seconds | None = field(default=None, init=False)
    must_reconnect: bool = field(default=False, init=False)
    _tips: dict[int, bytes] = field(factory=dict, init=False)
    _lost: set[int] = field(factory=set, init=False)  # sessions that have live jobs

    @property
    def layout(self) -> Layout:
        """How its miners cut the extranonce."""
        return self.jobs.layout

    @property
    def live(self) -> dict[str, LiveJob]:
        """Jobs by id, oldest first."""
        return self.jobs.by_id

    @property
    def current(self) -> LiveJob | None:
        """The newest job."""
        return self.jobs.current

    @property
    def copies(self) -> JobCopies:
        """Who judges by copies of its jobs."""
        return self.jobs.copies

    def post(
        self, work: Work, seq: int, now: Seconds, *, clean: bool
    ) -> LiveJob | None:
        """Make the next job from `work`: new work, or a fresh revision of it.

        Returns:
            None if `work` has no revision left that differs from all before.

        Raises:
            ValueError: The work leaves less room than the layout needs.
        """
        entry = self.jobs.post(work, seq, now, clean=clean)
        if entry is not None:
            self.posted_at = now
            self._replace_orphans(now)
        return entry

    def is_known(self, work: Work) -> bool:
        """Return whether miners have `work` already, and nothing in it is new."""
        current = self.current
        return current is not None and current.job.work.is_again(work)

    def is_urgent(self, work: Work) -> bool:
        """Return whether the jobs that miners have are of no use beside `work`."""
        if self.current is None:
            return True
        old = self.current.job.work
        # Another session has another extranonce1: shares of the old jobs go nowhere.
        return old.prev_hash != work.prev_hash or old.session != work.session

    def goes_on_with(self, feed: Feed, work: Work) -> bool:
        """Return whether new `work` of `feed` is no reason to choose a source anew.

        It is of the source in use, which can still be used, and leaves as much room as
        the one before.
        """
        taken, source = self.taken, self.sourcing.source
        return (
            taken is not None
            and self.sourcing.feed is feed
            and source is not None
            and not source.unusable
            and taken.session == work.session
            and taken.extranonce2_size == work.extranonce2_size
        )

    @property
    def is_behind(self) -> bool:
        """Its source has work that was not taken yet."""
        feed = self.sourcing.feed
        return feed is not None and feed.work not in {None, self.taken}

    def tip_moved(self, work: Work, now: Seconds) -> None:
        """Make stale what stands on another block than `work` of the same session."""
        session, tip = work.session, work.prev_hash
        # By session: a reserve that is kept warm tells of each tip, too.
        if self._tips.get(session) == tip:
            return  # all that is is stale already
        self._tips.pop(session, None)
        self._tips[session] = tip
        if len(self._tips) > MAX_TIPS:
            del self._tips[next(iter(self._tips))]
        # Of the same session: what another source calls the tip says nothing of where
        # that one's shares still count.
        self.jobs.make_stale(
            now, lambda old: old.session == session and old.prev_hash != tip
        )

    def session_lost(self, session: int, now: Seconds) -> None:
        """Note that shares of a session cannot be delivered any more.

        Its jobs stay while there are no others, and for a last grace from then on.
        """
        if any(entry.job.work.session == session for entry in self.live.values()):
            self._lost.add(session)
            self._replace_orphans(now)

    def _replace_orphans(self, now: Seconds) -> None:
        """Let jobs of lost sessions run out, once miners have one of another."""
        if not self._lost or self.current is None:
            return
        # Nothing else to hash: better shares that may be lost than machines that idle.
        if self.current.job.work.session in self._lost:
            return
        lost, self._lost = self._lost, set()
        self.jobs.make_stale(now + ORPHAN_GRACE, lambda old: old.session in lost)

    def leave(self, miner: MinerPort, now: Seconds, last_seq: int) -> None:
        """Count `miner` out; `last_seq` is the newest job that it may know."""
        self.members.discard(miner)
        if not self.members:
            self.empty_since, self.left_seq = now, last_seq

    @property
    def over_at(self) -> float:
        """From when on nobody misses it: all have left, and can use none of its jobs.

        Infinite while it has members.
        """
        if self.members:
            return math.inf
        # A job is retired so long after it was replaced; the current one never is.
        longest = self.empty_since + RETIRE_AFTER
        known = (e for e in self.live.values() if e.job.seq <= self.left_seq)
        usable = (min(entry.stale_at, longest) for entry in known)
        return max(self.empty_since + LINGER, max(usable, default=0.0))

    def retire(self, now: Seconds) -> None:
        """Forget jobs that were replaced long ago."""
        self.jobs.retire(now, self._offered)

    @property
    def oldest_replaced_at(self) -> float:
        """When the oldest job was replaced; infinite where that is the current one."""
        return next((entry.replaced_at for entry in self.live.values()), math.inf)

    def _offered(self) -> set[Content]:
        return {work.content for work in self.sourcing.offered()}
