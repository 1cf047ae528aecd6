"""What a map shows of machines and only their devices and shares can tell."""

from itertools import islice

from msgspec import Struct

from protocol.units import Seconds
from proxy.power.machines.hashing import LEAST_SHARES
from proxy.power.machines.machine import Machine
from proxy.power.site import SiteControl

CELLS_A_PAGE = 1000
"""Looked at between two turns of the controller's loop: 5 ms."""

UNKNOWN, MOST = 255, 254

HEARD_FOR = Seconds(120.0)
"""What a device said holds so long: it is asked every minute."""


class CellsView(Struct):
    """A page of a site's connections, and a byte of each.

    Attributes:
        miners: Numbers of the connections.
        values: A byte of each, base64. Of `temperature` degrees Celsius. Of
            `efficiency` J/TH in percent of its model's: its watts as its device says
            them, else as it was told; its hashrate as shares prove it. 255: unknown.
        more: There is another page.
    """

    miners: list[int]
    values: bytes
    more: bool


def cells(site: SiteControl, now: Seconds, what: str, page: int) -> CellsView:
    """Return a page of what `what`, `temperature` or `efficiency`, is.

    Raises:
        KeyError: It is something else.
    """
    value_of = _VALUES[what]
    machines = site.table.machines
    start = page * CELLS_A_PAGE
    miners: list[int] = []
    values = bytearray()
    for machine in islice(machines, start, start + CELLS_A_PAGE):
        value = value_of(site, machine, now)
        miners += machine.miners
        values += bytes([value]) * len(machine.miners)
    return CellsView(miners, bytes(values), len(machines) > start + CELLS_A_PAGE)


def _temperature(_: SiteControl, machine: Machine, now: Seconds) -> int:
    if machine.temperature_c is None or now - machine.heard_at >= HEARD_FOR:
        return UNKNOWN
    return min(MOST, max(0, round(machine.temperature_c)))


def _efficiency(site: SiteControl, machine: Machine, now: Seconds) -> int:
    hashes, watts = machine.variant.points[-1]
    shares = machine.hashing.shares
    is_at_work = site.table.level_of(machine) > 0
    if not is_at_work or shares.shares < LEAST_SHARES or not hashes or not watts:
        return UNKNOWN
    told = float(site.table.fleet.target_w[machine.row])
    is_heard = machine.power_w is not None and now - machine.heard_at < HEARD_FOR
    draws = machine.power_w if is_heard and machine.power_w is not None else told
    return min(MOST, round(100.0 * (draws / shares.hash_hs) / (watts / hashes)))


_VALUES = {"temperature": _temperature, "efficiency": _efficiency}
