"""Read the configuration: a file, and the environment that beats it."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import evolve, frozen
from msgspec.structs import replace

from proxy.config.anchored import (
    anchored_cluster,
    anchored_proxy,
    anchored_site,
    unusable_sockets,
)
from proxy.config.checks import faults
from proxy.config.environment import Overlay
from proxy.config.examine import Examiner, Hook
from proxy.config.fault import ConfigError, Fault, fault_of
from proxy.config.model import Config, ProxyConfig
from proxy.config.paths import locate
from proxy.config.places import lines_of, nearest_place
from proxy.config.secret import Secret, resolve_secret
from proxy.config.stand_ins import Way
from proxy.config.toml_text import tables_of


@frozen
class Reading:
    """What a file and the environment say.

    Attributes:
        config: None where something is wrong.
        faults: What is wrong; empty: nothing.
        places: Line or variable of each key that is set.
        draft: What was understood, to be looked at and not acted on: stand-ins are in
            it where something is wrong.
        dropped: Keys of these stand-ins.
    """

    config: Config | None
    faults: tuple[Fault, ...]
    places: Mapping[str, str]
    draft: Config
    dropped: frozenset[str]

    def is_told(self, key: str) -> bool:
        """Tell whether what is found at a key is told of already."""
        is_faulty = any(fault.key == key for fault in self.faults)
        return is_faulty or any(_is_at_or_below(key, one) for one in self.dropped)

    def is_sound(self, key: str) -> bool:
        """Tell whether nothing is wrong at a key, nor below it."""
        wrong = (*self.dropped, *(fault.key for fault in self.faults))
        return not any(_is_at_or_below(one, key) for one in wrong)


def load_config(
    path: Path | str, environment: Mapping[str, str] = os.environ
) -> Config:
    """Return the configuration in `path`, with what `environment` sets in it.

    Relative paths come out relative to the file, secrets resolved.

    Raises:
        ConfigError: It cannot be read, or a key is wrong; the message names both.
    """
    reading = read_config(path, environment)
    if reading.config is None:
        raise error_of(path, reading.faults)
    return reading.config


def read_config(
    path: Path | str, environment: Mapping[str, str] = os.environ
) -> Reading:
    """Return what `path` and `environment` say, and all that is wrong with it.

    Raises:
        ConfigError: It cannot be read, or it is no TOML.
    """
    path = Path(path)
    text, tables = tables_of(path)
    base = path.absolute().parent
    hook = _hook(base)
    overlay = Overlay(hook)
    overlay.lay(environment, tables, Config)
    lines = {key: f"line {number}" for key, number in lines_of(text).items()}
    places = {**lines, **overlay.places}
    examiner = Examiner(hook)
    draft, more = _looked_at_whole(examiner.table(tables, Config, "$"), base)
    for way in (Way.LOW, Way.HIGH) if examiner.dropped else ():
        other = Examiner(hook, way).table(tables, Config, "$")
        again = _looked_at_whole(other, base)[1]
        more = [fault for fault in more if fault in again]
    dropped = frozenset(examiner.dropped)
    more = [f for f in more if not any(_is_at_or_below(f.key, k) for k in dropped)]
    found = tuple(
        fault if fault.place else evolve(fault, place=nearest_place(fault.key, places))
        for fault in (*overlay.faults, *examiner.faults, *more)
    )
    return Reading(None if found else draft, found, places, draft, dropped)


def error_of(path: Path | str, found: Sequence[Fault]) -> ConfigError:
    """Return the error that tells of the first fault, and how many there are."""
    first = found[0]
    where = f", {first.place}" if first.place else ""
    more = f" (one of {len(found)} faults)" if len(found) > 1 else ""
    return ConfigError(f"{path}{where}: {first}{more}", found)


def load_proxy(
    path: Path | str, environment: Mapping[str, str] = os.environ
) -> ProxyConfig:
    """Return `[proxy]` of the file `path`, reading no secret.

    A command that only looks for the admin socket need not have the environment
    and the files that the proxy has.

    Raises:
        ConfigError: It cannot be read, or a key of it is wrong.
    """
    path = Path(path)
    _, tables = tables_of(path)
    base = path.absolute().parent
    hook = _without_secrets(_hook(base))
    overlay = Overlay(hook)
    overlay.lay(environment, tables, Config)
    examiner = Examiner(hook)
    proxy: ProxyConfig = examiner.table(tables.get("proxy", {}), ProxyConfig, "$.proxy")
    if examiner.faults:
        raise error_of(path, examiner.faults)
    if socket_faults := list(unusable_sockets(proxy, base)):
        raise error_of(path, socket_faults)
    return anchored_proxy(proxy, base)


def _looked_at_whole(config: Config, base: Path) -> tuple[Config, list[Fault]]:
    """Return a configuration with its paths anchored, and what is wrong with it."""
    found = [fault_of(sentence) for sentence in faults(config)]
    found += unusable_sockets(config.proxy, base)
    sites = []
    for index, site in enumerate(config.sites):
        try:
            sites.append(anchored_site(site, base))
        except ValueError as error:
            found.append(Fault(str(error), f"$.sites[{index}]"))
            sites.append(site)
    shared = config.cluster
    try:
        shared = shared and anchored_cluster(shared, base)
    except ValueError as error:
        found.append(Fault(str(error), "$.cluster.sites"))
    proxy = anchored_proxy(config.proxy, base)
    return replace(config, proxy=proxy, sites=sites, cluster=shared), found


def _is_at_or_below(key: str, above: str) -> bool:
    return key == above or key.startswith((f"{above}.", f"{above}["))


def _without_secrets(hook: Hook) -> Hook:
    """Return a hook that leaves secrets where they are."""

    def blind(kind: type, value: Any) -> object:
        return Secret() if kind is Secret else hook(kind, value)

    return blind


def _hook(base: Path) -> Hook:
    def hook(kind: type, value: Any) -> object:
        if kind is Secret:
            return resolve_secret(value, base)
        if kind is Path and isinstance(value, str):
            return locate(value, base)
        raise ValueError(f"Expected a path, got {type(value).__name__}")

    return hook
