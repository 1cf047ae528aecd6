"""Read the file."""

from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from protocol.unreadable import UNREADABLE
from proxy.config.checks import faults
from proxy.config.model import Config, ConfigError, ProxyConfig, SiteConfig
from proxy.config.paths import locate
from proxy.config.power import PowerConfig
from proxy.config.secret import Secret, resolve_secret

MAX_FILE_BYTES = 4_000_000
"""Fifty thousand routes; more is not a configuration."""

MAX_SOCKET_PATH_BYTES = 107

_PATH_ARGUMENTS = ("privateKey=", "certKey=", "extraCertChain=", "dhParameters=")


def load_config(path: Path | str) -> Config:
    """Return the configuration in `path`.

    Relative paths come out relative to the file, secrets resolved.

    Raises:
        ConfigError: It cannot be read, or a key is wrong; the message names both.
    """
    path = Path(path)
    try:
        return _decoded(_read(path), path.absolute().parent)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (*UNREADABLE, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error


class _ProxyAlone(msgspec.Struct, frozen=True):
    proxy: ProxyConfig = ProxyConfig()


def load_proxy(path: Path | str) -> ProxyConfig:
    """Return `[proxy]` of the file `path`, reading no secret.

    A command that only looks for the admin socket need not have the environment
    and the files that the proxy has.

    Raises:
        ConfigError: It cannot be read, or a key of it is wrong.
    """
    path = Path(path)
    try:
        found = msgspec.toml.decode(_read(path), type=_ProxyAlone)
        return _anchored_proxy(found.proxy, path.absolute().parent)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (*UNREADABLE, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        text = file.read(MAX_FILE_BYTES + 1)
    if len(text) > MAX_FILE_BYTES:
        raise ValueError(f"longer than {MAX_FILE_BYTES} B")
    return text


def _decoded(text: bytes, base: Path) -> Config:
    def hook(kind: type, value: Any) -> object:
        if kind is Secret:
            return resolve_secret(value, base)
        if kind is Path and isinstance(value, str):
            return locate(value, base)
        raise ValueError(f"Expected a path, got {type(value).__name__}")

    config = msgspec.toml.decode(text, type=Config, dec_hook=hook)
    for fault in faults(config):
        raise ValueError(fault)
    return replace(
        config,
        proxy=_anchored_proxy(config.proxy, base),
        sites=[_anchored_site(site, base) for site in config.sites],
    )


def _anchored_proxy(proxy: ProxyConfig, base: Path) -> ProxyConfig:
    observer, web = proxy.observer, proxy.web
    return replace(
        proxy,
        state_dir=str(base / proxy.state_dir),
        admin=_socket(proxy.admin, "admin", base),
        observer=None if observer is None else _socket(observer, "observer", base),
        web=None if web is None else anchor(web, base),
        log_file=None if proxy.log_file is None else str(base / proxy.log_file),
    )


def _anchored_site(site: SiteConfig, base: Path) -> SiteConfig:
    return replace(
        site,
        listen=tuple(anchor(endpoint, base) for endpoint in site.listen),
        listeners=tuple(
            replace(listener, endpoint=anchor(listener.endpoint, base))
            for listener in site.listeners
        ),
        power=None if site.power is None else _anchored_power(site.power, base),
    )


def _anchored_power(power: PowerConfig, base: Path) -> PowerConfig:
    signals = tuple(
        signal
        if signal.listen is None
        else replace(signal, listen=anchor(signal.listen, base))
        for signal in power.signals
    )
    return replace(power, signals=signals)


def _socket(endpoint: str, key: str, base: Path) -> str:
    kind, _, where = endpoint.partition(":")
    if kind != "unix" or not where or ":" in where:
        raise ValueError(f"Expected unix:PATH, got {endpoint!r} - at `$.proxy.{key}`")
    if len(str(base / where).encode()) > MAX_SOCKET_PATH_BYTES:
        limit = f"{MAX_SOCKET_PATH_BYTES} B (Linux, unix(7))"
        raise ValueError(f"{base / where}: longer than {limit} - at `$.proxy.{key}`")
    return f"unix:{base / where}"


def anchor(endpoint: str, base: Path) -> str:
    """Return `endpoint` with the files that it names relative to `base`.

    An argument with an escaped colon is left as it is.
    """
    kind, *arguments = endpoint.split(":")
    if kind == "unix" and arguments:
        arguments[0] = str(base / arguments[0])
    for i, argument in enumerate(arguments):
        for name in _PATH_ARGUMENTS:
            if argument.startswith(name):
                arguments[i] = name + str(locate(argument.removeprefix(name), base))
    return ":".join([kind, *arguments])
