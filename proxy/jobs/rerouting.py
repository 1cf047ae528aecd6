"""Have a site mine on other sources while it runs: others, or by other routes.

Miners stay connected and keep their slots. A group keeps its route, by its pattern, and
goes on with the first of the new sources that has work: for its miners that is one job.
What it hashed for until then stays open for a while, so that shares on their way are
delivered. A miner whose worker has another route now goes to a group of that.
"""

from collections.abc import Sequence

from attrs import define, field

from protocol.units import Seconds, WorkerName
from proxy.jobs.feed import Source
from proxy.jobs.group import Group
from proxy.jobs.groups import GONE, Groups
from proxy.jobs.lifecycle import GroupLifecycle
from proxy.jobs.ports import MinerPort
from proxy.jobs.routes import Route
from proxy.jobs.schedule import Schedule
from proxy.jobs.site_layout import SiteLayout
from proxy.runtime.slices import Slices


@define(eq=False, repr=False)
class Rerouting:
    """Changes the routes of one site."""

    lifecycle: GroupLifecycle
    layout: SiteLayout
    schedule: Schedule
    _moving: Slices[MinerPort] = field(init=False)

    def __attrs_post_init__(self) -> None:
        clock = self.lifecycle.clock
        self._moving = Slices(clock, lambda m: m.reroute(), "another route")

    def change_fail_back(self, fail_back: Seconds) -> None:
        """Go back to a better source once it has had work for so long."""
        self.lifecycle.fail_back = fail_back
        for group in self._groups:
            group.sourcing.fail_back = fail_back

    def change(self, routes: Sequence[Route]) -> None:
        """Serve workers by `routes` from now on; the last one takes every worker."""
        known = self.lifecycle.routes
        # Before any group is looked at: keys hold the numbers of routes.
        self._groups.renumber(known.change(routes))
        self.layout.change(known.sources)
        groups, now = list(self._groups), Seconds(self.lifecycle.clock.seconds())
        for group in groups:
            group.sourcing.change(self._sources_of(group), now)
        # Before miners move: the group that they go to is there and has work.
        self.lifecycle.open_shared()
        self.schedule.put_now(groups, now)  # each chooses its source anew
        self.schedule.tick(now)
        self._moving.add(miner for group in groups for miner in group.members)

    def is_for(self, group: Group, worker: WorkerName) -> bool:
        """Tell whether `group` is one of those that `worker` belongs to."""
        place = self.lifecycle.routes.place_of(worker)
        return self._groups.key_of(group)[:2] == place

    def stop(self) -> None:
        """Move nobody more."""
        self._moving.stop()

    def _sources_of(self, group: Group) -> Sequence[Source]:
        """Return the sources of a group's route; none if it is for nobody any more."""
        number, identity, _ = self._groups.key_of(group)
        if number == GONE:
            return ()
        route = self.lifecycle.routes[number]
        # A group of one worker has no use for sources that are shared, nor the reverse.
        return route.sources if route.takes_identity() is bool(identity) else ()

    @property
    def _groups(self) -> Groups:
        return self.lifecycle.groups
