"""The share process's side of power caps: the controller as a child, and its link."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from twisted.logger import Logger

from protocol.units import Seconds, UnixTime
from proxy.config import Config, ConfigError
from proxy.config.cluster import ClusterSiteConfig
from proxy.config.power import PowerConfig
from proxy.config.tokens import SHORT_BYTES, is_short
from proxy.downstream.connection import SiteFactory
from proxy.power.control.wall_clock import SteadyClock
from proxy.power.link.setup import setup_of
from proxy.power.machines.describer import Describer, unknown_models
from proxy.power.machines.models import Models, models_with
from proxy.runtime.child import ChildService
from proxy.runtime.ordered_services import OrderedServices
from proxy.runtime.periodic import PeriodicService
from proxy.signals.build import signal_of
from proxy.supervisor.child_link import ControllerLink
from proxy.supervisor.failsafe import PoweredSite

NEEDS = {
    "pyasic": ('control = "api"', "controller"),
    "pymodbus": ("a meter or a trip_input over Modbus", "controller"),
    "aiomqtt": ('a signal with kind or notices = "mqtt"', "mqtt"),
    "psycopg": ("[cluster]", "cluster"),
}
"""Libraries, what asks for them, and the extra that has them."""

SHORT_LEASE = Seconds(60.0)
"""A plant that writes only on a change is silent for longer than that."""

COMMAND = (sys.executable, "-m", "proxy.controller")


class ControllerSupervisor(OrderedServices):
    """Runs the controller of the sites that have power settings.

    Attributes:
        link: What it says, and who can be asked.
        child: Its process.
    """

    _log = Logger()

    def __init__(
        self,
        config: Config,
        factories: Mapping[str, SiteFactory],
        publish: Callable[[str, Any], None],
        reactor: Any,
        held: Callable[[], list[str]] = list,
    ) -> None:
        super().__init__()
        self._config = config
        self._factories = factories
        self._tell_doubts()
        self.link = ControllerLink(
            setup_of(config), self._sites(), publish, self._kill, reactor, held
        )
        self.child = ChildService(COMMAND, _environment(), self.link.factory, reactor)
        self.child.setServiceParent(self)
        ticks = PeriodicService(Seconds(1.0), self._tick, reactor)
        ticks.setServiceParent(self)

    async def take_on(self, config: Config) -> None:
        """Hold the sites to their budgets as `config` says from now on."""
        before, after = _settings(self._config), _settings(config)
        changed = [name for name in after if after[name] != before.get(name)]
        is_same_log = config.proxy.transparency == self._config.proxy.transparency
        self._config = config
        if after == before and is_same_log:
            return
        self._tell_doubts()
        for name in before.keys() - after.keys():
            grant_all(self._factories[name])
        await self.link.take_on(setup_of(config), self._sites(), changed)

    def _sites(self) -> dict[str, PoweredSite]:
        models = models_with(self._config.models)
        return {
            site.name: PoweredSite(
                self._factories[site.name],
                site.power,
                Describer.of(site.power, site.fleet, models),
            )
            for site in self._config.sites
            if site.power is not None
        }

    def _tell_doubts(self) -> None:
        for doubt in doubts(self._config):
            self._log.warn("{doubt}", doubt=doubt)

    async def _tick(self) -> None:
        self.link.tick()

    def _kill(self, why: str) -> None:
        self.child.kill(why)


def _settings(config: Config) -> dict[str, Any]:
    """Return by site what its control is made of."""
    return {
        s.name: (
            *(s.power, s.fleet, config.models),
            *(_cluster(s.power, config), _node(s.power, config)),
        )
        for s in config.sites
        if s.power
    }


def _cluster(power: PowerConfig, config: Config) -> Any:
    return config.cluster if power.part_of is not None else None


def _node(power: PowerConfig, config: Config) -> Any:
    return config.nodes[:1] if power.asks_node else ()


def grant_all(factory: SiteFactory) -> None:
    """Give work to every miner of a site that no budget holds any more."""
    parking = factory.context.parking
    parking.end_reports()
    parking.grant(list(parking.miners))


def doubts(config: Config) -> Iterator[str]:
    """Yield a sentence for each power setting that works, and guards less than it may.

    It ends in the key.
    """
    for s, site in enumerate(config.sites):
        if site.fleet and site.power is None:
            why = "machines of a site without [sites.power] are held to nothing"
            yield f"{why} - at `$.sites[{s}].fleet`"
        yield from _signal_doubts(site.power, f"$.sites[{s}].power")
        has_devices = any(row.has_api for row in site.fleet)
        if site.power and has_devices and not site.power.own_pools:
            what = 'control = "api" without own_pools'
            why = "pool slots of devices that lead elsewhere are not noticed"
            yield f"{what}: {why} - at `$.sites[{s}].power.own_pools`"
    for s, shared in enumerate(_shared(config)):
        yield from _signal_doubts(shared.as_power, f"$.cluster.sites[{s}]")


def _signal_doubts(power: PowerConfig | None, key: str) -> Iterator[str]:
    for n, signal in enumerate(power.signals if power else ()):
        if signal.token and is_short(signal.token):
            why = f"a token of less than {SHORT_BYTES} bytes can be guessed"
            yield f"{why} - at `{key}.signals[{n}].token`"
        if signal.kind == "modbus" and signal.lease_s < SHORT_LEASE:
            why = "its master has to write each 1 to 10 s, and not only on a change"
            what = f"a lease of {signal.lease_s:g} s"
            yield f"{what}: {why} - at `{key}.signals[{n}].lease_s`"


def check_power(config: Config) -> None:
    """Look whether the power settings can be acted on.

    Raises:
        ConfigError: They cannot; the message tells of the first fault.
    """
    for sentence in power_faults(config):
        raise ConfigError(sentence)


def power_faults(
    config: Config, is_sound: Callable[[str], bool] = lambda _: True
) -> Iterator[str]:
    """Yield a sentence for each power setting that cannot be acted on.

    They name an unknown machine, need what is not installed, or a signal of theirs
    cannot be had.

    Args:
        config: What is looked at.
        is_sound: Tells whether nothing is wrong with what stands at a key: models and
            signals are made of sound rows alone.
    """
    models: Models | None = None
    try:
        models = models_with(config.models if is_sound("$.models") else ())
    except ValueError as error:
        yield f"{error} - at `$.models`"
    yield from unknown_models(config.sites, models)
    for library in _needed(config):
        if find_spec(library) is None:
            what, extra = NEEDS[library]
            yield f"{what} needs {library}: pip install '.[{extra}]' in the checkout"
    for s, site in enumerate(config.sites):
        if site.power is not None:
            key = f"$.sites[{s}].power"
            yield from _signal_faults(site.name, site.power, key, is_sound)
    for s, shared in enumerate(_shared(config)):
        key = f"$.cluster.sites[{s}]"
        yield from _signal_faults(shared.name, shared.as_power, key, is_sound)


def _shared(config: Config) -> tuple[ClusterSiteConfig, ...]:
    return () if config.cluster is None else config.cluster.sites


def _signal_faults(
    site: str, power: PowerConfig, key: str, is_sound: Callable[[str], bool]
) -> Iterator[str]:
    stopped = SteadyClock(lambda: UnixTime(0.0), lambda: 0.0)
    for n, signal in enumerate(power.signals):
        where = f"{key}.signals[{n}]"
        try:
            if is_sound(where):
                signal_of(site, signal, power, None, stopped)
        except ValueError as error:
            yield f"{error} - at `{where}`"


def _needed(config: Config) -> Iterator[str]:
    if config.cluster is not None:
        yield "psycopg"
    sites = [site for site in config.sites if site.power is not None]
    if any(row.has_api for site in sites for row in site.fleet):
        yield "pyasic"
    shared = _shared(config)
    if any(
        site.power and (site.power.has_meter or site.power.trip_input) for site in sites
    ) or any(site.meter != "model" for site in shared):
        yield "pymodbus"
    signals = [s for site in sites if site.power for s in site.power.signals]
    signals += [signal for site in shared for signal in site.signals]
    if any("mqtt" in {s.kind, s.notices} for s in signals):
        yield "aiomqtt"


def _environment() -> dict[str, str]:
    """Return our environment, with where this very release is imported from."""
    here = str(Path(__file__).resolve().parents[2])
    rest = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": f"{here}:{rest}" if rest else here}
