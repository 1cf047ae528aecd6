"""The jobs of a group that may still be submitted, and how each differs from the last.

Every job is a search space of its own. Jobs of one work, and of works whose headers
can coincide, get rising ntimes; a work that its source sends again is the same work.
"""

import math
from collections.abc import Callable, Collection, Iterator

import msgspec
from attrs import define, field

from protocol.sv1.codec import notify_line
from protocol.units import JobId, Seconds
from protocol.work.extranonce import Layout
from protocol.work.job import Content, Job, Work
from proxy.jobs.duplicates import Duplicates
from proxy.jobs.factory import make_job, padding_of
from proxy.jobs.ports import JobCopies
from proxy.jobs.series import Series, Use

RETIRE_AFTER = Seconds(600.0)
"""A job replaced so long ago is forgotten; its shares are unknown_job."""


MAX_WORKS = 64
"""Works of a group that may be submitted; the newest stay. A pool with news every 30 s
has 20 in 10 minutes. One is at most 132 kB (two parts of a coinbase of 65,536 B each
and 32 branches), 64 are 8.5 MB; `clear_up` bounds those of all groups."""

MAX_JOBS = 2048
"""Jobs of a group, over all its works; the newest stay. Each is half a kB beside its
work, with the engine's copy, 1 MB in all. One a second for revisions and one for news
are 1,200 in 10 minutes."""


class LiveJob(msgspec.Struct):
    """A job that may still be submitted.

    Attributes:
        replaced_at: When a newer one took its place.
        stale_at: From when on its shares are stale.
        encoded: Its mining.notify, while that is at hand.
    """

    job: Job
    replaced_at: float = math.inf
    stale_at: float = math.inf
    encoded: bytes = b""

    @property
    def line(self) -> bytes:
        """Its mining.notify."""
        self.encoded = self.encoded or notify_line(self.job)
        return self.encoded

    @property
    def clean_line(self) -> bytes:
        """The same with clean_jobs, for a miner that was given none meanwhile."""
        if self.job.clean:
            return self.line
        return notify_line(msgspec.structs.replace(self.job, clean=True))

    def replace(self, now: Seconds) -> None:
        """Note that a newer job is given to miners from `now` on."""
        self.replaced_at = now
        self.encoded = b""  # up to 200 times what is kept of a revision


@define(eq=False, repr=False)
class LiveJobs:
    """The live jobs of a group.

    Attributes:
        space: Number of the group's search space.
        copies: Who judges by copies of the jobs.
        by_id: By id, oldest first.
        current: The newest.
    """

    layout: Layout
    space: int
    copies: JobCopies
    _duplicates: Duplicates
    by_id: dict[str, LiveJob] = field(factory=dict, init=False)
    current: LiveJob | None = field(default=None, init=False)
    _uses: dict[Work, Use] = field(factory=dict, init=False)
    _series: dict[Content, Series] = field(factory=dict, init=False)
    _idle: set[Content] = field(factory=set, init=False)
    _bytes_held: int = field(default=0, init=False)

    def post(
        self, work: Work, seq: int, now: Seconds, *, clean: bool
    ) -> LiveJob | None:
        """Make the next job of `work`: its first, or a fresh revision.

        Returns:
            None if no job of it can be made that differs from all before: its ntimes
            are used up.

        Raises:
            ValueError: The work leaves less room than the layout needs.
        """
        content = work.content
        series = self._series.get(content)
        use = series.find(work) if series else None
        since = use.since if use else now
        ntime = work.ntime + int(now - since)
        if series is not None:
            # Works of one content may have one coinbase, too: then ntime alone tells
            # their headers apart, since firmware begins each job at the same place.
            ntime = series.fresh_ntime(ntime, now)
        ntime = self._not_before_tip(work, ntime)
        # The source would refuse shares of it.
        if ntime > work.max_ntime:
            return None
        if use is None:
            use = self._begin(work, content, now)
        use.series.last_ntime, use.series.last_at = ntime, now
        job = self._job(use, seq, ntime, clean=clean)
        return self._add(use, job, now)

    def _not_before_tip(self, work: Work, ntime: int) -> int:
        """Return `ntime`, or that of the current job where it is later.

        On one tip ntime only grows, whichever source's clock is behind: no job of
        Stratum V2 begins before its block did, and jobs that all began with it would be
        one and the same. Spec: SV2 05, NewExtendedMiningJob.
        """
        if self.current is None or work.tip != self.current.job.work.tip:
            return ntime
        later = max(ntime, self.current.job.ntime)
        return later if later <= work.max_ntime else ntime

    def make_stale(self, at: float, is_meant: Callable[[Work], bool]) -> None:
        """Call shares stale from `at` on, of jobs whose work `is_meant`."""
        # Never later than before: what was stale stays so.
        for entry in self.by_id.values():
            if at < entry.stale_at and is_meant(entry.job.work):
                entry.stale_at = at
                self.copies.make_stale(entry.job, at)

    def retire(self, now: Seconds, offered: Callable[[], Collection[Content]]) -> None:
        """Forget jobs that were replaced long ago.

        Args:
            now: Clock.
            offered: Returns the contents of works that may be posted again: what was
                submitted for them is remembered.
        """
        for job_id in list(self._expired(now)):
            self._forget(job_id)
        if self._idle:
            for content in self._idle.difference(offered()):
                self._end(content)

    @property
    def bytes_held(self) -> int:
        """Size of the works, each counted once."""
        return self._bytes_held

    def retire_oldest(self) -> bool:
        """Forget the oldest job that is not the current one; return if there was."""
        for job_id, entry in self.by_id.items():
            if entry is not self.current:
                self._forget(job_id)
                return True
        return False

    def close(self) -> None:
        """Forget everything."""
        self.current = None
        for job_id in list(self.by_id):
            self._forget(job_id)
        for content in list(self._series):
            self._end(content)

    def _begin(self, work: Work, content: Content, now: Seconds) -> Use:
        # Raises before anything is noted, where the work leaves too little room.
        padding = padding_of(work, self.layout, self.space)
        series = self._series.get(content)
        if series is None:
            seen = self._duplicates.take(content, self.copies.new_seen)
            series = self._series[content] = Series(content, seen)
        self._idle.discard(content)
        use = self._uses[work] = Use(work, series, now, padding)
        series.uses.append(use)
        self._bytes_held += work.size
        return use

    def _job(self, use: Use, seq: int, ntime: int, *, clean: bool) -> Job:
        if use.newest is None:
            return make_job(
                use.work,
                use.padding,
                room=self.layout.room,
                seq=seq,
                ntime=ntime,
                clean=clean,
                seen=use.series.seen,
            )
        # A revision shares the bytes of the one before: half a kB, and not the coinbase
        # again.
        return msgspec.structs.replace(
            use.newest, id=JobId(f"{seq:x}"), seq=seq, ntime=ntime, clean=clean
        )

    def _add(self, use: Use, job: Job, now: Seconds) -> LiveJob:
        try:
            self.copies.post(job)
        # The engine may refuse it: a work without any job would never be dropped.
        except ValueError:
            if not use.job_ids:
                self._drop(use)
            raise
        if self.current is not None:
            self.current.replace(now)
        entry = self.by_id[job.id] = self.current = LiveJob(job)
        use.newest = job
        use.job_ids[job.id] = None
        # A dict keeps the order of entry: taken out and put in again is moved to the
        # end.
        self._uses[use.work] = self._uses.pop(use.work)  # the newest is the last
        self._bound()
        return entry

    def _bound(self) -> None:
        """Forget the oldest where there are too many."""
        if len(self.by_id) > MAX_JOBS:
            self.retire_oldest()
        if len(self._uses) > MAX_WORKS:
            oldest = next(iter(self._uses.values()))
            for job_id in list(oldest.job_ids):
                self._forget(job_id)

    def _expired(self, now: Seconds) -> Iterator[str]:
        for job_id, entry in self.by_id.items():
            if now - entry.replaced_at < RETIRE_AFTER:
                return  # in order of age: the rest is younger
            yield job_id

    def _forget(self, job_id: str) -> None:
        job = self.by_id.pop(job_id).job
        self.copies.retire(job)
        use = self._uses[job.work]
        del use.job_ids[job_id]
        if not use.job_ids:
            self._drop(use)

    def _drop(self, use: Use) -> None:
        del self._uses[use.work]
        self._bytes_held -= use.work.size
        use.series.uses.remove(use)
        if not use.series.uses:
            # Not forgotten yet: a pool may send it again, and its keys find duplicates
            # then.
            self._idle.add(use.series.content)

    def _end(self, content: Content) -> None:
        del self._series[content]
        self._idle.discard(content)
        self._duplicates.release(content)
