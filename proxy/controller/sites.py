"""The sites under control: as configured, with what a restart finds of each."""

from collections.abc import Callable
from typing import Any

from attrs import define, evolve, field
from twisted.application.service import MultiService
from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IReactorTime

from protocol.units import Seconds
from proxy.config import Config, NodeConfig, SiteConfig
from proxy.config.fleet import FleetConfig
from proxy.config.machines import ModelConfig
from proxy.config.power import PowerConfig
from proxy.controller.adapters import AdaptersOf, SiteAdapters
from proxy.controller.cluster_part import ClusterMaker, ClusterPart
from proxy.controller.control_loop import SiteLoop
from proxy.controller.site_listener import SeenByOthers
from proxy.power.control.wall_clock import SteadyClock, WallClock
from proxy.power.journal.store import Store
from proxy.power.link.messages import Up
from proxy.power.machines.holds import NONE_HELD, Holds
from proxy.power.machines.models import Models, models_with
from proxy.power.settings import site_control
from proxy.power.site import SiteControl

PowerSettings = tuple[
    PowerConfig,
    tuple[FleetConfig, ...],
    tuple[ModelConfig, ...],
    bool,
    tuple[NodeConfig, ...],
]
"""What of a site's configuration its control is made of; whether others check it; the
node that it asks what a block earns."""


@define(eq=False, repr=False)
class ControlledSites:
    """Begins and ends the control of sites, and our part in a cluster of them.

    Attributes:
        adapters_of: Opens the surroundings of a site.
        cluster_of: Makes our part in a cluster.
        send: Sends a message to the share process.
        others: The event log as others see it.
        parent: Whose children the loops become.
        loops: Sites by name.
        holds: What operators hold off by hand, at every site.
        drained: Sites that operators drain.
        cluster: Our part; None: there is no cluster.
    """

    clock: IReactorTime
    wall_clock: SteadyClock
    adapters_of: AdaptersOf
    cluster_of: ClusterMaker
    send: Callable[[Up], None]
    others: SeenByOthers
    parent: MultiService
    loops: dict[str, SiteLoop] = field(factory=dict, init=False)
    holds: Holds = field(default=NONE_HELD, init=False)
    drained: frozenset[str] = field(default=frozenset(), init=False)
    cluster: ClusterPart | None = field(default=None, init=False)
    _sites: dict[str, PowerSettings] = field(factory=dict, init=False)
    _cluster_settings: Any = field(default=None, init=False)

    def begin(self, config: Config, store: Store) -> None:
        """Take every site that has power settings under control.

        Args:
            config: The proxy's.
            store: Where they are kept.
        """
        self.cluster = self.cluster_of(config, self._note)
        self._cluster_settings = _cluster_settings(config)
        for site, power in _powered(config).values():
            self._add(config, site, power, store)

    def check(self, config: Config) -> None:
        """Look whether `take_on` can be done; nothing is.

        Raises:
            ValueError, ImportError, OSError: It cannot.
        """
        models = models_with(config.models)
        for site, power in _powered(config).values():
            if self._sites.get(site.name) != _settings(config, site, power):
                self._control_of(site, power, models)

    async def take_on(self, config: Config, store: Store) -> None:
        """End the control of sites that have changed or gone; begin that of others."""
        wanted = _powered(config)
        settings = {n: _settings(config, *one) for n, one in wanted.items()}
        await self._join(config)
        for name in [n for n, one in self._sites.items() if settings.get(n) != one]:
            await self._remove(name)
        for name, (site, power) in wanted.items():
            if name not in self.loops:
                self._add(config, site, power, store)

    def hold_off(self, holds: Holds) -> None:
        """Hold machines off, as an operator says."""
        self.holds = holds
        for loop in self.loops.values():
            loop.hold_off(holds)

    def drain(self, sites: frozenset[str]) -> None:
        """Have a cluster know which halls want nothing, as an operator says."""
        self.drained = sites
        if self.cluster is not None:
            self.cluster.drained = sites

    def _add(
        self, config: Config, site: SiteConfig, power: PowerConfig, store: Store
    ) -> None:
        models = models_with(config.models)
        control, adapters = self._control_of(site, power, models, config)
        self._restore(control, store)
        loop = SiteLoop(
            control,
            adapters,
            store,
            send=self.send,
            clock=self.clock,
            wall_clock=self.wall_clock,
            keeps_minutes=config.proxy.transparency is not None,
            others=self.others,
        )
        self.loops[site.name] = loop
        self._sites[site.name] = _settings(config, site, power)
        loop.setServiceParent(self.parent)

    def _restore(self, control: SiteControl, store: Store) -> None:
        """Begin a site's control with what a restart finds of it."""
        now, at = Seconds(self.clock.seconds()), self.wall_clock()
        moments = control.wall.moments(now, at)
        kept = store.kept(control.name, min(moments), max(moments))
        control.orders.restore(kept.orders, kept.silent_for, now)
        control.table.known.restore(kept.limits)
        control.table.holds = self.holds
        control.table.restore(kept.machines, now)
        control.begin(now, at, kept.learned)
        control.energy.total_wh = store.energy_wh(control.name)

    async def _remove(self, name: str) -> None:
        del self._sites[name]
        await maybeDeferred(self.loops.pop(name).disownServiceParent)

    async def _join(self, config: Config) -> None:
        """Take part in another cluster, or as another member; halls begin anew."""
        before, after = self._cluster_settings, _cluster_settings(config)
        if before == after:
            return
        if self.cluster is not None:
            await self.cluster.stop()
        self.cluster = self.cluster_of(config, self._note)
        self.drain(self.drained)
        self._cluster_settings = after
        for name in [n for n, one in self._sites.items() if one[0].part_of is not None]:
            await self._remove(name)
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
        adapters = self.adapters_of(site, () if whole is None else whole.nodes)
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


def _powered(config: Config) -> dict[str, tuple[SiteConfig, PowerConfig]]:
    """Return the sites that have power settings, by name, with these."""
    return {s.name: (s, s.power) for s in config.sites if s.power is not None}


def _cluster_settings(config: Config) -> Any:
    """Return what our part in a cluster is made of."""
    halls = [site.name for site in config.sites if site.power and site.power.part_of]
    return config.cluster, config.proxy.name, config.proxy.instance, halls


def _settings(config: Config, site: SiteConfig, power: PowerConfig) -> PowerSettings:
    is_checked = config.proxy.transparency is not None
    nodes = tuple(config.nodes) if power.asks_node else ()
    return power, site.fleet, config.models, is_checked, nodes
