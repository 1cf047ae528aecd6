"""The site controller, put together: read `Controller.begin` to know it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from attrs import define, field
from msgspec import Raw
from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from protocol.units import Seconds, UnixTime
from protocol.unreadable import UNREADABLE
from proxy.config import Config
from proxy.controller.adapters import AdaptersOf
from proxy.controller.api import ControllerApi
from proxy.controller.cluster_part import ClusterMaker, no_cluster
from proxy.controller.control_loop import SiteLoop
from proxy.controller.log_api import Run
from proxy.controller.sites import ControlledSites
from proxy.controller.transparency import LogSide
from proxy.oversight.publisher import Around
from proxy.power.control.wall_clock import MOST_BEHIND, SteadyClock
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
from proxy.power.machines.holds import Holds
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


@define(eq=False, repr=False)
class Controller:
    """All sites under control, and the end of the link that speaks for them.

    Attributes:
        adapters_of: Opens the surroundings of a site.
        begin_logging: Called once the configuration is known.
        leave: Ends the process.
        run: Runs what takes its time on a thread.
        cluster_of: Makes our part in a cluster.
        root: Started by `begin`.
        sites: Those under control.
        log_side: Publishes the log for others; None: nobody else sees it.
    """

    _log = Logger()

    clock: IReactorTime
    wall_clock: SteadyClock
    adapters_of: AdaptersOf
    begin_logging: Callable[[Config], None]
    leave: Callable[[], None]
    run: Run
    cluster_of: ClusterMaker = no_cluster
    root: OrderedServices = field(factory=OrderedServices, init=False)
    sites: ControlledSites = field(init=False)
    factory: LinkFactory[Down] = field(init=False)
    log_side: LogSide | None = field(default=None, init=False)
    _tasks: Tasks = field(factory=Tasks, init=False)
    _link: LinkConnection[Down] | None = field(default=None, init=False)
    _api: ControllerApi | None = field(default=None, init=False)
    _store: Store | None = field(default=None, init=False)
    _lock: StateLock | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.sites = ControlledSites(
            self.clock,
            self.wall_clock,
            self.adapters_of,
            self.cluster_of,
            send=self._send,
            others=self,
            parent=self.root,
        )
        self.factory = LinkFactory(
            decode_down,
            MAX_LINE_BYTES * 16,  # of the setup, which comes first
            opened=self._opened,
            received=self._received,
            lost=self._lost,
        )

    @property
    def loops(self) -> dict[str, SiteLoop]:
        """Sites by name."""
        return self.sites.loops

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
        self.sites.begin(config, self._store)
        self._api = ControllerApi(
            self.loops,
            self._store,
            self._now,
            self.wall_clock,
            self.run,
            setups=self,
            logs=self,
            cluster=lambda: self.sites.cluster,
        )
        self._publish_as(config)
        beat = PeriodicService(Seconds(1.0), self._beat, self.clock)
        beat.setServiceParent(self.root)
        self.root.startService()
        if self.sites.cluster is not None:
            self.sites.cluster.start()

    def check(self, config: Config) -> None:
        """See `api.SetupTaker`."""
        self.sites.check(config)

    async def take_on(self, config: Config) -> None:
        """See `api.SetupTaker`. Machines stay as they are until the first look."""
        if self._store is not None:
            await self.sites.take_on(config, self._store)
        known = None if self.log_side is None else self.log_side.settings
        if config.proxy.transparency != known:
            side, self.log_side = self.log_side, None
            if side is not None:
                await maybeDeferred(side.disownServiceParent)
            self._publish_as(config)
        elif self.log_side is not None:
            self.log_side.note_software(digest_of(config), self._fleets())

    async def stop(self) -> None:
        """End control, once; machines stay as they are."""
        if self.root.running:
            await self.root.stopService()
        if self.sites.cluster is not None:
            await self.sites.cluster.stop()
        store, self._store = self._store, None
        if store is not None:
            store.close()
        await self._tasks.cancel_all()
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()

    def origin(self) -> str:
        """See `site_listener.SeenByOthers`."""
        return "" if self.log_side is None else self.log_side.settings.origin

    def cosigned(self) -> Mapping[str, float]:
        """See `site_listener.SeenByOthers`."""
        return {} if self.log_side is None else self.log_side.cosigned()

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
        self.log_side.note_software(digest_of(config), self._fleets())

    def _fleets(self) -> dict[str, tuple[float, float] | None]:
        """Return joules a terahash of each site's machines, by their nameplates."""
        return {
            name: loop.control.table.describer.joules_per_terahash
            for name, loop in self.loops.items()
        }

    async def _beat(self) -> None:
        """Say that all sites are held to their budgets; else somebody else must."""
        if not all(loop.is_alive() for loop in self.loops.values()):
            return
        found = [loop.figures() for loop in self.loops.values()]
        known = [one for one in found if one is not None]
        self._send(Figures(known) if known else Beat())
        if self.sites.cluster is not None:
            views = msgspec.json.encode(self.sites.cluster.views())
            self._send(EventNotice(CLUSTER_TOPIC, Raw(views)))

    # the link

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
                self.sites.hold_off(Holds(message.patterns))
            case DrainedSites():
                self.sites.drain(frozenset(message.sites))
            case FleetReport() if message.site in self.loops:
                self.loops[message.site].report(message)
            case FailSafe() if message.site in self.loops:
                self.loops[message.site].failed_safe(message)
            case Ask() if self._api is not None:
                self._tasks.start("answer", self._answer(self._api, message))
            case _:  # a beat
                return

    async def _answer(self, api: ControllerApi, ask: Ask) -> None:
        self._send(await api.answer(ask))

    def _set_up(self, message: Setup) -> None:
        try:
            config = config_of(message)
            self.sites.holds = Holds(message.held)
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


def _shown(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
