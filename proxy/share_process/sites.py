"""A site put together: layout, board, factory, and the ports that miners come to."""

from collections.abc import Callable, Iterator
from functools import partial

from attrs import define, evolve, field
from twisted.application.service import MultiService, Service
from twisted.logger import Logger
from typing_extensions import override

from protocol.units import Difficulty, Seconds, UnixTime
from protocol.work.extranonce import read_layout
from protocol.work.vardiff import VardiffPolicy
from proxy.config import DifficultyConfig, SiteConfig
from proxy.downstream.batch import Batch
from proxy.downstream.connection import ListenerPolicy, SiteFactory
from proxy.downstream.fast.choice import (
    EngineChoice,
    PythonEngine,
    SiteEngine,
    is_plain,
)
from proxy.downstream.listener import MinerListener
from proxy.downstream.parking import Parking
from proxy.downstream.site_context import SiteContext
from proxy.downstream.sv2_keys import ServerKeys
from proxy.jobs.board import JobBoard
from proxy.jobs.routes import Route, Routes
from proxy.jobs.slot_allocator import SlotAllocator
from proxy.runtime.descriptors import Descriptors
from proxy.runtime.host_endpoint import Reactor
from proxy.runtime.listener import ListenerService
from proxy.runtime.pauses import Pauses
from proxy.runtime.periodic import PeriodicService
from proxy.runtime.tls import server_endpoint
from proxy.share_process.layout_memory import LayoutMemory
from proxy.share_process.sources import Sources
from proxy.shares.record import Recorder

MIN_RETURNS = 1.0
"""Miners a second that get work again, however slow the ramp: sites must not starve."""

BACKLOG = 4096
"""Connections that the kernel holds for us until we take them."""


@define(eq=False, repr=False)
class SiteBuilder:
    """Opens sites.

    Attributes:
        root: Whose children their services become.
        keys: Returns what is shown to miners of Stratum V2, made if need be.
        layouts: Of earlier runs.
        listeners: Ports asked for so far: await `ready` of each.
    """

    _log = Logger()

    root: MultiService
    sources: Sources
    recorder: Recorder
    reactor: Reactor
    wall_clock: Callable[[], UnixTime]
    random: Callable[[], float]
    keys: Callable[[], ServerKeys]
    engine: EngineChoice
    layouts: LayoutMemory
    descriptors: Descriptors
    listeners: list[ListenerService] = field(factory=list, init=False)

    def open(self, site: SiteConfig) -> SiteFactory:
        """Return the factory of `site`: ports asked for, sources being reached."""
        board = self._board(site)
        for name in site.source_names:
            self.sources.named(name).listeners[site.name] = board
        factory = SiteFactory(self._context(site, board), site.limits, self.random)
        factory.descriptors = self.descriptors
        self.descriptors.holders.append(lambda: factory.connection_count)
        if any(listener.protocol != "sv1" for listener in site.listeners):
            factory.keys = self.keys()
        engine = self.engine.of_site(factory, self.recorder, self.reactor)
        hold = Seconds(site.hold_s)
        service = SiteService(factory, engine, hold, self.reactor)
        service.setServiceParent(self.root)
        for endpoint, listener_policy in self._acceptors(site, factory):
            service.listeners.append(self._listen(endpoint, listener_policy, engine))
            self._log.info(
                "{site}: miners at {endpoint}", site=site.name, endpoint=endpoint
            )
        board.start()
        return factory

    def _board(self, site: SiteConfig) -> JobBoard:
        routes = [
            Route(r.workers, self.sources.several(r.sources)) for r in site.routes
        ]
        rest = Route("*", self.sources.several(site.sources))
        return JobBoard(
            site.name,
            Routes([*routes, rest]),
            self._slots(site),
            self.reactor,
            Seconds(site.fail_back_s * (1 + 0.2 * self.random())),
            self.engine.copies(),
        )

    def _slots(self, site: SiteConfig) -> SlotAllocator:
        """Return how the extranonce is cut at `site`: as configured, or as will fit."""
        wanted = site.extranonce.layout
        return SlotAllocator(
            self.sources.several(site.source_names),
            fixed=None if wanted == "auto" else read_layout(wanted),
            recalled=self.layouts.recall(site.name),
            remember=self.layouts.keeper_of(site.name),
        )

    def _context(self, site: SiteConfig, board: JobBoard) -> SiteContext:
        return SiteContext(
            site.name,
            board,
            Batch(self.recorder, self.reactor),
            policy_of(site.difficulty),
            Difficulty(site.difficulty.start),
            self.reactor,
            self.wall_clock,
            grants_at_once=site.power is None,
            turns=self.sources.turns,  # one slice of a turn for all who send
            parking=_parking_of(site, self.reactor),
        )

    def _acceptors(
        self, site: SiteConfig, factory: SiteFactory
    ) -> Iterator[tuple[str, SiteFactory | ListenerPolicy]]:
        """Yield each endpoint of `site` with who takes its connections."""
        for endpoint in site.listen:
            yield endpoint, factory
        for listener in site.listeners:
            own = listener.difficulty(site.difficulty)
            start = Difficulty(own.start)
            context = evolve(factory.context, policy=policy_of(own), start=start)
            listener_policy = ListenerPolicy(factory, context, listener)
            factory.listener_policies.append(listener_policy)
            yield listener.endpoint, listener_policy

    def _listen(
        self,
        endpoint: str,
        listener_policy: SiteFactory | ListenerPolicy,
        engine: SiteEngine,
    ) -> MinerListener:
        server = server_endpoint(self.reactor, _deep(endpoint))
        # wrapped bytes stay with Twisted
        taker = engine if is_plain(endpoint) else PythonEngine()
        listener = taker.listener(server, listener_policy)
        self.listeners.append(listener)
        listener.setServiceParent(self.root)
        return listener


def policy_of(difficulty: DifficultyConfig) -> VardiffPolicy:
    """Return the vardiff that a `[sites.difficulty]` describes."""
    return VardiffPolicy(
        difficulty.shares_per_minute,
        Difficulty(difficulty.minimum),
        Difficulty(difficulty.maximum),
    )


def _parking_of(site: SiteConfig, clock: Reactor) -> Parking:
    """Return the parking of `site`: with a budget, miners return along its ramp."""
    power = site.power
    if power is None:
        return Parking(clock)
    per_second = max(MIN_RETURNS, power.ramp_up_w_per_s / power.unknown_w)
    return Parking(clock, returns_per_second=per_second)


class SiteService(MultiService):
    """Does what time brings to a site, and sends its miners away at the end."""

    _log = Logger()

    def __init__(
        self, factory: SiteFactory, engine: SiteEngine, hold: Seconds, clock: Reactor
    ) -> None:
        super().__init__()
        self._factory = factory
        self._engine = engine
        self._pauses = Pauses(factory.context.now())
        self.listeners: list[MinerListener] = []
        engine.start()
        self._steps: tuple[Callable[[], None], ...] = (
            engine.settle,
            factory.context.board.tick,
            partial(factory.hold, hold),
            partial(factory.context.parking.let_return, Seconds(1.0)),
            self._move,
            self._sweep,
            self._rest_or_listen,
        )
        tick: Service = PeriodicService(Seconds(1.0), self._tick, clock)
        tick.setServiceParent(self)

    @override
    async def stopService(self) -> None:
        self._engine.stop()
        self._factory.context.batch.flush()
        self._factory.context.board.stop()
        self._factory.close_all()
        self._engine.close()
        await super().stopService()

    async def _tick(self) -> None:
        for step in self._steps:
            with self._log.failuresHandled("{step} failed", step=step):
                step()

    def _move(self) -> None:
        """Ask miners to reconnect whose layout fits no source."""
        board, roster = self._factory.context.board, self._factory.roster
        those, board.to_reconnect = board.to_reconnect, []
        roster.move(those, self._factory.context.now())

    def _rest_or_listen(self) -> None:
        for listener in self.listeners:
            listener.look()

    def _sweep(self) -> None:
        now = self._factory.context.now()
        if not self._pauses.must_listen_first(now):
            self._factory.roster.sweep(now)


def _deep(endpoint: str) -> str:
    """Give an endpoint string a backlog that a site's return after a cut fits in.

    Twisted's 50 makes miners wait for the kernel to retry, a second and more.
    """
    if "backlog=" in endpoint or endpoint.startswith(("unix:", "systemd:")):
        return endpoint
    return f"{endpoint}:backlog={BACKLOG}"
