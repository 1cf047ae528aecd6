"""What a start would find: ports, files, folders and hosts as they are now.

A configuration may be right and not start here and now. Nothing is changed by looking,
and what the proxy that runs already holds is not held against its configuration.
"""

import os
import socket
from collections.abc import Callable, Iterable, Iterator
from errno import EACCES, EADDRINUSE, EADDRNOTAVAIL
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from attrs import frozen
from OpenSSL import SSL
from twisted.internet.endpoints import serverFromString

from proxy.admin.access import Access
from proxy.admin.listen import answers
from proxy.config import Config
from proxy.config.endpoints import Endpoint, endpoints_of
from proxy.config.fault import Fault
from proxy.regular_file import open_regular
from proxy.runtime.tls import check_files

RESOLVE_WITHIN_S = 3.0

_ENCRYPTED = ("ssl", "tls")


@frozen
class Finding:
    """One thing that was found.

    Attributes:
        fault: What, and the key that leads to it.
        stops_start: `run` would not start. Else it copes and says so, or another user
            may be the one who starts it.
    """

    fault: Fault
    stops_start: bool


def preflight(config: Config) -> Iterator[Finding]:
    """Yield what `run` would stumble over."""
    is_running = answers(_path_of(config.proxy.admin))
    for endpoint in endpoints_of(config):
        found = _port_findings(endpoint, is_running=is_running)
        yield from _contained(found, endpoint.key)
    for look in (_folder_findings, _socket_findings, _access_findings):
        yield from _contained(look(config), "$.proxy")
    yield from _contained(_file_findings(config), "$")
    yield from _contained(_host_findings(config), "$")


def _contained(found: Iterator[Finding], key: str) -> Iterator[Finding]:
    """Yield what a look finds; that it fails is one more: the others are told."""
    try:
        yield from found
    except Exception as error:  # noqa: BLE001  (whatever a file may hold)
        text = f"what is here cannot be looked at: {type(error).__name__}: {error}"
        yield _stop(text, key)


def _stop(text: str, key: str) -> Finding:
    return Finding(Fault(text, key), stops_start=True)


def _warn(text: str, key: str) -> Finding:
    return Finding(Fault(text, key), stops_start=False)


def _path_of(endpoint: str) -> Path:
    return Path(endpoint.removeprefix("unix:"))


def _port_findings(endpoint: Endpoint, *, is_running: bool) -> Iterator[Finding]:
    if endpoint.kind in _ENCRYPTED:
        reactor: Any = object()  # asked for nothing before something listens
        try:
            check_files(endpoint.text)
            serverFromString(reactor, endpoint.text)
        except (
            *(ValueError, TypeError, LookupError, RuntimeError),
            *(OSError, SSL.Error),
        ) as error:
            yield _stop(f"{endpoint.text!r} is no endpoint: {error}", endpoint.key)
    if endpoint.port is None:
        return
    number = _bind_error(endpoint)
    what = f"port {endpoint.port}"
    if number == EADDRINUSE and not is_running:
        yield _stop(f"{what} is taken by another process", endpoint.key)
    elif number == EADDRNOTAVAIL:
        where = endpoint.interface
        yield _stop(f"this machine does not have the address {where!r}", endpoint.key)
    elif number == EACCES:
        why = f"{what} may not be had by this user: CAP_NET_BIND_SERVICE lets it"
        yield _warn(why, endpoint.key)


def _bind_error(endpoint: Endpoint) -> int:
    """Return the error number of binding a port for a moment; 0: it can be had."""
    is_v6 = endpoint.kind == "tcp6" or ":" in endpoint.interface
    family = socket.AF_INET6 if is_v6 else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((endpoint.interface, endpoint.port))
        except OSError as error:
            return error.errno or 0
    return 0


def _folder_findings(config: Config) -> Iterator[Finding]:
    """Look at the folders that the process makes files in, and makes if need be."""
    proxy = config.proxy
    folders = [
        (Path(proxy.state_dir), "state_dir"),
        (_path_of(proxy.admin).parent, "admin"),
    ]
    if proxy.observer is not None:
        folders.append((_path_of(proxy.observer).parent, "observer"))
    for folder, key in folders:
        try:
            there = next(f for f in (folder, *folder.parents) if f.exists())
        except OSError as error:
            yield _stop(f"{folder}: {error.strerror}", f"$.proxy.{key}")
            continue
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            yield _stop(f"nothing can be written in {there}", f"$.proxy.{key}")
    if proxy.log_file is not None:
        folder = Path(proxy.log_file).parent
        if not os.access(folder, os.W_OK | os.X_OK):
            yield _stop(f"nothing can be written in {folder}", "$.proxy.log_file")
        elif os.path.isdir(proxy.log_file):  # noqa: PTH112  (raises nothing)
            yield _stop(f"{proxy.log_file} is a folder", "$.proxy.log_file")


def _socket_findings(config: Config) -> Iterator[Finding]:
    """Look whether sockets can be where they are to be: each where nothing else is."""
    proxy = config.proxy
    for name in ("admin", "observer"):
        endpoint = getattr(proxy, name)
        path = "" if endpoint is None else endpoint.removeprefix("unix:")
        if os.path.exists(path) and not Path(path).is_socket():  # noqa: PTH110
            yield _stop(f"{path} is there, and no socket", f"$.proxy.{name}")
    if proxy.observer is not None and _same_path(proxy.observer, proxy.admin):
        text = f"{proxy.observer!r} is listened on at $.proxy.admin, too"
        yield _stop(text, "$.proxy.observer")


def _same_path(one: str, other: str) -> bool:
    return os.path.normpath(_path_of(one)) == os.path.normpath(_path_of(other))


def _file_findings(config: Config) -> Iterator[Finding]:
    for n, pool in enumerate(config.pools):
        if pool.ca_file is not None and (why := _unreadable(pool.ca_file)):
            yield _stop(why, f"$.pools[{n}].ca_file")
    for m, site in enumerate(config.sites):
        for n, listener in enumerate(site.listeners):
            if why := _no_authority(listener.client_ca):
                yield _stop(why, f"$.sites[{m}].listeners[{n}].client_ca")
    for n, node in enumerate(config.nodes):
        if node.cookie_file is not None and (why := _unreadable(node.cookie_file)):
            hint = f"{why}: the node writes it when it starts, for its own user"
            yield _warn(hint, f"$.nodes[{n}].cookie_file")


def _no_authority(path: Path | None) -> str:
    """Return why nobody can have a certificate of those in `path`; empty: one can."""
    if path is None:
        return ""
    if why := _unreadable(path):
        return why
    try:
        SSL.Context(SSL.TLS_METHOD).load_verify_locations(str(path))
    except SSL.Error:
        return f"{path}: no certificate in PEM in it"
    return ""


def _unreadable(path: Path) -> str:
    try:
        open_regular(path).close()
    except OSError as error:
        return f"{path}: {error.strerror}"
    return ""


def _access_findings(config: Config) -> Iterator[Finding]:
    proxy = config.proxy
    for name in ("admin", "observer"):
        endpoint = getattr(proxy, name)
        mode, group = getattr(proxy, f"{name}_mode"), getattr(proxy, f"{name}_group")
        if endpoint is None:
            continue
        for folder in Access(int(mode, 8), group).closed_folders(_path_of(endpoint)):
            yield _warn(
                f"those who may open it cannot enter {folder}", f"$.proxy.{name}"
            )


def _host_findings(config: Config) -> Iterator[Finding]:
    hosts = {f"$.pools[{n}].url": pool.url for n, pool in enumerate(config.pools)}
    hosts |= {f"$.nodes[{n}].rpc": node.rpc for n, node in enumerate(config.nodes)}
    names = {}
    for key, url in hosts.items():
        try:
            names[key] = urlsplit(url).hostname or ""
        except ValueError as error:
            yield _stop(f"{url!r} is no address: {error}", key)
    unknown = _unresolved(set(names.values()))
    for key, name in names.items():
        if name in unknown:
            yield _warn(f"no address is known of the host {name!r}", key)


def _unresolved(names: Iterable[str]) -> set[str]:
    """Return which names have no address, or none in time."""
    unknown = set(names)

    def look_up(name: str) -> Callable[[], None]:
        def run() -> None:
            try:
                socket.getaddrinfo(name, None)
            except (OSError, UnicodeError):
                return
            unknown.discard(name)

        return run

    # daemons: a resolver that hangs does not hold up the end of the process
    threads = [Thread(target=look_up(name), daemon=True) for name in sorted(unknown)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(RESOLVE_WITHIN_S)
    return set(unknown)
