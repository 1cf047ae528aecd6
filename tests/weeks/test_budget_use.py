"""What a settled site uses of its budget, and that no minute is above it."""

from pathlib import Path

import numpy as np
import pytest

from proxy.power.planner.params import PlanParams
from proxy.sim.kinds import Fault, FaultShare
from tests.bench.budget_use import Setting, run
from tests.fakes.virtual_plant import Means

PARAMS = PlanParams()


@pytest.mark.parametrize(
    ("means", "machines", "least"),
    [(Means.SOME, 200, 0.985), (Means.PARKING, 200, 0.97), (Means.SOME, 1000, 0.99)],
    ids=["200", "200 by parking alone", "1,000"],
)
def test_what_was_granted_is_used_in_every_settled_minute_and_never_exceeded(
    tmp_path: Path, means: Means, machines: int, least: float
) -> None:
    outcome = run(Setting(machines, means, stand_s=400), tmp_path)

    assert outcome.over <= 1.0
    assert outcome.least >= least
    assert outcome.cold_s <= 120.0
    # Six orders: one change each, and none that is taken back. Who is parked hashes on
    # for two minutes, so that its rest is shorter than that of its command.
    assert outcome.most_switches <= 7
    assert outcome.soonest_s >= PARAMS.min_off_s or means is Means.PARKING


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "faults",
    [
        (FaultShare(Fault.LIES, 0.02), FaultShare(Fault.IGNORES, 0.02)),
        (FaultShare(Fault.FEIGNS, 0.02), FaultShare(Fault.REBOOTS, 0.02)),
    ],
    ids=["lie and ignore", "feign and reboot"],
)
def test_machines_that_do_not_obey_bring_no_minute_above_the_budget(
    tmp_path: Path, faults: tuple[FaultShare, ...], seed: int
) -> None:
    """An order is kept from 60 s on: those who lie are found out by then."""
    setting = Setting(100, stand_s=400, seed=seed, faults=faults, found_s=60)

    outcome = run(setting, tmp_path)

    assert outcome.over <= 1.0
    assert np.isfinite(outcome.cold_s)
