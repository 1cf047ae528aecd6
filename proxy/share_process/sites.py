"""A site put together: layout, board, factory, and the ports that miners come to."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from attrs import define, field
from twisted.application.service import MultiService, Service
from twisted.internet.defer import maybeDeferred
from twisted.logger import Logger
from typing_extensions import override

from protocol.units import Seconds, UnixTime
from protocol.work.extranonce import read_layout
from proxy.config import SiteConfig
from proxy.downstream.batch import Batch
from proxy.downstream.connection import SiteFactory
from proxy.downstream.fast.choice import EngineChoice
from proxy.downstream.listener import MinerListener
from proxy.downstream.parking import Parking
from proxy.downstream.site_context import SiteContext
from proxy.downstream.sv2_keys import ServerKeys
from proxy.jobs.board import JobBoard
from proxy.jobs.feed import Source
from proxy.jobs.routes import Route, Routes
from proxy.jobs.slot_allocator import SlotAllocator
from proxy.runtime.descriptors import Descriptors
from proxy.runtime.host_endpoint import Reactor
from proxy.runtime.inflow import Turns
from proxy.runtime.listener import ListenerService
from proxy.runtime.pauses import Pauses
from proxy.runtime.periodic import PeriodicService
from proxy.runtime.tasks import Tasks
from proxy.share_process.layout_memory import LayoutMemory
from proxy.share_process.site_ports import (
    Key,
    SitePort,
    SitePorts,
    adjust,
    bounds_of,
)
from proxy.share_process.sources import Sources
from proxy.shares.record import Recorder

MIN_RETURNS = 1.0
"""Miners a second that get work again, however slow the ramp: sites must not starve."""

NewPorts = Mapping[Key, SitePort]


@define(eq=False, repr=False)
class SiteBuilder:
    """Opens sites.

    Attributes:
        root: Whose children their services become.
        keys: Returns what is shown to miners of Stratum V2, made if need be.
        check_keys: Raises KeyFileError if `keys` would; makes nothing.
        layouts: Of earlier runs.
        arrange: Returns which of a route's sources are used, best first.
        listeners: Ports asked for at the start: await `ready` of each.
        services: Of the sites, by name.
    """

    _log = Logger()

    root: MultiService
    sources: Sources
    recorder: Recorder
    reactor: Reactor
    wall_clock: Callable[[], UnixTime]
    random: Callable[[], float]
    keys: Callable[[], ServerKeys]
    check_keys: Callable[[], object]
    engine: EngineChoice
    layouts: LayoutMemory
    descriptors: Descriptors
    arrange: Callable[[Sequence[str]], Sequence[str]] = tuple
    listeners: list[ListenerService] = field(factory=list, init=False)
    services: "dict[str, SiteService]" = field(factory=dict, init=False)
    _configs: dict[str, SiteConfig] = field(factory=dict, init=False)
    _turns: Turns = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._turns = Turns(self.reactor)

    def open(self, site: SiteConfig) -> SiteFactory:
        """Return the factory of `site`: ports asked for, sources being reached."""
        self._configs[site.name] = site
        board = self._board(site)
        for name in site.source_names:
            self.sources.named(name).listeners[site.name] = board
        factory = SiteFactory(self._context(site, board), site.limits, self.random)
        factory.descriptors = self.descriptors
        self.descriptors.holders.append(lambda: factory.connection_count)
        engine = self.engine.of_site(factory, self.recorder, self.reactor)
        ports = SitePorts(factory, engine, self.root, self.reactor)
        service = SiteService(ports, Seconds(site.hold_s), self.reactor)
        service.setServiceParent(self.root)
        self.services[site.name] = service
        if _speaks_v2(site):
            factory.keys = self.keys()
        new = ports.ask_for(site)
        self.listeners += [port.listener for port in new.values()]
        ports.take_on(site, new)
        for endpoint, _ in new:
            self._log.info(
                "{site}: miners at {endpoint}", site=site.name, endpoint=endpoint
            )
        board.start()
        return factory

    def without_keys(self, sites: Iterable[SiteConfig]) -> list[str]:
        """Return the names of those of `sites` that need keys and have none."""
        return [
            site.name
            for site in sites
            if _speaks_v2(site) and self.services[site.name].factory.keys is None
        ]

    def take_on(self, old: SiteConfig, new: SiteConfig, ports: NewPorts) -> None:
        """Have a site that runs be as `new` from now on, once it has its keys."""
        self._configs[new.name] = new
        service = self.services[new.name]
        factory = service.factory
        board = factory.context.board
        if new.fail_back_s != old.fail_back_s:
            board.rerouting.change_fail_back(self._fail_back(new))
        for source in self.sources.several(new.source_names):
            source.listeners[new.name] = board
        self._reroute(new)
        _grant_or_park(new, factory.context.parking)
        service.take_on(new, ports)

    def rearrange(self) -> None:
        """Use the sources of all sites as `arrange` says now."""
        for site in self._configs.values():
            self._reroute(site)

    def _reroute(self, site: SiteConfig) -> None:
        board = self.services[site.name].factory.context.board
        routes = self._routes(site)
        if list(board.routes) != routes:
            board.rerouting.change(routes)

    def _routes(self, site: SiteConfig) -> list[Route]:
        routes = [Route(r.workers, self._several(r.sources)) for r in site.routes]
        return [*routes, Route("*", self._several(site.sources))]

    def _several(self, names: Sequence[str]) -> tuple[Source, ...]:
        return self.sources.several(self.arrange(names))

    def _fail_back(self, site: SiteConfig) -> Seconds:
        return Seconds(site.fail_back_s * (1 + 0.2 * self.random()))

    def _board(self, site: SiteConfig) -> JobBoard:
        return JobBoard(
            site.name,
            Routes(self._routes(site)),
            self._slots(site),
            self.reactor,
            self._fail_back(site),
            self.engine.copies(),
        )

    def _slots(self, site: SiteConfig) -> SlotAllocator:
        """Return how the extranonce is cut at `site`: as configured, or as will fit."""
        wanted = site.extranonce.layout
        return SlotAllocator(
            self._several(site.source_names),
            fixed=None if wanted == "auto" else read_layout(wanted),
            recalled=self.layouts.recall(site.name),
            remember=self.layouts.keeper_of(site.name),
        )

    def _context(self, site: SiteConfig, board: JobBoard) -> SiteContext:
        parking = Parking(self.reactor)
        _grant_or_park(site, parking)
        return SiteContext(
            site.name,
            board,
            Batch(self.recorder, self.reactor),
            bounds_of(site.difficulty),
            self.reactor,
            self.wall_clock,
            turns=self._turns,  # one slice of a turn for all miners; pools have theirs
            parking=parking,
        )


def _speaks_v2(site: SiteConfig) -> bool:
    """Tell whether miners of Stratum V2 may come."""
    return any(listener.protocol != "sv1" for listener in site.listeners)


def _grant_or_park(site: SiteConfig, parking: Parking) -> None:
    """Have newcomers begin parked where a controller decides who works."""
    parking.grants_at_once = site.power is None
    parking.returns_per_second = returns_of(site)


def returns_of(site: SiteConfig) -> float | None:
    """Return how many miners a second return at most: along the ramp of a budget."""
    power = site.power
    if power is None:
        return None
    return max(MIN_RETURNS, power.ramp_up_w_per_s / power.unknown_w)


class SiteService(MultiService):
    """Does what time brings to a site, and sends its miners away at the end."""

    _log = Logger()

    def __init__(self, ports: SitePorts, hold: Seconds, clock: Reactor) -> None:
        super().__init__()
        self.ports = ports
        self.factory = factory = ports.factory
        self._engine = engine = ports.engine
        self._hold = hold
        self._tasks = Tasks()
        self._pauses = Pauses(factory.context.now())
        engine.start()
        self._steps: tuple[Callable[[], None], ...] = (
            engine.settle,
            factory.context.board.tick,
            self._hold_out,
            partial(factory.context.parking.let_return, Seconds(1.0)),
            self._move,
            self._sweep,
            self._rest_or_listen,
        )
        tick: Service = PeriodicService(Seconds(1.0), self._tick, clock)
        tick.setServiceParent(self)

    def take_on(self, site: SiteConfig, new: NewPorts) -> None:
        """Be as `site` says from now on; its new ports are open."""
        self._hold = Seconds(site.hold_s)
        self.factory.roster.limits = site.limits
        adjust(self.factory.context.bounds, site.difficulty)
        for listener in self.ports.take_on(site, new):
            self._tasks.start("close a port", _close(listener))
        self.factory.bounds_changed()

    @override
    async def stopService(self) -> None:
        await self._tasks.cancel_all()
        self._engine.stop()
        self.factory.context.batch.flush()
        self.factory.context.board.stop()
        self.factory.close_all()
        self._engine.close()
        await super().stopService()

    async def _tick(self) -> None:
        for step in self._steps:
            with self._log.failuresHandled("{step} failed", step=step):
                step()

    def _hold_out(self) -> None:
        self.factory.hold(self._hold)

    def _move(self) -> None:
        """Ask miners to reconnect whose layout fits no source."""
        board, roster = self.factory.context.board, self.factory.roster
        choice = board.source_choice
        those, choice.to_reconnect = choice.to_reconnect, []
        roster.move(those, self.factory.context.now())

    def _rest_or_listen(self) -> None:
        for listener in self.ports.listeners:
            listener.look()

    def _sweep(self) -> None:
        now = self.factory.context.now()
        if not self._pauses.must_listen_first(now):
            self.factory.roster.sweep(now)


async def _close(listener: MinerListener) -> None:
    await maybeDeferred(listener.disownServiceParent)
