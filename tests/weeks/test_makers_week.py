"""A week of a hall of every maker: kept to its budget, and whole at its end."""

import random
from pathlib import Path

import pytest
from attrs import evolve

from tests.fakes.makers.behaviour import Switches
from tests.fakes.makers.hall import POOLS, MixedHall
from tests.fakes.virtual_plant import PARKED_GRACE, Trace, worst_minute

HOURS = 7 * 24
HOUR = 300
"""Seconds: long enough for the slowest firmware to come up, without the dull part."""

BACK_S = 600
"""After the last order, within this every machine works."""


def live_an_hour(hall: MixedHall, rng: random.Random) -> None:
    """Let happen what may happen in an hour."""
    odd = rng.choice(hall.machines)
    before = evolve(odd.switches)
    if rng.random() < 0.6:
        hall.order(rng.uniform(0.3, 1.05) * hall.full_w)
    match rng.randrange(20):
        case 0:
            hall.restart()
        case 1:
            hall.wall_ahead_s += rng.choice((-1200.0, 1200.0))
            hall.restart()
        case 2 | 3:
            odd.reboot()
        case 4 | 5:
            odd.switches.slow_s = rng.uniform(1.0, 10.0)
        case 6:
            odd.switches.locked = True
        case 7:
            odd.switches.lost_reads = 3
        case 8:
            hall.meter.is_silent = True
            hall.run(90)
            hall.meter.is_silent = False
    hall.run(HOUR)
    odd.switches = before


@pytest.mark.parametrize("seed", range(2))
def test_it_is_kept_to_its_budgets_and_comes_back_whole(
    tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)  # noqa: S311  (no secrets: a seed that can be run again)
    path = tmp_path / "controller.sqlite3"
    hall = MixedHall(path, each=1, contract=1.3, has_meter=True)
    hall.order(hall.full_w)
    for _ in range(HOURS):
        live_an_hour(hall, rng)
    hall.order(1.3 * hall.full_w)
    hall.run(BACK_S)
    resting = [m.behaviour.name for m in hall.machines if m.th_s == 0]
    lowered = [
        m.behaviour.name
        for m in hall.machines
        if m.limit_w not in {None, m.behaviour.full_w}
    ]
    hall.stop()

    trace = Trace(hall.power_w, hall.budget_w, [])
    assert worst_minute(trace, PARKED_GRACE) <= 1.0
    assert resting == []
    assert lowered == []
    assert {m.pools for m in hall.machines} == {POOLS}
    assert all(m.switches == Switches() for m in hall.machines)
