"""The jobs of one site: which group hashes what, from which source."""

import math
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from protocol.units import Seconds, WorkerName
from protocol.work.extranonce import Layout
from protocol.work.job import Work
from proxy.jobs.distributor import Distributor, hand_out
from proxy.jobs.duplicates import MAX_KEYS, Duplicates
from proxy.jobs.feed import Feed, Source
from proxy.jobs.group import Group
from proxy.jobs.groups import GroupKey, Groups
from proxy.jobs.live import LiveJobs
from proxy.jobs.pace import BURST, URGENT_BURST
from proxy.jobs.ports import JobCopies, MinerPort, NoCopies
from proxy.jobs.schedule import REFRESH_AFTER, REVISION_SPACING, Offers, Schedule
from proxy.jobs.sourcing import Sourcing
from proxy.jobs.space import Seat, Space, Spaces

MAX_WORK_BYTES = 1 << 29
"""Coinbases and branches of live works, of all groups of a site; beyond it the oldest
retire early. It is 1.5 kB of each of 16 works of 20,000 groups. The source's copy, ours
and the engine's two for each thread make it 2 GiB at the most."""

MAX_GROUPS = 20_000
"""A group for each worker of a large site with per-worker pools."""

CLEAR_UP_EVERY = Seconds(10.0)
"""A look at all groups. Slots wait for 10 minutes until their old jobs have retired,
and 10 s of the most shares that one core judges add 3 million keys."""


@frozen
class Route:
    """Workers that mine on sources of their own.

    Attributes:
        pattern: Glob on the worker name.
        sources: Best first.
    """

    pattern: str
    sources: tuple[Source, ...]


@define(eq=False)
class JobBoard:
    """Owner of a site's jobs. Sources post here, miners are served from here.

    Attributes:
        site: The site's name.
        routes: In order; the last one takes every worker.
        spaces: The search spaces, by the layout pinned for this site.
        new_copies: Makes what each new group keeps copies of its jobs with.
        max_work_bytes: Beyond it works of its groups retire early.
        on_idle: Called with a group that has no source any more, or has one again.
    """

    _log = Logger()

    site: str
    routes: Sequence[Route]
    spaces: Spaces
    clock: IReactorTime
    fail_back: Seconds
    new_copies: Callable[[], JobCopies] = NoCopies
    max_work_bytes: int = MAX_WORK_BYTES
    on_idle: Callable[[Group], None] = field(default=lambda _: None, init=False)
    _groups: Groups = field(factory=Groups, init=False)
    _schedule: Schedule = field(init=False)
    _offers: Offers = field(factory=Offers, init=False)
    _cleared_up_at: Seconds = field(default=Seconds(-math.inf), init=False)
    _seq: int = field(default=0, init=False)
    _distributor: Distributor = field(init=False)
    _wanting: dict[Group, dict[MinerPort, None]] = field(factory=dict, init=False)
    _duplicates: Duplicates = field(factory=Duplicates, init=False)

    def __attrs_post_init__(self) -> None:
        self._distributor = Distributor(self.clock)
        self._schedule = Schedule(self.clock, self._look)

    @property
    def groups(self) -> Sequence[Group]:
        """All groups, in the order in which they were made."""
        return list(self._groups)

    @property
    def layout(self) -> Layout:
        """How the extranonce is cut here."""
        return self.spaces.layout

    def start(self) -> None:
        """Open the first group of each route, so that work is there before miners."""
        for index in range(len(self.routes)):
            if not self._takes_identity(index):
                self._group_with_room((index, ""))

    def stop(self) -> None:
        """Let every source go."""
        self._schedule.stop()
        for group in self._groups:
            group.sourcing.close_all()

    # miners come and go

    def seat(self) -> Seat | None:
        """Take a slot for a miner whose worker is not known yet."""
        return self.spaces.seat()

    def release(self, seat: Seat, last_seq: int | None) -> None:
        """Give a slot back; `last_seq` is the newest job its holder was given."""
        seat.space.slots.release(seat.slot, last_seq)

    def group_key(self, worker: WorkerName) -> GroupKey:
        """Return what decides where the jobs of `worker` come from."""
        index = next(
            i for i, r in enumerate(self.routes) if fnmatchcase(worker, r.pattern)
        )
        return index, worker if self._takes_identity(index) else ""

    def find_group(self, seat: Seat, worker: WorkerName) -> tuple[Group, Seat] | None:
        """Return the group for `worker`, and its seat there; None if all are full."""
        key = self.group_key(worker)
        for group in self._groups.of_key(key):
            moved = self.spaces.move(seat, group.space)
            if moved is not None:
                return group, moved
        added = self._new_group(key, self._space_for(seat))
        moved_there = self.spaces.move(seat, added.space) if added else None
        return (added, moved_there) if added and moved_there else None

    def join(self, miner: MinerPort, group: Group) -> None:
        """Count `miner` in; it gets the current job if it is granted work."""
        group.members[miner] = None
        if group.current is not None and miner.is_granted:
            miner.assign(group.current.job, group.current.line)

    def leave(self, miner: MinerPort, group: Group) -> None:
        """Count `miner` out."""
        group.members.pop(miner, None)
        self._wanting.get(group, {}).pop(miner, None)

    def want_revision(self, miner: MinerPort, group: Group) -> None:
        """Give `miner` fresh work soon, with its new difficulty.

        All who ask within a second share one revision of the job.
        """
        self._wanting.setdefault(group, {})[miner] = None
        self._revise(group)
        self._look_again(group, self._now())

    @property
    def last_seq(self) -> int:
        """Number of the newest job."""
        return self._seq

    # sources

    def work_arrived(self, feed: Feed) -> None:
        """Post the new work of `feed` to the groups that hash for it."""
        work = feed.work
        if work is None:
            return
        now = self._now()
        for group in self._groups.using(feed):
            group.tip_moved(work, now)
            self._evaluate(group)  # first: it may leave less room than the one before
            if group.sourcing.feed is feed and group.taken is not work:
                self._take(group, work)
            self._look_again(group, now)

    def feed_lost(self, feed: Feed, session: int) -> None:
        """Move the groups that hashed for `feed` to the next source."""
        now = self._now()
        for group in self._groups.with_jobs_of(feed):
            if session:
                group.session_lost(session, now)
        self._groups.forget_former(feed)
        for group in self._groups.using(feed):
            self._evaluate(group)
            self._look_again(group, now)

    def tick(self) -> None:
        """Do what time brings: fail-back, refresh, revisions, retirement."""
        now = self._now()
        self._look_at_sources(now)
        self._schedule.tick(now)
        if now - self._cleared_up_at >= CLEAR_UP_EVERY:
            self._cleared_up_at = now
            self._bound_memory()
            self.spaces.retire(self._oldest_live())

    def _look_at_sources(self, now: Seconds) -> None:
        """Have the groups looked at whose sources offer something else than before."""
        changed = self._offers.changed(s for r in self.routes for s in r.sources)
        if changed:
            routes = [
                index
                for index, route in enumerate(self.routes)
                if any(source.name in changed for source in route.sources)
            ]
            self._schedule.put_now(self._groups.of_routes(routes), now)

    def _look(self, group: Group, now: Seconds) -> None:
        self._evaluate(group)
        group.retire(now)
        feed = group.sourcing.feed
        if feed is not None and feed.work is not None:
            if group.is_behind:
                self._take(group, feed.work, more=1)
            if now - group.posted_at >= REFRESH_AFTER:
                self._post(group, feed.work, clean=False)
            self._revise(group)
        self._look_again(group, now)

    def _look_again(self, group: Group, now: Seconds) -> None:
        is_wanted = group.is_behind or group in self._wanting
        self._schedule.put(group, now, is_wanted=is_wanted)

    def _bound_memory(self) -> None:
        while self._holds_too_much():
            oldest = [group.jobs.retire_oldest() for group in self._groups]
            if not any(oldest):
                return
            for group in self._groups:
                group.retire(self._now())

    def _holds_too_much(self) -> bool:
        works = sum(group.jobs.bytes_held for group in self._groups)
        return self._duplicates.keys_held > MAX_KEYS or works > self.max_work_bytes

    def _oldest_live(self) -> int:
        firsts = [next(iter(g.live.values())).job.seq for g in self._groups if g.live]
        return min(firsts, default=self._seq + 1)

    def _evaluate(self, group: Group) -> None:
        """Choose the group's source anew; another one's work is posted."""
        before = group.sourcing.source_name
        changed = group.sourcing.evaluate(self._now())
        self._groups.note_feeds(group)
        after = group.sourcing.source_name
        self._note_idle(group, is_idle=after is None)
        if not changed:
            return
        feed = group.sourcing.feed
        if before != after and group.space.number == 0:
            self._log.info(
                "{site}: source {before} -> {after}",
                site=self.site,
                before=before or "(none)",
                after=after or "(none)",
            )
        if feed is not None and feed.work is not None:
            self._post(group, feed.work, clean=True)

    def _note_idle(self, group: Group, *, is_idle: bool) -> None:
        if is_idle is (group.idle_since is not None):
            return
        group.idle_since = self._now() if is_idle else None
        self.on_idle(group)

    def _take(self, group: Group, work: Work, more: int = 0) -> None:
        """Post `work` of the group's source, unless it is what miners have.

        What comes too fast waits for a tick, which may post so many `more`: the
        newest is posted then.
        """
        is_urgent = group.is_urgent(work)
        burst = (URGENT_BURST if is_urgent else BURST) + more
        clean = work.clean or is_urgent or group.owes_clean
        if not clean and group.is_known(work):
            group.taken = work
        elif group.pace.lets(self._now(), burst):
            self._post(group, work, clean=clean)
        else:
            group.owes_clean = clean

    def _post(self, group: Group, work: Work, *, clean: bool) -> None:
        group.taken, group.owes_clean = work, False
        self._seq += 1
        entry = group.post(work, self._seq, self._now(), clean=clean)
        if entry is None:
            return  # better no job than one that was hashed before
        self._wanting.pop(group, None)  # they all get this one
        rest = group.copies.deliver(entry.line, group.members)
        self._distributor.send(group, entry, list(rest))

    def _revise(self, group: Group) -> None:
        """Serve those who want a revision, if the last one is a second old."""
        wanting = self._wanting.get(group)
        current = group.current
        now = self._now()
        if not wanting or current is None or now - group.posted_at < REVISION_SPACING:
            return
        self._seq += 1
        entry = group.post(current.job.work, self._seq, now, clean=False)
        if entry is None:
            return
        del self._wanting[group]
        hand_out(group, entry, wanting)

    # groups

    def _takes_identity(self, route: int) -> bool:
        return any(source.takes_identity() for source in self.routes[route].sources)

    def _group_with_room(self, key: GroupKey) -> Group | None:
        for group in self._groups.of_key(key):
            if not group.space.slots.is_exhausted:
                return group
        return self._new_group(key, self.spaces.new_space())

    def _space_for(self, seat: Seat) -> Space | None:
        """Return a space for one more group: the seat's own if nobody else's."""
        if self.spaces.is_wide or not self._groups.is_taken(seat.space):
            return seat.space
        return self.spaces.new_space()

    def _new_group(self, key: GroupKey, space: Space | None) -> Group | None:
        if space is None or len(self._groups) >= MAX_GROUPS:
            return None
        route, identity = key
        sourcing = Sourcing.over(
            self.routes[route].sources,
            site=self.site,
            identity=identity,
            space=space.number,
            layout=self.layout,
            fail_back=self.fail_back,
        )
        jobs = LiveJobs(self.layout, space.number, self.new_copies(), self._duplicates)
        group = Group(sourcing, space, jobs)
        self._groups.add(group, key)
        self._evaluate(group)
        self._look_again(group, self._now())
        return group

    def _now(self) -> Seconds:
        return Seconds(self.clock.seconds())
