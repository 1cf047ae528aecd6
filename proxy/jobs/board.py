"""The jobs of one site: which group hashes what, from which source."""

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from protocol.units import Seconds, WorkerName
from protocol.work.extranonce import Layout
from protocol.work.job import Work
from proxy.jobs.distributor import Distributor, hand_out
from proxy.jobs.feed import Feed, Source
from proxy.jobs.group import Group, LiveJob
from proxy.jobs.ports import JobCopies, MinerPort, NoCopies
from proxy.jobs.sourcing import Sourcing
from proxy.jobs.space import Seat, Space, Spaces

REFRESH_AFTER = Seconds(30.0)
"""Firmware takes a pool for dead after 60 to 120 s without a job."""

REVISION_SPACING = Seconds(1.0)

MAX_KEYS = 1 << 24
"""Duplicate keys that a site holds; beyond it the oldest jobs retire early."""

MAX_GROUPS = 20_000
"""A group for each worker of a large site with per-worker pools."""


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
    """

    _log = Logger()

    site: str
    routes: Sequence[Route]
    spaces: Spaces
    clock: IReactorTime
    fail_back: Seconds
    new_copies: Callable[[], JobCopies] = NoCopies
    groups: list[Group] = field(factory=list, init=False)
    _by_key: dict[tuple[int, str, int], Group] = field(factory=dict, init=False)
    _seq: int = field(default=0, init=False)
    _distributor: Distributor = field(init=False)
    _wanting: dict[Group, dict[MinerPort, None]] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._distributor = Distributor(self.clock)

    @property
    def layout(self) -> Layout:
        """How the extranonce is cut here."""
        return self.spaces.layout

    def start(self) -> None:
        """Open the first group of each route, so that work is there before miners."""
        for index in range(len(self.routes)):
            if not self._takes_identity(index):
                self._group_with_room(index, "")

    def stop(self) -> None:
        """Let every source go."""
        for group in self.groups:
            group.sourcing.close_all()

    # miners come and go

    def seat(self) -> Seat | None:
        """Take a slot for a miner whose worker is not known yet."""
        return self.spaces.seat()

    def release(self, seat: Seat, last_seq: int | None) -> None:
        """Give a slot back; `last_seq` is the newest job its holder was given."""
        seat.space.slots.release(seat.slot, last_seq)

    def group_key(self, worker: WorkerName) -> tuple[int, str]:
        """Return what decides where the jobs of `worker` come from."""
        index = next(
            i for i, r in enumerate(self.routes) if fnmatchcase(worker, r.pattern)
        )
        return index, worker if self._takes_identity(index) else ""

    def find_group(self, seat: Seat, worker: WorkerName) -> tuple[Group, Seat] | None:
        """Return the group for `worker`, and its seat there; None if all are full."""
        route, identity = self.group_key(worker)
        for group in self._groups_of(route, identity):
            moved = self.spaces.move(seat, group.space)
            if moved is not None:
                return group, moved
        added = self._new_group(route, identity, self._space_for(seat))
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
        for group in self.groups:
            if not group.sourcing.uses(feed):
                continue
            group.tip_moved(work, now)
            if group.sourcing.feed is feed:
                self._post(group, work, clean=self._is_clean(group, work))
            else:
                self._evaluate(group)

    def feed_lost(self, feed: Feed, session: int) -> None:
        """Move the groups that hashed for `feed` to the next source."""
        now = self._now()
        for group in self.groups:
            if session:
                group.session_lost(session, now)
            if group.sourcing.uses(feed):
                self._evaluate(group)

    def tick(self) -> None:
        """Do what time brings: fail-back, refresh, revisions, retirement."""
        now = self._now()
        for group in self.groups:
            self._evaluate(group)
            group.retire(now)
            feed = group.sourcing.feed
            if feed is not None and feed.work is not None:
                if now - group.posted_at >= REFRESH_AFTER:
                    self._post(group, feed.work, clean=False)
                self._revise(group)
        self._bound_memory()
        self.spaces.retire(self._oldest_live())

    def _bound_memory(self) -> None:
        while sum(group.keys_held for group in self.groups) > MAX_KEYS:
            oldest = [group.retire_oldest() for group in self.groups]
            if not any(oldest):
                return
            for group in self.groups:
                group.retire(self._now())

    def _oldest_live(self) -> int:
        firsts = [next(iter(g.live.values())).job.seq for g in self.groups if g.live]
        return min(firsts, default=self._seq + 1)

    def _evaluate(self, group: Group) -> None:
        before = group.sourcing.source_name
        changed = group.sourcing.evaluate(self._now())
        after = group.sourcing.source_name
        if after is not None:
            group.idle_since = None
        elif group.idle_since is None:
            group.idle_since = self._now()
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

    def _is_clean(self, group: Group, work: Work) -> bool:
        current = group.current
        if work.clean or current is None:
            return True
        old = current.job.work
        return old.prev_hash != work.prev_hash or old.session != work.session

    def _post(self, group: Group, work: Work, *, clean: bool) -> LiveJob:
        self._seq += 1
        entry = group.post(work, self._seq, self._now(), clean=clean)
        self._wanting.pop(group, None)  # they all get this one
        rest = group.copies.deliver(entry.line, group.members)
        self._distributor.send(group, entry, list(rest))
        return entry

    def _revise(self, group: Group) -> None:
        """Serve those who want a revision, if the last one is a second old."""
        wanting = self._wanting.get(group)
        current = group.current
        now = self._now()
        if not wanting or current is None or now - group.posted_at < REVISION_SPACING:
            return
        del self._wanting[group]
        self._seq += 1
        entry = group.post(current.job.work, self._seq, now, clean=False)
        hand_out(group, entry, wanting)

    # groups

    def _takes_identity(self, route: int) -> bool:
        return any(source.takes_identity() for source in self.routes[route].sources)

    def _groups_of(self, route: int, identity: str) -> list[Group]:
        return [g for k, g in self._by_key.items() if k[:2] == (route, identity)]

    def _group_with_room(self, route: int, identity: str) -> Group | None:
        for group in self._groups_of(route, identity):
            if not group.space.slots.is_exhausted:
                return group
        return self._new_group(route, identity, self.spaces.new_space())

    def _space_for(self, seat: Seat) -> Space | None:
        """Return a space for one more group: the seat's own if nobody else's."""
        taken = any(group.space is seat.space for group in self.groups)
        if self.spaces.is_wide or not taken:
            return seat.space
        return self.spaces.new_space()

    def _new_group(
        self, route: int, identity: str, space: Space | None
    ) -> Group | None:
        if space is None or len(self.groups) >= MAX_GROUPS:
            return None
        sourcing = Sourcing.over(
            self.routes[route].sources,
            site=self.site,
            identity=identity,
            space=space.number,
            layout=self.layout,
            fail_back=self.fail_back,
        )
        group = Group(sourcing, space, self.layout, self.new_copies())
        self.groups.append(group)
        self._by_key[(route, identity, space.number)] = group
        self._evaluate(group)
        return group

    def _now(self) -> Seconds:
        return Seconds(self.clock.seconds())
