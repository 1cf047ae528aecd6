"""What another configuration changes, and what each takes: the plan of a reload."""

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec
from msgspec import Struct

from proxy.config import Config, NodeConfig, PoolConfig, SiteConfig
from proxy.config.alerts import AlertConfig
from proxy.config.endpoints import meet, miners_endpoints

Kind = Literal["live", "rebuild", "restart"]

PROXY: dict[str, Kind] = {"log_level": "live", "transparency": "rebuild"}
"""Keys of `[proxy]` that can change while it runs."""

SITE: dict[str, Kind] = {
    "listen": "rebuild",
    "listeners": "rebuild",
    "sources": "rebuild",
    "routes": "rebuild",
    "fail_back_s": "live",
    "hold_s": "live",
    "difficulty": "live",
    "limits": "live",
    "power": "rebuild",
    "fleet": "rebuild",
    "places": "live",
}
"""Keys of a site that can. The extranonce cannot: miners know their part of it."""


class Change(Struct, frozen=True):
    """One change.

    Attributes:
        key: Where in the file; rows of a list by name.
        kind: `live`: at once; `rebuild`: something is opened and something closed,
            miners stay; `restart`: it cannot be done while running.
        what: In words.
    """

    key: str
    kind: Kind
    what: str


def changes(old: Config, new: Config) -> list[Change]:
    """Return what differs between `old` and `new`, in the order of the file."""
    return [*_changes(old, new)]


def _changes(old: Config, new: Config) -> Iterator[Change]:
    for key in _differing(old.proxy, new.proxy):
        kind = _kind_of_web(old, new) if key == "web" else PROXY.get(key, "restart")
        yield Change(f"$.proxy.{key}", kind, "changed")
    yield from _rows("$.pools", old.pools, new.pools)
    yield from _rows("$.nodes", old.nodes, new.nodes)
    yield from _rows("$.alerts", old.alerts, new.alerts, "live")
    if old.models != new.models:
        yield Change("$.models", "rebuild", "changed")
    if old.cluster != new.cluster:
        yield Change("$.cluster", "rebuild", "changed")
    if [site.name for site in old.sites] != [site.name for site in new.sites]:
        yield Change("$.sites", "restart", "a site came, went, or has another place")
        return
    for index, (before, after) in enumerate(zip(old.sites, new.sites, strict=True)):
        yield from _site(f"$.sites[{index}]", before, after)


def _kind_of_web(old: Config, new: Config) -> Kind:
    """Return `live` where it goes on listening as it does: all else is looked up."""
    before, after = old.proxy.web_settings, new.proxy.web_settings
    is_same = before and after and before.listen == after.listen
    return "live" if is_same else "restart"


Row = PoolConfig | NodeConfig | AlertConfig


def _rows(
    key: str, old: Iterable[Row], new: Iterable[Row], kind: Kind = "rebuild"
) -> Iterator[Change]:
    before, after = {r.name: r for r in old}, {r.name: r for r in new}
    for name in [n for n in before if n not in after]:
        yield Change(f"{key}.{name}", kind, "removed")
    for name, row in after.items():
        if name not in before:
            yield Change(f"{key}.{name}", kind, "added")
        elif keys := list(_differing(before[name], row)):
            yield Change(f"{key}.{name}", kind, f"changed: {', '.join(keys)}")


def _site(key: str, old: SiteConfig, new: SiteConfig) -> Iterator[Change]:
    for name in _differing(old, new):
        yield Change(f"{key}.{name}", SITE.get(name, "restart"), "changed")
    before, after = [*miners_endpoints(old, key)], [*miners_endpoints(new, key)]
    gone = [e for e in before if e.text not in {other.text for other in after}]
    for one in after:
        if one.text in {other.text for other in before}:
            continue
        for other in gone:
            if meet(one, other):
                what = f"{other.text!r} has the port of {one.text!r} until it is closed"
                yield Change(one.key, "restart", what)


def _differing(old: msgspec.Struct, new: msgspec.Struct) -> Iterator[str]:
    for key in old.__struct_fields__:
        if getattr(old, key) != getattr(new, key):
            yield key
