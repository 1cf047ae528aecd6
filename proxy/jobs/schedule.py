"""When a group is looked at next, so that no second costs a look at all of them."""

import math
from collections.abc import Callable, Iterable

from attrs import define, field, frozen
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from protocol.units import Seconds
from proxy.jobs.feed import Source
from proxy.jobs.group import Group
from proxy.jobs.live import RETIRE_AFTER
from proxy.runtime.due import DueList

REFRESH_AFTER = Seconds(30.0)
"""Firmware takes a pool for dead after 60 to 120 s without a job."""

REVISION_SPACING = Seconds(1.0)

AT_ONCE = 64
"""Groups that are looked at in one turn of the reactor: 5 ms if each gets a job."""


@define(eq=False, repr=False)
class Schedule:
    """Has each group looked at when time brings it something, some of them a turn.

    Attributes:
        look: Does to a group what time brings. It puts it back with `put`.
    """

    _log = Logger()

    clock: IReactorTime
    look: Callable[[Group, Seconds], None]
    _due: DueList[Group] = field(factory=DueList, init=False)
    _going_on: IDelayedCall | None = field(default=None, init=False)

    def put(
        self, group: Group, now: Seconds, *, is_wanted: bool, over_at: float
    ) -> None:
        """Note when `group` has to be looked at next.

        Args:
            group: With its sources and jobs as they are from now on.
            now: It is looked at later than this.
            is_wanted: A miner waits for a revision of its job.
            over_at: From when on nobody needs it; infinite while somebody does.
        """
        retires_at = group.oldest_replaced_at + RETIRE_AFTER
        sourcing = group.sourcing
        at = min(retires_at, sourcing.fail_back_at, sourcing.close_at, over_at)
        if sourcing.active is not None:
            at = min(at, group.served_at + REFRESH_AFTER)
            if is_wanted:
                at = min(at, group.posted_at + REVISION_SPACING)
        # Later than now, or a look that changes nothing would be due again in the same
        # tick.
        self._due.by(group, max(at, math.nextafter(now, math.inf)))

    def put_now(self, groups: Iterable[Group], now: Seconds) -> None:
        """Have `groups` looked at with the next tick."""
        for group in groups:
            self._due.by(group, now)

    def drop(self, group: Group) -> None:
        """Look at `group` no more."""
        self._due.drop(group)

    def tick(self, now: Seconds) -> None:
        """Look at the groups that are due, unless those of before are not done yet."""
        # A tick that comes while the last one's groups are still looked at adds
        # nothing: they are in the list.
        if self._going_on is None:
            self._go_on(now)

    def stop(self) -> None:
        """Look at no more groups."""
        if self._going_on is not None:
            self._going_on.cancel()
            self._going_on = None

    def _go_on(self, now: Seconds) -> None:
        self._going_on = None
        for group in self._due.take(now, AT_ONCE):
            self._due.by(group, now + REFRESH_AFTER)  # at the latest, if it fails now
            with self._log.failuresHandled("looking at a group"):
                self.look(group, now)
        if self._due.is_due(now):
            self._going_on = self.clock.callLater(0, self._go_on, now)


@frozen
class _Offer:
    unusable: str
    doubt: str
    room: int | None


@define(eq=False, repr=False)
class Offers:
    """What sources say of themselves that no feed tells: a look a second at each."""

    _known: dict[str, _Offer] = field(factory=dict, init=False)

    def changed(self, sources: Iterable[Source]) -> frozenset[str]:
        """Return the names of those that offer something else than at the last look."""
        now = {one.name: _Offer(one.unusable, one.doubt, one.room) for one in sources}
        before, self._known = self._known, now
        return frozenset(name for name in now if now[name] != before.get(name))
