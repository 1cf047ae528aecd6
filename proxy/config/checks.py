"""What is wrong with a configuration that its types cannot say."""

from collections.abc import Iterable, Iterator
from grp import getgrnam
from ipaddress import ip_network

from proxy.config.access import access_faults
from proxy.config.alerts import alert_faults
from proxy.config.cluster import cluster_faults
from proxy.config.endpoints import endpoint_faults
from proxy.config.fleet import FleetConfig
from proxy.config.meter import meter_faults
from proxy.config.model import (
    Config,
    DifficultyConfig,
    ProxyConfig,
    SiteConfig,
)
from proxy.config.place_file import PlaceFileError, PlacesByHand
from proxy.config.power import PowerConfig
from proxy.config.price import site_price_faults
from proxy.config.rack_place import place_pattern
from proxy.config.signals import signal_faults
from proxy.config.source_checks import node_faults, pool_faults
from proxy.config.transparency import transparency_faults
from proxy.config.trip_input import trip_faults
from proxy.config.web import WebConfig

OWNER = 0o600
"""What a socket's owner needs: the process looks whether it still is its own."""


def faults(config: Config) -> Iterator[str]:
    """Yield each fault as a sentence that ends in the key."""
    yield from _socket_faults(config.proxy)
    yield from _web_faults(config.proxy.web_settings)
    yield from transparency_faults(config.proxy.transparency)
    yield from _repeated("pools or nodes", "$.nodes", _source_names(config))
    yield from _repeated("sites", "$.sites", (s.name for s in config.sites))
    for index, pool in enumerate(config.pools):
        yield from pool_faults(config, pool, f"$.pools[{index}]")
    for index, node in enumerate(config.nodes):
        yield from node_faults(node, f"$.nodes[{index}]")
    yield from _repeated("alerts", "$.alerts", (a.name for a in config.alerts))
    sites = {site.name for site in config.sites}
    for index, alert in enumerate(config.alerts):
        yield from alert_faults(alert, sites, f"$.alerts[{index}]")
    for index, site in enumerate(config.sites):
        yield from _site_faults(config, site, f"$.sites[{index}]")
    halls = [
        (f"$.sites[{index}].power", site.power)
        for index, site in enumerate(config.sites)
        if site.power is not None
    ]
    names = [site.name for site in config.sites]
    yield from cluster_faults(config.cluster, names, halls)
    for index, shared in enumerate(config.cluster.sites if config.cluster else ()):
        where = f"$.cluster.sites[{index}]"
        yield from _signals_faults(shared.as_power, where, has_node=False)
    yield from map(str, endpoint_faults(config))


def _socket_faults(proxy: ProxyConfig) -> Iterator[str]:
    key = "$.proxy"
    if int(proxy.admin_mode, 8) & 0o007:
        what = f"{proxy.admin_mode!r} lets everybody on this machine steer"
        yield f"{what}: Expected a mode that ends in 0 - at `{key}.admin_mode`"
    for name in ("admin", "observer"):
        mode, group = getattr(proxy, f"{name}_mode"), getattr(proxy, f"{name}_group")
        if int(mode, 8) & OWNER != OWNER:
            what = f"Expected a mode that begins in 6 or 7, got {mode!r}"
            yield f"{what} - at `{key}.{name}_mode`"
        if isinstance(group, str) and not _is_group(group):
            yield f"No group is called {group!r} here - at `{key}.{name}_group`"


def _web_faults(web: WebConfig | None) -> Iterator[str]:
    if web is None:
        return
    if web.token == "":
        yield "Expected a token, got an empty text - at `$.proxy.web.token`"
    for n, network in enumerate(web.trusted_proxy):
        try:
            ip_network(network)
        except ValueError as error:
            yield f"Not a network: {error} - at `$.proxy.web.trusted_proxy[{n}]`"


def _is_group(name: str) -> bool:
    try:
        getgrnam(name)
    except (KeyError, ValueError):  # none is called so, none can be
        return False
    return True


def _source_names(config: Config) -> list[str]:
    return [p.name for p in config.pools] + [n.name for n in config.nodes]


def _repeated(what: str, key: str, names: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield f"two {what} are called {name!r} - at `{key}`"
        seen.add(name)


def _site_faults(config: Config, site: SiteConfig, key: str) -> Iterator[str]:
    yield from _source_faults(config, site.sources, f"{key}.sources")
    for index, route in enumerate(site.routes):
        where = f"{key}.routes[{index}]"
        yield from _source_faults(config, route.sources, f"{where}.sources")
        yield from _glob_faults(route.workers, f"{where}.workers")
    yield from _repeated("routes", f"{key}.routes", (r.workers for r in site.routes))
    yield from _listen_faults(site, key)
    if site.power is not None:
        has_node = bool(config.nodes)
        yield from _power_faults(site.power, f"{key}.power", has_node=has_node)
    if site.places is not None:
        try:
            PlacesByHand.read(site.places)
        except PlaceFileError as error:
            yield f"{error} - at `{key}.places`"
    for index, fleet in enumerate(site.fleet):
        yield from _fleet_faults(fleet, f"{key}.fleet[{index}]")


def _source_faults(config: Config, names: list[str], key: str) -> Iterator[str]:
    yield from _repeated("sources", key, names)
    nodes = {n.name: index for index, n in enumerate(config.nodes)}
    for name in names:
        if name not in _source_names(config):
            yield f"No pool or node is called {name!r} - at `{key}`"
        elif name in nodes and config.nodes[nodes[name]].payout_address is None:
            where = f"$.nodes[{nodes[name]}].payout_address"
            yield f"Needed where a node is a source ({key}) - at `{where}`"


def _glob_faults(glob: str, key: str) -> Iterator[str]:
    if not glob.isprintable():
        yield f"Expected printable characters, got {glob!r} - at `{key}`"
    elif glob.count("[") != glob.count("]"):
        yield f"The brackets of {glob!r} do not pair - at `{key}`"


def _listen_faults(site: SiteConfig, key: str) -> Iterator[str]:
    if not site.listen and not site.listeners:
        yield f"Expected an endpoint to listen on - at `{key}.listen`"
    yield from _difficulty_faults(site.difficulty, f"{key}.difficulty")
    for index, listener in enumerate(site.listeners):
        own = listener.difficulty(site.difficulty)
        yield from _difficulty_faults(own, f"{key}.listeners[{index}]")
        yield from access_faults(listener, f"{key}.listeners[{index}]")


def _difficulty_faults(difficulty: DifficultyConfig, key: str) -> Iterator[str]:
    least, start, most = difficulty.minimum, difficulty.start, difficulty.maximum
    if not least <= start <= most:
        yield (
            f"Expected minimum <= start <= maximum, got {least:g}, {start:g},"
            f" {most:g} - at `{key}.start`"
        )


def _power_faults(power: PowerConfig, key: str, *, has_node: bool) -> Iterator[str]:
    if power.fail_safe_w > power.budget_w:
        yield (
            f"Expected at most budget_w = {power.budget_w:g}, got"
            f" {power.fail_safe_w:g} - at `{key}.fail_safe_w`"
        )
    yield from meter_faults(power.meter, f"{key}.meter")
    yield from trip_faults(power, key)
    yield from _signals_faults(power, key, has_node=has_node)


def _signals_faults(power: PowerConfig, key: str, *, has_node: bool) -> Iterator[str]:
    yield from _repeated("signals", f"{key}.signals", (s.source for s in power.signals))
    kinds = [signal.kind for signal in power.signals]
    if kinds.count("signed") > 1:
        yield f"One signal of kind 'signed' has all documents - at `{key}.signals`"
    yield from site_price_faults(power, key, has_node=has_node)
    for index, signal in enumerate(power.signals):
        yield from signal_faults(signal, f"{key}.signals[{index}]")


def _fleet_faults(fleet: FleetConfig, key: str) -> Iterator[str]:
    if (fleet.workers is None) == (fleet.addresses is None):
        yield f"Expected one of workers and addresses, and not both - at `{key}`"
    for name in ("username", "password"):
        value = getattr(fleet, name)
        if value is not None and not fleet.has_api:
            yield f'Of rows with control = "api" alone - at `{key}.{name}`'
        elif value is not None and not value:
            yield f"Expected one that is not empty - at `{key}.{name}`"
    if fleet.place is not None:
        try:
            place_pattern(fleet.place)
        except ValueError as error:
            yield f"{error} - at `{key}.place`"
    if fleet.workers is not None:
        yield from _glob_faults(fleet.workers, f"{key}.workers")
    if fleet.addresses is not None:
        try:
            ip_network(fleet.addresses)
        except ValueError as error:
            yield f"{error} - at `{key}.addresses`"
