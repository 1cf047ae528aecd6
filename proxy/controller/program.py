"""The site controller, put together: read `Controller.begin` to know it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from attrs import define, evolve, field
from msgspec import Raw
from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from protocol.units import Seconds, UnixTime
from protocol.unreadable import UNREADABLE
from proxy.config import Config, SiteConfig
from proxy.config.fleet import FleetConfig
from proxy.config.machines import ModelConfig
from proxy.config.power import PowerConfig
from proxy.controller.adapters import AdaptersOf, SiteAdapters
from proxy.controller.api import ControllerApi, Run
from proxy.controller.cluster_part import ClusterMaker, ClusterPart, no_cluster
from proxy.controller.control_loop import SiteLoop
from proxy.controller.transparency import LogSide
from proxy.oversight.publisher import Around
from proxy.power.control.wall_clock import MOST_BEHIND, SteadyClock, WallClock
from proxy.power.journal.database import STORE_FILE, STORE_LOCK_FILE
from proxy.power.journal.store import Store, StoreError, open_store
from proxy.power.link.messages import (
    CLUSTER_TOPIC,
    MAX_LINE_BYTES,
    Ask,
    Beat,
    Down,
    DrainedSites,
    EventNotice,
    FailSafe,
    Figures,
    FleetReport,
    HeldMachines,
    Setup,
    Up,
    decode_down,
)
from proxy.power.link.setup import config_of, digest_of
from proxy.power.machines.holds import NONE_HELD, Holds
from proxy.power.machines.models import Models, models_with
from proxy.power.settings import site_control
from proxy.power.site import SiteControl
from proxy.runtime.instance import InstanceFileError
from proxy.runtime.link import LinkConnection, LinkFactory
from proxy.runtime.ordered_services import OrderedServices
from proxy.runtime.periodic import PeriodicService
from proxy.runtime.state_lock import StateLock, StateLockError, lock_state
from proxy.runtime.tasks import Tasks

CANNOT_START = (
    StateLockError,
    StoreError,
    InstanceFileError,
    *UNREADABLE,
    ImportError,
    ValueError,
    OSError,
)
"""What is wrong around the process, not in it."""

PowerSettings = tuple[
    PowerConfig, tuple[FleetConfig, ...], tuple[ModelConfig, ...], bool
]
"""What of a site's configuration its control is made of; whether others check it."""


@define(eq=False, repr=False)
class Controller:
    """All sites under control, and the end of the link that speaks for them.

    Attributes:
        adapters_of: Opens the surroundings of a site.
        begin_logging: Called once the configuration is known.
        leave: Ends the process.
        run: Runs what takes its time on a thread.
        log_side: Publishes the log for others; None: nobody else sees it.
        cluster_of: Makes our part in a cluster.
        cluster: That part; None: there is no cluster.
        root: Started by `begin`.
        loops: Sites by name.
    """

    _log = Logger()

    clock: IReactorTime
    wall_clock: SteadyClock
    adapters_of: AdaptersOf
    begin_logging: Callable[[Config], None]
    leave: Callable[[], None]
    run: Run
    cluster_of: ClusterMaker = no_cluster
    cluster: ClusterPart | None = field(default=None, init=False)
    root: OrderedServices = field(factory=OrderedServices, init=False)
    loops: dict[str, SiteLoop] = field(factory=dict, init=False)
    factory: LinkFactory[Down] = field(init=False)
    _sites: dict[str, PowerSettings] = field(factory=dict, init=False)
    _cluster_settings: Any = field(default=None, init=False)
    _tasks: Tasks = field(factory=Tasks, init=False)
    _link: LinkConnection[Down] | None = field(default=None, init=False)
    _api: ControllerApi | None = field(default=None, init=False)
    _holds: Holds = field(default=NONE_HELD, init=False)
    _drained: frozenset[str] = field(default=frozenset(), init=False)
    _store: Store | None = field(default=None, init=False)
    _lock: StateLock | None = field(default=None, init=False)
    log_side: LogSide | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.factory = LinkFactory(
            decode_down,
            MAX_LINE_BYTES * 16,  # of the setup, which comes first
            opened=self._opened,
            received=self._received,
            lost=self._lost,
        )

    def begin(self, config: Config) -> None:
        """Start control of every site that has power settings.

        Raises:
            StateLockError: Another controller has the folder.
            StoreError: The database cannot be used.
        """
        state = Path(config.proxy.state_dir)
        self._lock = lock_state(state / STORE_LOCK_FILE)
        if not (state / STORE_FILE).exists():  # the share process made it
            raise StoreError(f"{state / STORE_FILE} is gone, and in it all orders")
        self._store = open_store(state / STORE_FILE)
        self._go_on_from(self._store.newest_at())
        self.cluster = self.cluster_of(config, self._note)
        self._cluster_settings = _cluster_settings(config)
        for site, power in _powered(config).values():
            self._add(config, site, power, self._store)
        self._api = ControllerApi(
            self.loops, self._store, self._now, self.wall_clock, self.run, self, self
        )
        self._publish_as(config)
        self._api.cluster = lambda: self.cluster
        beat = PeriodicService(Seconds(1.0), self._beat, self.clock)
        beat.setServiceParent(self.root)
        self.root.startService()
        if self.cluster is not None:
            self.cluster.start()

    def _go_on_from(self, newest: UnixTime) -> None:
        behind = self.wall_clock.never_before(newest)
        if behind > MOST_BEHIND:
            self._log.error(
                "the clock says {host}, the controller's database was written at "
                "{newest}: one is wrong, and orders are judged at both times, so that "
                "the lower budget rules. Set the clock if it is behind; if it is "
                "right, a restart ends this once what was written then is replaced",
                host=_shown(newest - behind),
                newest=_shown(newest),
            )
        elif behind:
            self._log.warn(
                "the clock is {behind:.0f} s behind what is in the database: time goes "
                "on from there until the clock is right",
                behind=behind,
            )

    def check(self, config: Config) -> None:
        """See `api.SetupTaker`."""
        models = models_with(config.models)
        for site, power in _powered(config).values():
            if self._sites.get(site.name) != _settings(config, site, power):
                self._control_of(site, power, models)

    async def take_on(self, config: Config) -> None:
        """See `api.SetupTaker`. Machines stay as they are until the first look."""
        wanted = _powered(config)
        settings = {n: _settings(config, *one) for n, one in wanted.items()}
        await self._join(config)
        for name in [n for n, one in self._sites.items() if settings.get(n) != one]:
            del self._sites[name]
            await maybeDeferred(self.loops.pop(name).disownServiceParent)
        for name, (site, power) in wanted.items():
            if name not in self.loops and self._store is not None:
                self._add(config, site, power, self._store)
        known = None if self.log_side is None else self.log_side.settings
        if config.proxy.transparency != known:
            side, self.log_side = self.log_side, None
            if side is not None:
                await maybeDeferred(side.disownServiceParent)
            self._publish_as(config)
        elif self.log_side is not None:
            self.log_side.note_software(digest_of(config))

    async def stop(self) -> None:
        """End control, once; machines stay as they are."""
        if self.root.running:
            await self.root.stopService()
        if self.cluster is not None:
            await self.cluster.stop()
        store, self._store = self._store, None
        if store is not None:
            store.close()
        await self._tasks.cancel_all()
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()

    def origin(self) -> str:
        """See `control_loop.SeenByOthers`."""
        return "" if self.log_side is None else self.log_side.settings.origin

    def cosigned(self) -> Mapping[str, float]:
        """See `control_loop.SeenByOthers`."""
        return {} if self.log_side is None else self.log_side.cosigned()

    def _publish_as(self, config: Config) -> None:
        """Publish the log for others, where the configuration has it."""
        settings, store = config.proxy.transparency, self._store
        if store is None:
            return
        if settings is None:
            store.spared_after = None
            return
        self.log_side = LogSide(
            settings,
            Path(config.proxy.state_dir),
            store,
            self.loops,
            Around(self.run, self.clock, self.wall_clock),
        )
        self.log_side.setServiceParent(self.root)
        self.log_side.note_software(digest_of(config))

    def _add(
        self, config: Config, site: SiteConfig, power: PowerConfig, store: Store
    ) -> None:
        models = models_with(config.models)
        control, adapters = self._control_of(site, power, models, config)
        now, at = self._now(), self.wall_clock()
        moments = control.wall.moments(now, at)
        kept = store.kept(site.name, min(moments), max(moments))
        control.orders.restore(kept.orders, kept.silent_for, now)
        control.table.known.restore(kept.limits)
        control.table.holds = self._holds
        control.table.restore(kept.machines, now)
        control.begin(now, at, kept.learned)
        control.energy.total_wh = store.energy_wh(site.name)
        loop = SiteLoop(
            control,
            adapters,
            store,
            send=self._send,
            clock=self.clock,
            wall_clock=self.wall_clock,
            keeps_minutes=config.proxy.transparency is not None,
            others=self,
        )
        self.loops[site.name] = loop
        self._sites[site.name] = _settings(config, site, power)
        loop.setServiceParent(self.root)

    async def _join(self, config: Config) -> None:
        """Take part in another cluster, or as another member; halls begin anew."""
        before, after = self._cluster_settings, _cluster_settings(config)
        if before == after:
            return
        if self.cluster is not None:
            await self.cluster.stop()
        self.cluster = self.cluster_of(config, self._note)
        self._tell_drained()
        self._cluster_settings = after
        for name in [n for n, one in self._sites.items() if one[0].part_of is not None]:
            del self._sites[name]
            await maybeDeferred(self.loops.pop(name).disownServiceParent)
        if self.cluster is not None:
            self.cluster.start()

    def _note(self, kind: str, cause: str, body: dict[str, Any]) -> None:
        """Put an event of the cluster into the logs of all halls that are in it."""
        for name, loop in self.loops.items():
            if name in self._sites and self._sites[name][0].part_of is not None:
                loop.note(kind, cause, body)

    def _control_of(
        self,
        site: SiteConfig,
        power: PowerConfig,
        models: Models,
        whole: Config | None = None,
    ) -> tuple[SiteControl, SiteAdapters]:
        """Return a site's control and surroundings.

        Args:
            site: As configured.
            power: Its power settings.
            models: Machines by name.
            whole: What it is a hall by, if it is one; None: that is not looked at.
        """
        adapters = self.adapters_of(site)
        member = None
        if whole is not None and power.part_of is not None and self.cluster is not None:
            member = self.cluster.member_of(site, power, whole)
            adapters = evolve(adapters, signals=[*adapters.signals, member])
        leases = {signal.name: signal.lease_s for signal in adapters.signals}
        control = site_control(site, power, leases, adapters.foreign, models)
        control.wall = WallClock(self.wall_clock.doubted)
        if member is not None and self.cluster is not None:
            member.look = self.cluster.look_of(control, str(power.part_of))
        return control, adapters

    async def _beat(self) -> None:
        """Say that all sites are held to their budgets; else somebody else must."""
        if not all(loop.is_alive() for loop in self.loops.values()):
            return
        found = [loop.figures() for loop in self.loops.values()]
        known = [one for one in found if one is not None]
        self._send(Figures(known) if known else Beat())
        if self.cluster is not None:
            views = msgspec.json.encode(self.cluster.views())
            self._send(EventNotice(CLUSTER_TOPIC, Raw(views)))

    def _send(self, message: Up) -> None:
        if self._link is not None:
            self._link.send(message)

    def _opened(self, link: LinkConnection[Down]) -> None:
        self._link = link

    def _received(self, message: Down) -> None:
        match message:
            case Setup():
                self._set_up(message)
            case HeldMachines():
                self._hold_off(Holds(message.patterns))
            case DrainedSites():
                self._drained = frozenset(message.sites)
                self._tell_drained()
            case FleetReport() if message.site in self.loops:
                self.loops[message.site].report(message)
            case FailSafe() if message.site in self.loops:
                self.loops[message.site].failed_safe(message)
            case Ask() if self._api is not None:
                self._tasks.start("answer", self._answer(self._api, message))
            case _:  # a beat
                return

    def _hold_off(self, holds: Holds) -> None:
        self._holds = holds
        for loop in self.loops.values():
            loop.hold_off(holds)

    def _tell_drained(self) -> None:
        if self.cluster is not None:
            self.cluster.drained = self._drained

    async def _answer(self, api: ControllerApi, ask: Ask) -> None:
        self._send(await api.answer(ask))

    def _set_up(self, message: Setup) -> None:
        try:
            config = config_of(message)
            self._holds = Holds(message.held)
            self.begin_logging(config)
            self.begin(config)
        except CANNOT_START as error:
            self._log.critical("the controller cannot start: {error}", error=error)
            self.leave()

    def _lost(self, _: LinkConnection[Down]) -> None:
        """Go: the share process has, and will start another controller."""
        self._link = None
        self.leave()

    def _now(self) -> Seconds:
        return Seconds(self.clock.seconds())


def _powered(config: Config) -> dict[str, tuple[SiteConfig, PowerConfig]]:
    """Return the sites that have power settings, by name, with these."""
    return {s.name: (s, s.power) for s in config.sites if s.power is not None}


def _cluster_settings(config: Config) -> Any:
    """Return what our part in a cluster is made of."""
    halls = [site.name for site in config.sites if site.power and site.power.part_of]
    return config.cluster, config.proxy.name, config.proxy.instance, halls


def _settings(config: Config, site: SiteConfig, power: PowerConfig) -> PowerSettings:
    return power, site.fleet, config.models, config.proxy.transparency is not None


def _shown(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
