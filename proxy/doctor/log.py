"""The log for others: its key, how old its newest state is, its witnesses."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from proxy.config import Config
from proxy.config.transparency import AGENT, TransparencyConfig, read_trust
from proxy.doctor.check import Finding, fail, ok, skipped, warn
from proxy.oversight.agent import agent_signer
from proxy.oversight.folder import CHECKPOINT, LOG_FOLDER
from proxy.oversight.signing import LogKeyError, seed_in

CONNECT_WITHIN_S = 1.5
_PORTS = {"http": 80, "https": 443}


def log(config: Config, wall_clock: Callable[[], float]) -> Iterator[Finding]:
    """Look at all that publishing the log needs."""
    settings = config.proxy.transparency
    if settings is None:
        yield skipped("log", "nobody else sees it: see [proxy.transparency]")
        return
    state = Path(config.proxy.state_dir)
    if not any(site.power for site in config.sites):
        remedy = "give a site [sites.power], or take [proxy.transparency] out"
        yield warn("log", "no site has a budget: nothing is written", remedy)
    yield _key(settings, state)
    yield _age(state / LOG_FOLDER / CHECKPOINT, settings, wall_clock())
    yield from _witnesses(settings)


def _key(settings: TransparencyConfig, state: Path) -> Finding:
    name = "key of the log"
    try:
        if settings.key.startswith(AGENT):
            fingerprint = settings.key.removeprefix(AGENT)
            agent_signer(settings.origin, fingerprint)
            return ok(name, f"the ssh-agent has {fingerprint}")
        path = state / settings.key
        if not path.exists():
            return skipped(name, "it is made at the first start")
        seed_in(path, None)
    except LogKeyError as error:
        return fail(name, str(error), "nothing is signed without it")
    return ok(name, f"{path} is its owner's alone")


def _age(path: Path, settings: TransparencyConfig, now: float) -> Finding:
    name = "state of the log"
    try:
        age = now - path.stat().st_mtime
    except OSError:
        return skipped(name, "nothing was signed yet")
    if age > settings.late_s:
        remedy = "if the proxy runs, see `baseload log show`"
        return warn(name, f"the newest was written {age:.0f} s ago", remedy)
    return ok(name, f"the newest was written {max(0.0, age):.0f} s ago")


def _witnesses(settings: TransparencyConfig) -> Iterator[Finding]:
    if settings.trust is None:
        remedy = "name witnesses in a trust policy: `baseload help log`"
        yield warn("witnesses", "none: two readers may be shown two histories", remedy)
        return
    for one in read_trust(settings.trust).witnesses:
        if one.url:
            yield _witness(f"witness {one.name}", one.url)


def _witness(name: str, url: str) -> Finding:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    try:
        socket.create_connection((host, port), CONNECT_WITHIN_S).close()
    except (OSError, UnicodeError) as error:
        remedy = "the log goes on without it, as far as the others are enough"
        return warn(name, f"{host}:{port} cannot be reached: {error}", remedy)
    return ok(name, f"{host}:{port} takes connections")
