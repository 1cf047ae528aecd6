"""A week of a plant on a virtual clock; in full: python -m tests.bench.power_week."""

from pathlib import Path

import numpy as np
import pytest

from proxy.sim.kinds import Fault, FaultShare
from tests.bench.power_week import Setting, live_a_week, outcome_of, site_of
from tests.fakes.plant_days import WEEK_H
from tests.fakes.plant_script import Script
from tests.fakes.virtual_plant import FOUR_KINDS

ROGUES = (FaultShare(Fault.LIES, 0.05), FaultShare(Fault.IGNORES, 0.05))


@pytest.mark.parametrize("faults", [(), ROGUES], ids=["obedient", "rogues"])
def test_a_week_of_all_that_happens_never_exceeds_a_budget(
    tmp_path: Path, faults: tuple[FaultShare, ...]
) -> None:
    """An hour has two minutes here: what happens does so in full."""
    outcome = live_a_week(Setting(20, faults=faults, hour=120), tmp_path)

    assert outcome.worst_minute <= 1.0
    states = set(outcome.states)
    assert {"normal", "hold", "failsafe"} <= states
    # an hour at 0 W is no trip where every machine rests
    assert ("trip" in states) == bool(faults)
    assert outcome.curtailed_h.min() > 0.5


def test_over_a_real_week_equal_machines_are_curtailed_alike(tmp_path: Path) -> None:
    setting = Setting(12, FOUR_KINDS[:1], lease_s=120.0)
    site, grid = site_of(setting, tmp_path)
    script = Script(site, grid, setting.envelope_w, calm_s=20, busy_s=60)
    for day in range(7):
        script.order(86_400 * day, 0.8)
        script.order(86_400 * day + 36_000, 0.45)

    script.live(WEEK_H * 3600)
    site.stop()
    outcome = outcome_of(site)

    assert len(site.trace.power_w) == 7 * 86_400
    assert outcome.curtailed_h.mean() > 40
    assert outcome.unevenness["Antminer S19j Pro"] <= 0.10
    assert outcome.worst_minute <= 1.0
    assert outcome.cycles_a_day < 7
    assert np.mean(np.array(site.trace.state) == "normal") > 0.999
