"""The configuration file: what may stand in it, and what each key defaults to."""

import os
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=0)]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


class ConfigError(Exception):
    """The file cannot be used; the message names the key."""


class _Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file."""


SecretText = str | dict[str, str]


class LedgerConfig(_Section, frozen=True, kw_only=True):
    """`[proxy.ledger]`."""

    durability: Literal["process", "power"] = "process"
    keep_shares_s: Annotated[float, Meta(ge=3600)] = 86400
    max_bytes: Annotated[int, Meta(ge=1_000_000)] = 20_000_000_000


class ProxyConfig(_Section, frozen=True, kw_only=True):
    """`[proxy]`: the process itself."""

    name: Name = "baseload"
    state_dir: str = "state"
    admin: str = "unix:state/admin.sock"
    observer: str | None = None
    log: Literal["text", "json"] = "text"
    engine: Literal["auto", "native", "python"] = "auto"
    ledger: LedgerConfig = LedgerConfig()


class PoolConfig(_Section, frozen=True, kw_only=True):
    """`[[pools]]`: where shares are sold."""

    name: Name
    url: str
    user: str
    password: SecretText = "x"  # noqa: S105  (what pools expect by custom)
    version_rolling: Literal["allowed", "required"] = "allowed"
    fingerprint: str | None = None
    reconnect: bool = False


class ExtranonceConfig(_Section, frozen=True, kw_only=True):
    """`[sites.extranonce]`."""

    layout: Annotated[str, Meta(pattern=r"^(auto|[1-4]\+[1-8])$")] = "auto"


class DifficultyConfig(_Section, frozen=True, kw_only=True):
    """`[sites.difficulty]`."""

    start: Positive = 65536
    minimum: Positive = 1024
    maximum: Positive = 1e12
    shares_per_minute: NotNegative = 18


class LimitsConfig(_Section, frozen=True, kw_only=True):
    """`[sites.limits]`."""

    connections_per_address: Count = 0
    ban_s: NotNegative = 0
    connections: Annotated[int, Meta(ge=1)] = 100_000


class RouteConfig(_Section, frozen=True, kw_only=True):
    """`[[sites.routes]]`: workers with sources of their own."""

    workers: str
    sources: Annotated[list[str], Meta(min_length=1)]


class SiteConfig(_Section, frozen=True, kw_only=True):
    """`[[sites]]`: miners in one place."""

    name: Name
    listen: Annotated[list[str], Meta(min_length=1)]
    sources: Annotated[list[str], Meta(min_length=1)]
    routes: list[RouteConfig] = []
    fail_back_s: NotNegative = 30
    hold_s: Positive = 600
    extranonce: ExtranonceConfig = ExtranonceConfig()
    difficulty: DifficultyConfig = DifficultyConfig()
    limits: LimitsConfig = LimitsConfig()


class Config(_Section, frozen=True, kw_only=True):
    """The whole file."""

    proxy: ProxyConfig = ProxyConfig()
    pools: list[PoolConfig] = []
    sites: Annotated[list[SiteConfig], Meta(min_length=1)]


_LATER = {
    ("sites", "power"): "power caps",
    ("sites", "fleet"): "fleets",
    ("sites", "listeners"): "listeners with a policy of their own",
    ("nodes",): "nodes",
    ("proxy", "web"): "the dashboard",
}
"""Keys that the contract has and this release does not: refused by name."""


def load_config(path: Path) -> Config:
    """Return the configuration in `path`, its relative paths made absolute.

    Raises:
        ConfigError: It cannot be read, or a key is wrong; the message names it.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    try:
        _refuse_later(msgspec.toml.decode(text))
        config = msgspec.toml.decode(text, type=Config)
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path}: {error}") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    _check(path, config)
    base = path.absolute().parent
    proxy = msgspec.structs.replace(
        config.proxy,
        state_dir=str(base / config.proxy.state_dir),
        admin=_absolute_socket(base, config.proxy.admin),
        observer=config.proxy.observer
        and _absolute_socket(base, config.proxy.observer),
    )
    pools = [
        msgspec.structs.replace(pool, password=_secret(base, index, pool.password))
        for index, pool in enumerate(config.pools)
    ]
    return msgspec.structs.replace(config, proxy=proxy, pools=pools)


def _refuse_later(tree: dict[str, object]) -> None:
    for keys, what in _LATER.items():
        level: object = tree.get(keys[0], {})
        tables = level if isinstance(level, list) else [level]
        if len(keys) == 1:
            found = keys[0] in tree
        else:
            found = any(isinstance(t, dict) and keys[1] in t for t in tables)
        if found:
            key = ".".join(keys)
            raise ConfigError(f"this release does not have {what} yet - at `$.{key}`")


def _check(path: Path, config: Config) -> None:
    """Check what a type cannot say."""
    if config.proxy.engine == "native":
        raise ConfigError(
            f"{path}: this release has no native engine yet - at `$.proxy.engine`"
        )
    names = [pool.name for pool in config.pools]
    _check_unique(path, "pools", names)
    _check_unique(path, "sites", [site.name for site in config.sites])
    for index, site in enumerate(config.sites):
        where = f"$.sites[{index}]"
        wanted = site.sources + [s for r in site.routes for s in r.sources]
        for name in wanted:
            if name not in names:
                raise ConfigError(f"{path}: no pool {name!r} - at `{where}.sources`")
        d = site.difficulty
        if not d.minimum <= d.start <= d.maximum:
            raise ConfigError(
                f"{path}: start {d.start:g} is not between minimum {d.minimum:g} and"
                f" maximum {d.maximum:g} - at `{where}.difficulty.start`"
            )


def _check_unique(path: Path, key: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{path}: two {key} are called {name!r} - at `$.{key}`")


def _absolute_socket(base: Path, endpoint: str) -> str:
    kind, _, where = endpoint.partition(":")
    if kind != "unix" or not where:
        raise ConfigError(
            f"expected `unix:PATH`, got {endpoint!r} - at `$.proxy.admin`"
        )
    return f"unix:{base / where}"


def _secret(base: Path, index: int, value: SecretText) -> str:
    """Return the secret itself.

    Raises:
        ConfigError: It is not where the file says.
    """
    if isinstance(value, str):
        return value
    key = f"$.pools[{index}].password"
    match value:
        case {"file": name, **rest} if not rest:
            try:
                return (base / name).read_text("utf-8").strip()
            except OSError as error:
                raise ConfigError(f"{name}: {error.strerror} - at `{key}`") from error
        case {"env": name, **rest} if not rest:
            if name in os.environ:
                return os.environ[name]
            raise ConfigError(f"{name} is not in the environment - at `{key}`")
        case _:
            raise ConfigError(f"expected a text, {{file=}} or {{env=}} - at `{key}`")
