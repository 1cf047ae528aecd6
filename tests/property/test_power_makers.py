"""A hall of machines of every maker: held to its budget, and left as it was found."""

from pathlib import Path

import numpy as np
import pytest

from tests.fakes.makers.hall import POOLS, MixedHall
from tests.fakes.virtual_plant import Trace, worst_minute

SETTLED_S = 600
GRACE_S = 150
"""An order shows once what can only be parked has used up its last job."""


@pytest.fixture
def hall(tmp_path: Path) -> MixedHall:
    hall = MixedHall(tmp_path / "controller.sqlite3", each=1)
    hall.run(SETTLED_S)
    return hall


def test_machines_of_all_makers_work_where_the_budget_has_room(hall: MixedHall) -> None:
    resting = [m.behaviour.name for m in hall.machines if m.th_s == 0]
    hall.stop()

    assert resting == []


@pytest.mark.parametrize("restarts", [False, True])
def test_orders_are_kept_and_nobody_is_harmed(
    hall: MixedHall,
    restarts: bool,  # noqa: FBT001
) -> None:
    for part in (0.5, 0.8, 0.3):
        hall.order(part * hall.full_w)
        hall.run(200)
        if restarts:
            hall.restart()
        hall.run(200)
    hall.order(1.1 * hall.full_w)
    hall.run(600)
    hall.stop()

    trace = Trace(hall.power_w, hall.budget_w, [])
    assert worst_minute(trace, GRACE_S) <= 1.0
    assert np.mean(hall.power_w[-60:]) > 0.5 * hall.full_w
    assert {machine.pools for machine in hall.machines} == {POOLS}
    lowered = [
        machine.behaviour.name
        for machine in hall.machines
        if machine.limit_w not in {None, machine.behaviour.full_w}
    ]
    assert lowered == []
