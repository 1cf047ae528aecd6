"""Small fleets for tests."""

from collections.abc import Sequence

import numpy as np
from attrs import evolve

from protocol.units import HashesPerSecond, Seconds, Watts
from proxy.power.machines.fleet import Fleet, fleet_of
from proxy.power.planner.plan import Allowance

NOW = Seconds(10_000.0)
LEVELLED = ((0.0, 0.0), (60.0, 500.0), (80.0, 700.0), (100.0, 1000.0))


def machine(watts: float, hashes: float) -> tuple[tuple[HashesPerSecond, Watts], ...]:
    return points(((0.0, 0.0), (hashes, watts)))


def points(
    raw: Sequence[tuple[float, float]],
) -> tuple[tuple[HashesPerSecond, Watts], ...]:
    return tuple((HashesPerSecond(h), Watts(w)) for h, w in raw)


def fleet(
    *machines: Sequence[tuple[float, float]],
    priority: Sequence[int] | None = None,
    debt: Sequence[float] | None = None,
    running: bool = True,
    t_down: float = 5.0,
    t_up: float = 60.0,
) -> Fleet:
    """Machines as (hashes/s, W) by level; they run at full speed since long ago."""
    made = fleet_of(
        [points(m) for m in machines],
        t_down=[t_down] * len(machines),
        t_up=[t_up] * len(machines),
        priority=priority,
        running=running,
    )
    return made if debt is None else evolve(made, debt_h=np.array(debt, dtype=float))


def grant(
    allow: float, *, ceiling: float | None = None, budget: float = 0.0
) -> Allowance:
    return Allowance(
        Watts(allow),
        Watts(allow if ceiling is None else ceiling),
        Watts(budget or allow),
    )
