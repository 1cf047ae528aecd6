"""Equal machines take turns over a week."""

import numpy as np
import pytest

from protocol.units import HashesPerSecond, Seconds, Watts
from proxy.power.machines.fleet import fleet_of
from proxy.power.planner.params import PlanParams
from proxy.power.planner.plan import Allowance, plan

PERIOD = 300.0


@pytest.mark.parametrize("share", [0.93, 0.75, 0.4])
def test_over_a_week_equal_machines_are_curtailed_alike(share: float) -> None:
    count, kind = 60, ((0.0, 25.0), (200e12, 3500.0))
    points = [(HashesPerSecond(h), Watts(w)) for h, w in kind]
    fleet = fleet_of(
        [points] * count, t_down=[5.0] * count, t_up=[35.0] * count, running=True
    )
    budget = Watts(share * count * 3500.0)
    grant = Allowance(budget, budget, budget)
    switches, hashes = np.zeros(count), 0.0

    now = Seconds(10_000.0)
    for seconds in [10.0, PERIOD - 10.0] * int(7 * 86400 / PERIOD):
        planned = plan(grant, fleet, now, PlanParams())
        switches += (planned.level == 0) != (fleet.level == 0)
        fleet = fleet.commanded(planned.level, now).aged(Seconds(seconds))
        hashes += fleet.hashes_at(fleet.level) * seconds
        now = Seconds(now + seconds)

    curtailed = fleet.debt_h
    assert np.abs(curtailed / curtailed.mean() - 1.0).max() <= 0.10
    assert switches.max() / 2 / 7 <= 7.0
    machines = (budget - 25.0 * count) // 3475.0  # that fit beside the sleeping
    assert hashes / (7 * 86400) >= 0.98 * machines * 200e12
