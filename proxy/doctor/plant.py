"""A site's plant: its meter and its machines, as far as a connection tells."""

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence

from proxy.config import SiteConfig
from proxy.config.meter import MeterConfig, read_meter_url
from proxy.config.trip_input import read_trip_url
from proxy.doctor.check import Finding, fail, ok, side_by_side, skipped, warn
from proxy.doctor.device_clocks import device_clocks
from proxy.power.machines.describer import FleetRows

CONNECT_WITHIN_S = 1.5
SAMPLE = 20
"""Machines of a fleet's row that are asked."""

API_PORTS = (4028, 80)
"""The cgminer API, which most firmware has, and HTTP, which the rest has."""

Machines = Sequence[tuple[str, str, str]]
"""Site, worker and address of those that were seen."""


def meter(site: SiteConfig) -> Iterator[Finding]:
    """Look whether the meter takes a connection."""
    name = f"meter of {site.name}"
    power = site.power
    if power is None:
        return
    if power.meter == "model":
        yield skipped(name, "there is none: power is estimated")
        return
    url = power.meter.url if isinstance(power.meter, MeterConfig) else power.meter
    address = read_meter_url(url)
    where = f"{address.host}:{address.port}"
    if _takes(address.host, address.port):
        yield ok(name, f"{where} takes connections")
    else:
        remedy = "look at its address and gateway; without it power is estimated"
        yield fail(name, f"{where} cannot be reached", remedy)


def contact(site: str, url: str) -> Iterator[Finding]:
    """Look whether the device of the relay contact takes a connection."""
    name, address = f"trip input of {site}", read_trip_url(url)
    where = f"{address.host}:{address.port}"
    if _takes(address.host, address.port):
        yield ok(name, f"{where} takes connections")
    else:
        yield fail(name, f"{where} cannot be reached", "without it the site trips")


def devices(
    site: SiteConfig, machines: Machines, wall_clock: Callable[[], float]
) -> Iterator[Finding]:
    """Look whether the machines of each row can be commanded, and at their clocks."""
    rows = FleetRows(site.fleet)
    for number, row in enumerate(site.fleet):
        if row.control == "stratum":
            continue
        which = f"of {site.name}, {row.workers or row.addresses}"
        name = f"devices {which}"
        here = [m for m in machines if m[0] == site.name]
        found = sorted({a for _, w, a in here if rows.find(w, a) == number})
        if found:
            asked = _spread(found)
            within_s = (len(API_PORTS) + 1) * CONNECT_WITHIN_S
            heard = side_by_side(_has_api, asked, within_s)
            answers = {address: heard.get(address, False) for address in asked}
            yield _asked(name, answers)
            if living := [address for address in asked if answers[address]]:
                yield from device_clocks(f"clocks {which}", living, wall_clock)
        else:
            yield skipped(name, "none was seen yet")


def _asked(name: str, addresses: Mapping[str, bool]) -> Finding:
    dead = [address for address, is_there in addresses.items() if not is_there]
    seen = f"{len(addresses) - len(dead)} of {len(addresses)} that were asked answer"
    if not dead:
        return ok(name, seen)
    remedy = (
        "let this machine reach them at ports 4028 and 80; what cannot be commanded"
        " counts at full power"
    )
    level = fail if len(dead) == len(addresses) else warn
    return level(name, f"{seen}; not {', '.join(dead[:5])}", remedy)


def _has_api(address: str) -> bool:
    return any(_takes(address, port) for port in API_PORTS)


def _takes(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), CONNECT_WITHIN_S).close()
    except (OSError, UnicodeError):
        return False
    return True


def _spread(addresses: list[str]) -> list[str]:
    """Return some from all over: neighbours share a switch."""
    step = max(1, len(addresses) // SAMPLE)
    return addresses[::step][:SAMPLE]
