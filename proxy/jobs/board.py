"""The jobs of one site: which group hashes what, from which source.

Theory of operation
    A *source* (a pool's link or a node) shows its newest *work* in a `Feed`. Miners
    that hash for the same source with extranonces of one search space are a
    *group*: they all get the same bytes, so that a job is encoded once for all of
    them. Our extranonce1 is folded into the coinbase (ADR 11), so that a source's
    one extranonce is divided among many miners: each holds a *slot* of a `Space`,
    and a group is a route, a source's order of preference and one space.

    News come in by `work_arrived`. A group that uses the feed chooses its source
    first (the news may say that this one leaves too little room), unless it goes on
    with the source in use, in the same session and room. Then
    `Posting` makes a `Job` of it and hands it out: at once where the tip moved,
    else at the pace that `PostPace` allows, the newest winning. Jobs of all groups
    of one turn go out together, the miners with the most hashrate first.

    A work is known by its content, not by its name: what a pool sends twice is no
    second search space. Every revision of a work (a new target, a minute later) has
    an ntime that no job of the same content had, and `Duplicates` keeps the keys of
    all jobs whose headers can coincide together.

    A job lives until its source's tip has moved and the grace for shares under way
    is over, or until there are too many (`live`). A group without members closes
    once its jobs have retired, and its pool connection with it; the slot of one who
    left rests until no job that he had can be submitted any more.

    Time comes in by `tick`, once a second. It looks only at groups that are due
    (`Schedule`), so that a site of thousands of idle groups costs nothing. Nothing
    here may raise for one group's sake into the loop over all: what fails is logged
    and contained there.
"""

import math
from collections.abc import Callable, Sequence

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from protocol.units import Seconds, WorkerName
from protocol.work.job import Work
from proxy.jobs.clear_up import ClearUp
from proxy.jobs.duplicates import Duplicates
from proxy.jobs.feed import Feed
from proxy.jobs.group import Group
from proxy.jobs.groups import Groups
from proxy.jobs.lifecycle import GroupLifecycle
from proxy.jobs.ports import JobCopies, MinerPort, NoCopies
from proxy.jobs.posting import Posting
from proxy.jobs.rerouting import Rerouting
from proxy.jobs.routes import Routes
from proxy.jobs.schedule import REFRESH_AFTER, Offers, Schedule
from proxy.jobs.site_layout import SiteLayout
from proxy.jobs.slot_allocator import SlotAllocator
from proxy.jobs.source_choice import SourceChoice
from proxy.jobs.space import HeldSlot

_log = Logger()


@define(eq=False, repr=False)
class JobBoard:
    """Owner of a site's jobs. Sources post here, miners are served from here.

    Attributes:
        site: The site's name.
        routes: Whose sources its workers mine on.
        slots: Gives out slots, in the layout of the site.
        new_copies: Makes what each new group keeps copies of its jobs with.
        on_job: Called with a group that has a new job.
        layout: Keeps that layout up to date.
        rerouting: Has it mine on other sources while it runs.
        source_choice: Has each group hash for the best of its sources.
        clear_up: Keeps what its groups hold within bounds.
    """

    site: str
    routes: Routes
    slots: SlotAllocator
    clock: IReactorTime
    fail_back: Seconds
    new_copies: Callable[[], JobCopies] = NoCopies
    on_job: Callable[[Group], None] = field(default=lambda _: None, init=False)
    layout: SiteLayout = field(init=False)
    rerouting: Rerouting = field(init=False)
    source_choice: SourceChoice = field(init=False)
    _groups: Groups = field(factory=Groups, init=False)
    _schedule: Schedule = field(init=False)
    _offers: Offers = field(factory=Offers, init=False)
    clear_up: ClearUp = field(init=False)
    _posting: Posting = field(init=False)
    _lifecycle: GroupLifecycle = field(init=False)
    _duplicates: Duplicates = field(factory=Duplicates, init=False)

    def __attrs_post_init__(self) -> None:
        self._posting = Posting(self.clock, self._has_job)
        self.clear_up = ClearUp(self._groups, self._duplicates)
        self._schedule = Schedule(self.clock, self._look)
        self._lifecycle = GroupLifecycle(
            self.site,
            self.routes,
            self.slots,
            self.clock,
            self.fail_back,
            self.new_copies,
            self._groups,
            self._posting,
            self._duplicates,
            self._opened,
            self._closed,
        )
        self.slots.free_slots = self._lifecycle.free_slots
        self.layout = SiteLayout(
            self.site, self.slots, self.clock, self._layout_changed
        )
        self.rerouting = Rerouting(self._lifecycle, self.layout, self._schedule)
        self.source_choice = SourceChoice(self._lifecycle, self.layout)

    @property
    def last_seq(self) -> int:
        """Number of the newest job."""
        return self._posting.last_seq

    @property
    def source_name(self) -> str | None:
        """Name of the source in use by the site's own route; None: none has work."""
        group = self._groups.newest_of_route(self.routes.own)
        return group.sourcing.source_name if group is not None else None

    @property
    def groups(self) -> Sequence[Group]:
        """All groups, in the order in which they were made."""
        return list(self._groups)

    def start(self) -> None:
        """Begin to ask the sources how much room they leave."""
        self.layout.start()

    def stop(self) -> None:
        """Let every source go."""
        self._schedule.stop()
        self._posting.stop()
        self.rerouting.stop()
        self.layout.stop()
        for group in self._groups:
            group.sourcing.close_all()

    # miners come and go

    def find_group(
        self, held: HeldSlot, worker: WorkerName, last_seq: int | None = None
    ) -> tuple[Group, HeldSlot] | None:
        """Return the group for `worker`, and its slot there; None if all are full."""
        return self._lifecycle.find(held, worker, last_seq)

    def join(self, miner: MinerPort, group: Group) -> None:
        """Count `miner` in; it gets the current job if it is granted work."""
        group.members.put(miner)
        if group.must_reconnect:
            self.source_choice.to_reconnect.append(miner)
        if group.current is not None and miner.is_granted:
            miner.assign(group.current.job, group.current.line)

    def leave(self, miner: MinerPort, group: Group) -> None:
        """Count `miner` out."""
        group.leave(miner, self._now(), self.last_seq)
        self._posting.want_no_more(miner, group)
        if not group.members and self._lifecycle.is_former(group):
            self._lifecycle.close(group)
        elif not group.members:
            self._look_again(group, self._now())

    def reorder(self, miner: MinerPort, group: Group) -> None:
        """Give `miner` its place by how much it hashes now."""
        group.members.put(miner)

    def want_revision(self, miner: MinerPort, group: Group) -> None:
        """Give `miner` fresh work soon, with its new difficulty.

        All who ask within a second share one revision of the job.
        """
        # Noted before the attempt: one that comes within a second of the last waits for
        # the schedule.
        self._posting.want(miner, group)
        self._posting.revise(group)
        self._look_again(group, self._now())

    # sources

    def work_arrived(self, feed: Feed) -> None:
        """Post the new work of `feed` to the groups that hash for it."""
        work = feed.work
        if work is None:
            return
        now = self._now()
        for group in self._groups.using(feed):
            # One group's fault must not cost the others the new block.
            with _log.failuresHandled("new work for a group failed"):
                self._take_work(group, feed, work, now)
        # One look for all groups of a new block: the biggest miners of all of them come
        # first.
        self._posting.send()

    def _take_work(self, group: Group, feed: Feed, work: Work, now: Seconds) -> None:
        group.tip_moved(work, now)
        goes_on = group.goes_on_with(feed, work)
        if not goes_on:  # first: it may leave less room than before
            self.source_choice.evaluate(group)
        # The look at the sources may have posted this very work already.
        if group.sourcing.feed is feed and group.taken is not work:
            self._posting.take(group, work, now)
        if not goes_on or group.is_behind or not group.members:
            self._look_again(group, now)  # else by when it would have been

    def room_known(self) -> None:
        """Decide on the layout by it, if no slot is held."""
        self.layout.update()

    def feed_lost(self, feed: Feed, session: int) -> None:
        """Move the groups that hashed for `feed` to the next source."""
        now = self._now()
        for group in self._groups.with_jobs_of(feed):
            if session:
                group.session_lost(session, now)
        # Only now: the groups that had left it were to be told of the loss, too.
        self._groups.forget_former(feed)
        for group in self._groups.using(feed):
            with _log.failuresHandled("leaving a lost source failed"):
                self.source_choice.evaluate(group)
                self._look_again(group, now)
        self._posting.send()

    def tick(self) -> None:
        """Do what time brings: fail-back, refresh, revisions, retirement."""
        now = self._now()
        self.layout.update()
        self._look_at_sources(now)
        self._schedule.tick(now)
        # A look at all spaces, so at the same slow pace: a slot that is needed sooner
        # is freed when it is asked for.
        if self.clear_up.look(now):
            self._lifecycle.retire_slots()

    def _look_at_sources(self, now: Seconds) -> None:
        """Have the groups looked at whose sources offer something else than before."""
        changed = self._offers.changed(self.routes.sources)
        if changed:
            routes = self.routes.using(changed)
            self._schedule.put_now(self._groups.of_routes(routes), now)

    def _look(self, group: Group, now: Seconds) -> None:
        try:
            self._look_at(group, now)
        finally:
            self._posting.send()  # what was posted before it failed, too

    def _look_at(self, group: Group, now: Seconds) -> None:
        if group not in self._groups:  # a look at another one closed it
            self._schedule.drop(group)
            return
        if now >= group.over_at and not self._lifecycle.is_needed(group):
            self._lifecycle.close(group)
            return
        self.source_choice.evaluate(group)
        group.retire(now)
        feed = group.sourcing.feed
        if feed is not None and feed.work is not None:
            # One more than the pace allows: what waited for this tick is the newest
            # there is.
            if group.is_behind:
                self._posting.take(group, feed.work, now, more=1)
            if now - group.served_at >= REFRESH_AFTER:
                self._posting.post(group, feed.work, now, clean=False)
            self._posting.send()
            self._posting.revise(group)
        self._look_again(group, now)

    def _look_again(self, group: Group, now: Seconds) -> None:
        if group not in self._groups:
            return
        is_needed = bool(group.members) or self._lifecycle.is_needed(group)
        self._schedule.put(
            group,
            now,
            is_wanted=group.is_behind or self._posting.is_wanted(group),
            over_at=math.inf if is_needed else group.over_at,
        )

    def _layout_changed(self) -> None:
        is_former = self._lifecycle.is_former
        former = [g for g in self._groups if not g.members and is_former(g)]
        self._lifecycle.open_shared()
        for group in former:  # not before: what both need stays open
            self._lifecycle.close(group)

    def _opened(self, group: Group) -> None:
        try:
            self.source_choice.evaluate(group)
        finally:
            self._posting.send()
        self._look_again(group, self._now())

    def _closed(self, group: Group) -> None:
        self._schedule.drop(group)
        self.source_choice.closed(group)

    def _has_job(self, group: Group) -> None:
        self.on_job(group)

    def _now(self) -> Seconds:
        return Seconds(self.clock.seconds())
