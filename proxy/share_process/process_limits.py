"""What the share process can hold, and how near it is to that."""

from collections.abc import Mapping
from functools import partial

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from protocol.units import Seconds
from proxy.admin.server import AdminFactory
from proxy.downstream.connection import SiteFactory
from proxy.runtime.descriptors import Descriptors, descriptor_limit
from proxy.runtime.limits import Limit, LimitWatch
from proxy.runtime.periodic import PeriodicService
from proxy.share_process.sources import Sources


@define(eq=False, repr=False)
class ProcessLimits:
    """The limits that others can reach.

    Attributes:
        factories: Sites by name.
        clients: Who serve the operators.
        descriptors: How many connections of miners there may be.
    """

    sources: Sources
    factories: Mapping[str, SiteFactory]
    clients: list[AdminFactory] = field(factory=list, init=False)
    descriptors: Descriptors = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.descriptors = Descriptors(descriptor_limit(), self._vital, self._each())

    def all(self) -> list[Limit]:
        """Return every limit as it is now."""
        sites = (_miners_of(name, factory) for name, factory in self.factories.items())
        return [self._connections(), *sites]

    def watch(self, clock: IReactorTime) -> PeriodicService:
        """Return what raises an alarm when one of them is reached."""
        look = partial(self._look, LimitWatch(self.all), clock)
        return PeriodicService(Seconds(1.0), look, clock)

    async def _look(self, watch: LimitWatch, clock: IReactorTime) -> None:
        self.descriptors.each = self._each()
        watch.look(Seconds(clock.seconds()))

    def _each(self) -> int:
        """Return how many files a miner takes: 2 where it has its own pool's, too."""
        pools = self.sources.pools.values()
        return 2 if any(pool.takes_identity() for pool in pools) else 1

    def _vital(self) -> int:
        clients = sum(factory.connections for factory in self.clients)
        return self.sources.descriptors + clients

    def _connections(self) -> Limit:
        files = self.descriptors
        return Limit(
            "connections of miners",
            files.held,
            files.most,
            files.turned_away,
            f"{files.limit} open files are allowed: raise LimitNOFILE, or ulimit -n",
        )


def _miners_of(name: str, factory: SiteFactory) -> Limit:
    roster = factory.roster
    return Limit(
        f"miners of {name}",
        len(roster.miners),
        roster.limits.connections,
        roster.turned_away,
        "raise connections in [sites.limits]",
    )
