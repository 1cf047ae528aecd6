"""Miners that share one coinb1, and the jobs they have been given."""

import math
from collections.abc import Iterator

import msgspec
from attrs import define, field

from protocol.sv1.codec import notify_line
from protocol.units import Seconds
from protocol.work.extranonce import Layout
from protocol.work.job import Job, SeenKeys, Work
from proxy.jobs.factory import make_job
from proxy.jobs.ports import JobCopies, MinerPort, NoCopies
from proxy.jobs.sourcing import Sourcing
from proxy.jobs.space import Space

ORPHAN_GRACE = Seconds(10.0)
"""How long shares on the way at a switch count, when their pool is gone.

From the first job of another session on: until there is one, miners have no better.
"""

RETIRE_AFTER = Seconds(600.0)
"""A job replaced so long ago is forgotten; its shares are unknown_job."""


class LiveJob(msgspec.Struct):
    """A job that may still be submitted.

    Attributes:
        line: Its mining.notify.
        replaced_at: When a newer one took its place.
        stale_at: From when on its shares are stale.
    """

    job: Job
    line: bytes
    replaced_at: float = math.inf
    stale_at: float = math.inf


class _WorkState(msgspec.Struct):
    """A work's duplicates and clock, over all its revisions."""

    work: Work
    since: Seconds
    last_ntime: int
    seen: SeenKeys


@define(eq=False)
class Group:
    """Miners of one route, identity and search space.

    Attributes:
        sourcing: Where its work comes from.
        copies: Who judges by copies of its jobs.
        members: Miners that joined, in order.
        live: Jobs by id, oldest first.
        current: The newest.
        posted_at: When `current` was made.
        idle_since: Since when no source has work for it; None while one has.
    """

    sourcing: Sourcing
    space: Space
    layout: Layout
    copies: JobCopies = field(factory=NoCopies)
    members: dict[MinerPort, None] = field(factory=dict, init=False)
    live: dict[str, LiveJob] = field(factory=dict, init=False)
    current: LiveJob | None = field(default=None, init=False)
    posted_at: Seconds = field(default=Seconds(-math.inf), init=False)
    idle_since: Seconds | None = field(default=None, init=False)
    _states: list[_WorkState] = field(factory=list, init=False)
    _lost: set[int] = field(factory=set, init=False)  # sessions that have live jobs

    def post(self, work: Work, seq: int, now: Seconds, *, clean: bool) -> LiveJob:
        """Make the next job from `work`: new work, or a fresh revision of it.

        Raises:
            ValueError: The work leaves less room than the layout needs.
        """
        state = self._state_of(work, now)
        ntime = state.last_ntime
        job = make_job(
            work,
            self.layout,
            space=self.space.number,
            seq=seq,
            ntime=ntime,
            clean=clean,
            seen=state.seen,
        )
        if self.current is not None:
            self.current.replaced_at = now
        self.current = LiveJob(job, notify_line(job))
        self.live[job.id] = self.current
        self.copies.post(job)
        self.posted_at = now
        self._replace_orphans(now)
        return self.current

    def tip_moved(self, work: Work, now: Seconds) -> None:
        """Make stale what stands on another block than `work` of the same session."""
        for entry in self.live.values():
            old = entry.job.work
            if old.session == work.session and old.prev_hash != work.prev_hash:
                self._make_stale(entry, now)

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
        if self.current.job.work.session in self._lost:
            return
        for entry in self.live.values():
            if entry.job.work.session in self._lost:
                self._make_stale(entry, now + ORPHAN_GRACE)
        self._lost.clear()

    def retire(self, now: Seconds) -> None:
        """Forget jobs that were replaced long ago."""
        for job_id in list(self._expired(now)):
            self._forget(job_id)
        works = {id(entry.job.work) for entry in self.live.values()}
        self._states = [s for s in self._states if id(s.work) in works]

    def retire_oldest(self) -> bool:
        """Forget the oldest job that is not the current one; return if there was."""
        for job_id, entry in self.live.items():
            if entry is not self.current:
                self._forget(job_id)
                return True
        return False

    @property
    def oldest_replaced_at(self) -> float:
        """When the oldest job was replaced; infinite where that is the current one."""
        return next((entry.replaced_at for entry in self.live.values()), math.inf)

    @property
    def keys_held(self) -> int:
        """Number of duplicate keys in memory."""
        return sum(len(state.seen) for state in self._states)

    def _make_stale(self, entry: LiveJob, at: float) -> None:
        if at < entry.stale_at:
            entry.stale_at = at
            self.copies.make_stale(entry.job, at)

    def _forget(self, job_id: str) -> None:
        self.copies.retire(self.live.pop(job_id).job)

    def _expired(self, now: Seconds) -> Iterator[str]:
        for job_id, entry in self.live.items():
            if now - entry.replaced_at < RETIRE_AFTER:
                return  # in order of age: the rest is younger
            yield job_id

    def _state_of(self, work: Work, now: Seconds) -> _WorkState:
        """Return the state of `work` with an ntime that no revision had before."""
        for state in self._states:
            if state.work is work:
                by_clock = work.ntime + int(now - state.since)
                fresh = max(state.last_ntime + 1, by_clock)
                state.last_ntime = min(fresh, work.max_ntime)
                return state
        state = _WorkState(work, now, work.ntime, self.copies.new_seen())
        self._states.append(state)
        return state
