"""Groups of a site over time: opened where a miner needs one, closed when none does.

A group holds a search space and connections to its sources. A miner that connects
again gets another slot, since its old one was searched already. A slot that was given
up rests until its group has a newer job, which is another search space; where all slots
rest, one is made for it. So one miner, however often it comes, needs no more.

A group that all have left is closed, and its connections with it, once the jobs they
were given are of no use: until then what was submitted of them is remembered.
"""

from collections.abc import Callable

from attrs import define
from twisted.internet.interfaces import IReactorTime

from protocol.units import Seconds, WorkerName
from proxy.jobs.duplicates import Duplicates
from proxy.jobs.group import Group
from proxy.jobs.groups import GONE, GroupKey, Groups
from proxy.jobs.live import LiveJobs
from proxy.jobs.ports import JobCopies
from proxy.jobs.posting import Posting
from proxy.jobs.routes import Routes
from proxy.jobs.slot_allocator import SlotAllocator
from proxy.jobs.sourcing import Sourcing
from proxy.jobs.space import HeldSlot, Space

RENEWED = 64
"""Groups that are given a new job in a row, so that slots of their space come free."""

MAX_GROUPS = 20_000
"""A group for each worker of a large site with per-worker pools."""


@define(eq=False, repr=False)
class GroupLifecycle:
    """Opens and closes the groups of a site.

    Attributes:
        groups: Those that are open.
        on_open: Called with a group that was opened.
        on_close: Called with one that is being closed, without members.
    """

    site: str
    routes: Routes
    slots: SlotAllocator
    clock: IReactorTime
    fail_back: Seconds
    new_copies: Callable[[], JobCopies]
    groups: Groups
    posting: Posting
    duplicates: Duplicates
    on_open: Callable[[Group], None]
    on_close: Callable[[Group], None]

    def find(
        self, held: HeldSlot, worker: WorkerName, last_seq: int | None = None
    ) -> tuple[Group, HeldSlot] | None:
        """Return the group for `worker`, and its slot there; None if all are full.

        Args:
            held: The slot that it has until now.
            worker: Who it is.
            last_seq: The newest job that it was given; None: it had none.
        """
        key = (*self.routes.place_of(worker), held.layout)
        for group in self.groups.of_key(key):
            moved = held.move(group.space, last_seq)
            # Its own slot rests there, from when it was here: one newer job frees it.
            if moved is None and held.rests_in(group.space):
                self.posting.renew(group)
                self._retire(group.space)
                moved = held.move(group.space, last_seq)
            if moved is not None:
                return group, moved
        # After the search: a miner that finds its group needs no new one.
        if len(self.groups) >= MAX_GROUPS:
            return None
        alone = self._slot_alone(held, last_seq)
        return (self._open(key, alone.space), alone) if alone else None

    def open_shared(self) -> None:
        """Open a group of each route that has none: work is there before miners."""
        spaces = self.slots.spaces
        if spaces is None:
            return
        for index in self.routes.shared():
            if self.groups.of_key((index, "", spaces.layout)):
                continue
            space = spaces.new_space()
            if space is not None:
                self._open((index, "", spaces.layout), space)

    def free_slots(self, *, is_proxy: bool) -> None:
        """Free slots of proxies, or of miners, that rest, where there are no others.

        Their holders came and went fast. A job that is newer than they is another
        search space, and is made for it: in a group once a second at most.
        """

        def resting(space: Space) -> int:
            return space.resting(is_proxy=is_proxy)

        # The fullest of them, so that one new job frees the most.
        space = max(self.slots.spaces or (), key=resting, default=None)
        if space is None or not (before := resting(space)):
            return
        # First without a new job: newer ones may have gone out since the last look.
        self._retire(space)
        if resting(space) < before:
            return
        for group in list(self.groups.in_space(space))[:RENEWED]:
            self.posting.renew(group)
        self._retire(space)

    def retire_slots(self) -> None:
        """Free the slots whose last holders know no job that is still given out."""
        for space in self.slots.spaces or ():
            self._retire(space)

    def is_former(self, group: Group) -> bool:
        """Return whether slots are given out in another layout than that of `group`."""
        layout = self.slots.layout
        return layout is not None and group.layout.generation != layout.generation

    def is_needed(self, group: Group) -> bool:
        """Return whether `group` stays without members, to have work for the next."""
        route, identity, layout = key = self.groups.key_of(group)
        if identity or layout.is_for_proxies or self.is_former(group):
            return False
        if route == GONE or self.routes[route].takes_identity():
            return False
        return len(self.groups.of_key(key)) == 1

    def close(self, group: Group) -> None:
        """Close `group`, which has no members, and what it holds open."""
        # First: what follows must not find it by any index.
        self.groups.remove(group)
        self.on_close(group)
        self.posting.forget(group)
        group.sourcing.close_all()
        group.jobs.close()
        # Another route's groups may be in the same space: it is vacant without any.
        if self.slots.spaces is not None and not self.groups.in_space(group.space):
            self._retire(group.space)
            self.slots.spaces.vacate(group.space)

    def _retire(self, space: Space) -> None:
        """Free the slots of `space` that have rested."""
        # The next job's number where none is given out: every slot has rested then.
        space.retire(self.groups.oldest_given(space, self.posting.last_seq + 1))

    def _slot_alone(self, held: HeldSlot, last_seq: int | None) -> HeldSlot | None:
        """Return `held` in a space for one more group: its own if nobody else's."""
        spaces = self.slots.spaces
        if spaces is None or spaces.layout.generation != held.layout.generation:
            return held  # of a former layout
        if held.layout.is_for_proxies:
            return held  # groups of proxies share a space: their slots differ
        if spaces.is_wide or not self.groups.is_taken(held.space, held.layout):
            return held
        return spaces.move_away(held, last_seq)

    def _open(self, key: GroupKey, space: Space) -> Group:
        route, identity, layout = key
        sourcing = Sourcing.over(
            self.routes[route].sources,
            site=self.site,
            identity=identity,
            space=space.number,
            layout=layout,
            fail_back=self.fail_back,
        )
        jobs = LiveJobs(layout, space.number, self.new_copies(), self.duplicates)
        group = Group(sourcing, space, jobs, Seconds(self.clock.seconds()))
        self.groups.add(group, key)
        if self.slots.spaces is not None:
            self.slots.spaces.occupy(space)
        self.on_open(group)
        return group
