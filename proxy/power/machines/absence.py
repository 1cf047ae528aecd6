"""Machines that are gone: how long they count, and when they are forgotten."""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from protocol.units import Seconds
from proxy.power.machines.fleet import Fleet
from proxy.power.machines.machine import Machine

FORGOTTEN_AFTER = Seconds(3600.0)
"""A machine that has not been connected for so long is gone, if it is held by its
connection alone and obeyed to the last: it has had no job since. Chosen: a hall
whose switch is replaced comes back within it, and is known."""

COUNTED_FOR = Seconds(7 * 86400.0)
"""How long one counts at full power that has been neither connected nor reachable,
and that nothing proves to be off; an operator may know better. A week is chosen:
somebody has looked after a machine that is lost by then."""


def mind_absent(
    fleet: Fleet, machines: Sequence[Machine], gone: Iterable[Machine], now: Seconds
) -> tuple[list[Machine], list[Machine]]:
    """Set those aside, out of the plan, that are gone and draw no more than idle.

    While one may still be at its last job it counts as commanded, so that it
    is granted work at once if it is back by then. One that does not answer its
    device API counts at full power until it is forgotten. Machines that are connected,
    nearly all of them, are not looked at.

    Args:
        fleet: All of them.
        machines: All of them, by row.
        gone: Those with a `gone_at`.
        now: The moment.

    Returns:
        Those now set aside, and those to be forgotten.
    """
    aside: list[Machine] = []
    forgotten: list[Machine] = []
    is_aside = set(np.flatnonzero(fleet.switched_at == math.inf).tolist())
    for row in sorted(is_aside | {machine.row for machine in gone}):
        machine = machines[row]
        if machine.gone_at is None or not machine.is_absent(now):
            if row in is_aside:  # it is back: it may work
                fleet.switched_at[row] = -math.inf
        elif now - machine.seen_at >= _counted_for(machine):
            forgotten.append(machine)
        elif not machine.has_api and row not in is_aside:
            _set_aside(fleet, row)
            aside.append(machine)
    return aside, forgotten


def _set_aside(fleet: Fleet, row: int) -> None:
    fleet.level[row] = 0
    fleet.from_w[row] = fleet.level_w[row, 0]
    fleet.changed_at[row], fleet.switched_at[row] = -math.inf, math.inf


def _counted_for(machine: Machine) -> Seconds:
    is_proven = machine.is_responsive and not machine.has_api
    return FORGOTTEN_AFTER if is_proven else COUNTED_FOR
