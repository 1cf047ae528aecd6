"""Paths of a configuration, relative to the file that names them."""

from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from proxy.config.cluster import ClusterConfig
from proxy.config.fault import Fault
from proxy.config.model import ProxyConfig, SiteConfig
from proxy.config.paths import locate
from proxy.config.power import PowerConfig, SignalConfig
from proxy.config.web import WebConfig

MAX_SOCKET_PATH_BYTES = 107

_PATH_ARGUMENTS = ("privateKey=", "certKey=", "extraCertChain=", "dhParameters=")


def anchored_proxy(proxy: ProxyConfig, base: Path) -> ProxyConfig:
    """Return `[proxy]` with its paths relative to `base`."""
    observer, web = proxy.observer, proxy.web
    return replace(
        proxy,
        state_dir=str(base / proxy.state_dir),
        admin=anchor(proxy.admin, base),
        observer=None if observer is None else anchor(observer, base),
        web=_anchored_web(web, base),
        log_file=None if proxy.log_file is None else str(base / proxy.log_file),
    )


def _anchored_web(web: str | WebConfig | None, base: Path) -> str | WebConfig | None:
    if isinstance(web, WebConfig):
        return replace(web, listen=anchor(web.listen, base))
    return None if web is None else anchor(web, base)


def anchored_site(site: SiteConfig, base: Path) -> SiteConfig:
    """Return a site with its paths relative to `base`.

    Raises:
        ValueError: One of them cannot be found out.
    """
    return replace(
        site,
        listen=tuple(anchor(endpoint, base) for endpoint in site.listen),
        listeners=tuple(
            replace(listener, endpoint=anchor(listener.endpoint, base))
            for listener in site.listeners
        ),
        power=None if site.power is None else _anchored_power(site.power, base),
    )


def anchored_cluster(cluster: ClusterConfig, base: Path) -> ClusterConfig:
    """Return `[cluster]` with its paths relative to `base`.

    Raises:
        ValueError: One of them cannot be found out.
    """
    sites = tuple(
        replace(site, signals=_anchored_signals(site.signals, base))
        for site in cluster.sites
    )
    return replace(cluster, sites=sites)


def _anchored_power(power: PowerConfig, base: Path) -> PowerConfig:
    return replace(power, signals=_anchored_signals(power.signals, base))


def _anchored_signals(
    signals: tuple[SignalConfig, ...], base: Path
) -> tuple[SignalConfig, ...]:
    return tuple(_anchored_signal(signal, base) for signal in signals)


def _anchored_signal(signal: SignalConfig, base: Path) -> SignalConfig:
    if signal.listen is not None:
        signal = replace(signal, listen=anchor(signal.listen, base))
    # What is no address is a path.
    for name in ("document", "btc_price"):
        text = getattr(signal, name)
        is_name = name == "document" and signal.format == "openadr3"
        if text is not None and "://" not in text and not is_name:
            signal = replace(signal, **{name: str(locate(text, base))})
    return signal


def unusable_sockets(proxy: ProxyConfig, base: Path) -> Iterator[Fault]:
    """Yield what is wrong with the paths of the admin sockets."""
    for name in ("admin", "observer"):
        endpoint, key = getattr(proxy, name), f"$.proxy.{name}"
        if endpoint is None:
            continue
        kind, _, where = endpoint.partition(":")
        path = base / where
        if kind != "unix" or not where or ":" in where:
            yield Fault(f"Expected unix:PATH, got {endpoint!r}", key)
        elif len(str(path).encode()) > MAX_SOCKET_PATH_BYTES:
            limit = f"{MAX_SOCKET_PATH_BYTES} B (Linux, unix(7))"
            yield Fault(f"{path}: longer than {limit}", key)


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
