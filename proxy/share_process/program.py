"""The share process: its parts, how they begin, and how they are changed."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IReactorUNIX
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from protocol.units import Seconds, UnixTime
from proxy.admin.by_hand import ByHand
from proxy.admin.events import News
from proxy.admin.kept import BY_HAND_FILE
from proxy.admin.operations import Operations
from proxy.admin.refused import Refused
from proxy.admin.topics import Topics
from proxy.alerts.service import Alerts, AlertService
from proxy.cluster.ship_told import Shipped
from proxy.config import Config
from proxy.downstream.connection import SiteFactory
from proxy.downstream.fast.choice import EngineChoice
from proxy.node.service import NodeService
from proxy.node.source import NodeSource
from proxy.power.machines.holds import Holds
from proxy.runtime.host_endpoint import Reactor as DiallingReactor
from proxy.runtime.listener import ListenerService
from proxy.runtime.one_thread import OneThread
from proxy.runtime.ordered_services import OrderedServices
from proxy.runtime.tasks import Tasks, TasksService
from proxy.share_process.admin_sockets import AdminSockets
from proxy.share_process.alert_side import alerts_of
from proxy.share_process.changes import Change
from proxy.share_process.layout_memory import LAYOUT_FILE, LayoutMemory
from proxy.share_process.miner_keys import MinerKeys
from proxy.share_process.process_limits import ProcessLimits
from proxy.share_process.reload import Reloader
from proxy.share_process.ship_side import ShipSide
from proxy.share_process.sites import SiteBuilder
from proxy.share_process.sources import Sources
from proxy.share_process.sources_service import SourcesService
from proxy.shares.ledger import SqliteLedger
from proxy.shares.record import Recorder
from proxy.supervisor.child_link import ControllerLink
from proxy.supervisor.power_side import PowerSide
from proxy.upstream.pool import Pool
from proxy.web.archive import Disk, OnThread
from proxy.web.service import WebSide


class Reactor(DiallingReactor, IReactorUNIX):
    """What the share process takes of a reactor."""


@define(eq=False, repr=False)
class Program:
    """The share process: a tree of services, and when it is ready.

    Attributes:
        root: Start it, stop it.
        topics: What happens, for those who subscribed.
        factories: Sites by name.
        reread: Reads the configuration again; None: there is no file.
        set_level: Changes the level of the log; None: nobody set one up.
        log_level: That level.
        by_hand: What operators hold until they end it.
        alerts: The alarms that stand, and who is told.
        ship: What copies the ledger upward; None: not started yet.
        tasks: What operators asked for and is under way; a stop cancels it.
    """

    root: OrderedServices
    config: Config
    reactor: Reactor
    sources_service: SourcesService
    ledger: SqliteLedger
    recorder: Recorder
    wall_clock: Callable[[], UnixTime]
    random: Callable[[], float]
    started_at: Seconds
    engine: EngineChoice
    limits: ProcessLimits = field(init=False)
    topics: Topics = field(factory=Topics, init=False)
    factories: dict[str, SiteFactory] = field(factory=dict, init=False)
    _power: PowerSide | None = field(default=None, init=False)
    reread: Callable[[], Config] | None = field(default=None, init=False)
    set_level: Callable[[str], None] | None = field(default=None, init=False)
    log_level: str = field(init=False)
    by_hand: ByHand = field(init=False)
    alerts: Alerts = field(init=False)
    tasks: Tasks = field(factory=Tasks, init=False)
    ship: ShipSide | None = field(default=None, init=False)
    _reloader: Reloader | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.log_level = self.config.proxy.log_level
        path = Path(self.config.proxy.state_dir) / BY_HAND_FILE
        self.by_hand = ByHand(path, self.wall_clock, self.reactor)
        self.limits = ProcessLimits(self.sources, self.factories)
        self.alerts = alerts_of(
            *(self, self.config.proxy, self.reactor, self.wall_clock),
            self._thread_line(),
        )

    @property
    def sources(self) -> Sources:
        """Where work comes from."""
        return self.sources_service.sources

    @property
    def pools(self) -> dict[str, Pool]:
        """Pools by name."""
        return self.sources.pools

    @property
    def nodes(self) -> dict[str, NodeService]:
        """Nodes by name."""
        return self.sources.nodes

    @property
    def node_sources(self) -> dict[str, NodeSource]:
        """The same nodes, as sources of work."""
        return self.sources.node_sources

    @property
    def power(self) -> ControllerLink | None:
        """The site controller; None: no site has power settings."""
        return self._power.link if self._power is not None else None

    @property
    def shipped(self) -> Shipped | None:
        """How far the ledger was copied upward; None: nobody copies it."""
        return None if self.ship is None else self.ship.shipped

    @property
    def instance(self) -> int:
        """Tells the process from others that mine on the same nodes."""
        return self.sources.instance

    async def ready(self) -> None:
        """Open the admin sockets and every site; no source needs to be reached.

        Raises:
            CannotListenError: A port is taken, or may not be had.
            KeyFileError: The keys for miners of Stratum V2 cannot be used.
        """
        builder = self._site_builder()
        for site in self.config.sites:
            self.factories[site.name] = builder.open(site)
        self._drain_again()
        self._power = PowerSide(
            self.root,
            self.factories,
            self.topics.publish,
            self.reactor,
            lambda: self.by_hand.parked,
        )
        await self._power.take_on(self.config)
        self.ship = ShipSide(self.root, self.instance, self.reactor)
        self.ledger.copied_through = self.ship.copied_through
        await self.ship.take_on(self.config)
        sockets = self._admin_sockets()
        operations = sockets.operations()
        listeners: list[ListenerService] = []
        for clients, listener in sockets.listeners(operations):
            self.limits.clients.append(clients)
            listener.setServiceParent(self.root)
            listeners.append(listener)
        if (web := self.config.proxy.web_settings) is not None:
            listeners.append(self._web_listener(sockets.operations(), web.listen))
        self.by_hand.on_sources = builder.rearrange
        self.by_hand.on_parked = self._hold_off
        self._hold_off()
        self.alerts.take_on(self.config.alerts)
        for service in (
            News(self, self.topics, operations).service(self.reactor),
            self.limits.watch(self.reactor),
            self.by_hand.service(),
            AlertService(self.alerts),
            TasksService(self.tasks),
        ):
            service.setServiceParent(self.root)
        for listener in (*listeners, *builder.listeners):
            await listener.ready()
        self._reloader = Reloader(
            builder,
            self.sources_service,
            self._power,
            self._change_level,
            self._in_force,
        )

    def _web_listener(self, operations: Operations, listen: str) -> ListenerService:
        """Return what listens for browsers, all that serves them running."""
        disk = Disk(Path(self.config.proxy.state_dir), self._thread_line)
        web = WebSide.of(self, operations, self.topics, self.reactor, disk)
        for service in web.services():
            service.setServiceParent(self.root)
        listener = web.listener(listen, self.reactor)
        listener.setServiceParent(self.root)
        return listener

    def _thread_line(self) -> OnThread:
        """Return what runs functions on a thread, one after the other."""
        reactor: Any = self.reactor
        one = OneThread(partial(deferToThreadPool, reactor, reactor.getThreadPool()))
        return one.run

    async def reload(self, *, dry_run: bool = False) -> Sequence[Change]:
        """Read the configuration again; return what changed, now in force.

        Args:
            dry_run: Change nothing, only look whether it can be done.

        Raises:
            Refused: There is none, or it cannot be taken on; nothing changed.
            ConfigError: It cannot be used; nothing changed.
        """
        if self.reread is None:
            raise Refused("this process was started without a configuration file")
        if self._reloader is None:
            raise Refused("it is starting: try again when it is ready")
        config = self.reread()
        found = await self._reloader.apply(self.config, config, dry_run=dry_run)
        if not dry_run:
            keys = ", ".join(change.key for change in found) or "nothing new"
            Logger("proxy").info("reloaded: {changed}", changed=keys)
        return found

    def _in_force(self, config: Config) -> None:
        self.config = config
        self.alerts.take_on(config.alerts)
        if self.ship is not None:
            self.tasks.start("ship the ledger", self.ship.take_on(config))

    def _site_builder(self) -> SiteBuilder:
        keys = MinerKeys(Path(self.config.proxy.state_dir), self.wall_clock)
        return SiteBuilder(
            self.root,
            self.sources,
            self.recorder,
            self.reactor,
            self.wall_clock,
            self.random,
            keys.of_now,
            keys.check,
            self.engine,
            LayoutMemory(Path(self.config.proxy.state_dir) / LAYOUT_FILE),
            self.limits.descriptors,
            self.by_hand.arranged,
        )

    def _drain_again(self) -> None:
        """Take no miners where a site was drained; one that is gone is that no more."""
        for name in self.by_hand.drained:
            if name in self.factories:
                self.factories[name].roster.drain(Seconds(self.reactor.seconds()))
            else:
                self.by_hand.undrain([name])

    def _hold_off(self) -> None:
        """Park what is held by hand; the controller knows before it hears of it."""
        if self.power is not None:
            self.power.hold_off()
        holds = Holds(self.by_hand.parked)
        for factory in self.factories.values():
            factory.context.parking.hold_off(holds)

    def _change_level(self, level: str) -> None:
        self.log_level = level
        if self.set_level is not None:
            self.set_level(level)

    def _admin_sockets(self) -> AdminSockets:
        return AdminSockets(
            self,
            self.config.proxy,
            self.reactor,
            self.topics,
            None if self.set_level is None else self._change_level,
            self.wall_clock,
            self.tasks,
        )
