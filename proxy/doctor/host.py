"""The machine: open files, kernel, clock, memory, and what was installed."""

import ctypes
import os
import resource
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from proxy.config import Config
from proxy.doctor.check import Finding, fail, ok, skipped, warn
from proxy.runtime.descriptors import RESERVED
from proxy.version import VERSION

A_MINER_BYTES = 12_000
"""Of memory, with the engine in C; see README."""

SPARE = 1.2
"""Machines come back before their old connections are found dead."""

BACKLOG = 4096
"""Connections that wait to be taken when a hall comes back at once; as the engine asks
for."""

UNSYNCHRONISED = 0x40
"""STA_UNSYNC of adjtimex(2)."""

MAX_ERROR_US = 1_000_000
"""A job's ntime is in seconds; schedules begin on the second."""


def open_files(machines: int | None) -> Iterator[Finding]:
    """Look whether every machine can be connected."""
    name = "open files"
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY:
        yield ok(name, "as many as the system has")
        return
    seen = f"{most} may be open, here"
    remedy = "raise LimitNOFILE of the service, or ulimit -Hn"
    wanted = SPARE * (machines or 0) + RESERVED
    if machines is None and most <= BACKLOG:
        yield warn(name, f"{seen}: about {most - RESERVED} miners", remedy)
    elif most < wanted:
        yield fail(name, f"{seen}, of {wanted:.0f} for {machines} machines", remedy)
    else:
        yield ok(name, seen)


def kernel(root: Path = Path("/proc/sys/net")) -> Iterator[Finding]:
    """Look whether a hall that comes back at once is let in."""
    for path in ("core/somaxconn", "ipv4/tcp_max_syn_backlog"):
        key = f"net.{path.replace('/', '.')}"
        value = _number(root / path)
        if value is None:
            yield skipped(key, "not to be read here")
        elif value < BACKLOG:
            remedy = f"sysctl -w {key}={BACKLOG}"
            yield warn(key, f"{value}: more at once are turned away", remedy)
        else:
            yield ok(key, str(value))
    yield from _tracking(root / "netfilter")


def _tracking(folder: Path) -> Iterator[Finding]:
    name = "connection tracking"
    used = _number(folder / "nf_conntrack_count")
    most = _number(folder / "nf_conntrack_max")
    if used is None or most is None:
        return
    seen = f"{used} of {most} connections"
    if used > 0.8 * most:
        remedy = f"sysctl -w net.netfilter.nf_conntrack_max={4 * most}"
        yield fail(name, f"{seen}: a full table drops miners", remedy)
    else:
        yield ok(name, seen)


def memory(
    machines: int | None, path: Path = Path("/proc/meminfo")
) -> Iterator[Finding]:
    """Look whether there is room for every machine."""
    name = "memory"
    lines = dict(line.split(":", 1) for line in path.read_text("ascii").splitlines())
    free = 1024 * int(lines["MemAvailable"].split()[0])
    needed = 200_000_000 + A_MINER_BYTES * (machines or 0)
    seen = f"{free / 1e6:,.0f} MB to be had"
    if free < needed:
        remedy = f"{needed / 1e6:,.0f} MB are needed for {machines or 0} machines"
        yield warn(name, seen, remedy)
    else:
        yield ok(name, seen)


class _Timex(ctypes.Structure):
    """`struct timex` of adjtimex(2), as far as it is looked at."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_long * 40),
    )


def clock() -> Iterator[Finding]:
    """Look whether somebody keeps the clock right."""
    name = "clock"
    seen = _Timex()
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.byref(seen))
    except (OSError, AttributeError):
        state = -1
    if state < 0:
        yield skipped(name, "the system does not say")
    elif seen.status & UNSYNCHRONISED or seen.maxerror > MAX_ERROR_US:
        remedy = "run chrony or systemd-timesyncd"
        yield warn(name, "nobody keeps it synchronised", remedy)
    else:
        yield ok(name, f"synchronised, within {seen.maxerror / 1e3:.0f} ms")


def installed(config: Config) -> Iterator[Finding]:
    """Look at versions, and at the engine in C."""
    python = ".".join(str(n) for n in sys.version_info[:3])
    yield ok("version", f"baseload {VERSION}, Python {python}, {os.uname().release}")
    name = "engine"
    if config.proxy.engine == "python":
        seen = "Python, as configured"
        yield warn(name, seen, 'a large site needs engine = "auto"')
        return
    try:
        how = import_module("proxy.engine.engine").choose_sha256()
    except ImportError as error:
        remedy = "install a C compiler, then baseload anew"
        level = fail if config.proxy.engine == "native" else warn
        yield level(name, f"the one in C was not built: {error}", remedy)
    else:
        yield ok(name, f"in C, {how}")


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return None
