"""Fairness debts that have grown since they were kept for a restart."""

from collections.abc import Sequence

from proxy.power.machines.fleet import Fleet
from proxy.power.machines.machine import Machine
from proxy.power.machines.rows import Debt

ALL = slice(None)


def grown_debts(fleet: Fleet, machines: Sequence[Machine], rows: slice) -> list[Debt]:
    """Return the debts in `rows` that have grown, and take them for told."""
    owed, cycles = fleet.debt_h[rows].tolist(), fleet.cycles[rows].tolist()
    told = list(zip(machines[rows], owed, cycles, strict=True))
    grown = [one for one in told if one[1] > one[0].kept_debt_h]
    for machine, debt_h, _ in grown:
        machine.kept_debt_h = debt_h
    return [Debt(m.key, debt_h, often) for m, debt_h, often in grown]
