"""What sites are held to while no controller speaks, and what it is told of it then."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec
from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from protocol.units import Seconds, Watts
from proxy.power.link.messages import MAX_ROWS, FailSafe, SiteFigures
from proxy.runtime.tasks import Tasks
from proxy.supervisor.failsafe import PoweredSite, whom_to_park

LEASE = Seconds(30.0)
"""Without a word from a controller for so long, a site goes to its fail-safe."""


@define(eq=False, repr=False)
class UnheardSites:
    """The fail-safe of all sites.

    Attributes:
        sites: By name.
        is_safe: It was begun, and no controller has spoken since.
    """

    _log = Logger()

    sites: Mapping[str, PoweredSite]
    clock: IReactorTime
    is_safe: bool = field(default=False, init=False)
    _budget_w: dict[str, float] = field(factory=dict, init=False)
    _top_ratio: dict[str, float] = field(factory=dict, init=False)
    _untold: dict[str, FailSafe] = field(factory=dict, init=False)
    _safe_at: Seconds = field(default=Seconds(0.0), init=False)
    _tasks: Tasks = field(factory=Tasks, init=False)

    def heard(self, figures: Iterable[SiteFigures]) -> None:
        """Take in what a controller says of the sites: it holds them."""
        self.is_safe = False
        self._untold = {}
        for one in figures:
            self._budget_w[one.site] = one.budget_w
            self._top_ratio[one.site] = one.top_ratio

    def granted(self) -> None:
        """Note that a controller grants work: it holds the sites."""
        self.is_safe = False

    def limit_w(self, site: str) -> Watts:
        """Return what a site may draw while nobody says: never more than before."""
        fail_safe_w = self.sites[site].power.unheard_w
        return Watts(min(fail_safe_w, self._budget_w.get(site, fail_safe_w)))

    def begin(self) -> None:
        """Park what the fail-safe leaves no room for: nobody else will."""
        self.is_safe = True
        self._safe_at = self._now()
        for name in self.sites:
            with self._log.failuresHandled("the fail-safe of {site} failed", site=name):
                self._tasks.start(f"fail-safe of {name}", self._begin_at(name))

    def untold(self) -> Iterator[FailSafe]:
        """Yield what was done without a controller: it must know the miners first."""
        for told in list(self._untold.values()):
            ago_s = self._now() - self._safe_at
            yield msgspec.structs.replace(told, ago_s=ago_s)

    def close(self) -> None:
        """Choose nobody any more: the share process stops."""
        self._tasks.start("stop choosing whom to park", self._tasks.cancel_all())

    async def _begin_at(self, name: str) -> None:
        site = self.sites[name]
        parking = site.factory.context.parking
        # also those that a source will have work for again
        granted = [m for m in parking.miners.values() if parking.may_work(m)]
        limit_w = self.limit_w(name)
        ratio = self._top_ratio.get(name, 1.0)
        parked = await whom_to_park(granted, site, limit_w, ratio, self.clock)
        if not self.is_safe:
            return  # a controller has spoken meanwhile
        parking.park(parked)
        self._untold[name] = FailSafe(name, 0.0, limit_w, parked[:MAX_ROWS])
        self._log.error(
            "{site}: no controller for {lease:.0f} s: fail-safe, {count} parked",
            site=name,
            lease=LEASE,
            count=len(parked),
        )

    def _now(self) -> Seconds:
        return Seconds(self.clock.seconds())
