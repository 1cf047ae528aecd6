"""A compressed day of a plant in which everything happens, on a virtual clock."""

from pathlib import Path

import numpy as np
import pytest
from twisted.internet.task import Clock

from protocol.units import Seconds
from proxy.config import PowerConfig
from proxy.sim.kinds import Fault, FaultShare, Spread
from proxy.sim.plant import Plant, PlantOptions, mixed
from tests.fakes.plant_days import write_day
from tests.fakes.plant_script import Script
from tests.fakes.virtual_adapters import Speaker
from tests.fakes.virtual_plant import (
    FOUR_KINDS,
    PARKED_GRACE,
    VirtualSite,
    worst_minute,
)

COUNT = 40
ENVELOPE = 3500.0 * COUNT
HOUR = 900  # of this day, in seconds


ROGUES = (FaultShare(Fault.LIES, 0.05), FaultShare(Fault.IGNORES, 0.025))


@pytest.mark.parametrize(
    ("faults", "least_used"),
    [((), 0.95), (ROGUES, 0.8)],
    ids=["obedient", "lying and ignoring"],
)
def test_a_day_of_orders_losses_and_a_sick_meter_never_exceeds_a_budget(
    tmp_path: Path, faults: tuple[FaultShare, ...], least_used: float
) -> None:
    clock = Clock()
    plant = Plant(
        PlantOptions(
            kinds=mixed(FOUR_KINDS, COUNT),
            seed=3,
            spread=Spread(day_w_share=0.02),
            faults=faults,
        ),
        Seconds(clock.seconds()),
    )
    power = PowerConfig(
        budget_w=ENVELOPE,
        fail_safe_w=0.1 * ENVELOPE,
        ramp_up_w_per_s=15.0 * COUNT,
        meter="modbus://127.0.0.1:502/1",
    )
    grid = Speaker("grid", 30.0)
    site = VirtualSite(tmp_path / "controller.sqlite3", plant, clock, power, [grid])

    script = Script(site, grid, ENVELOPE)
    write_day(script, HOUR)
    script.live(25 * HOUR)  # in the last of them the meter is well again
    site.stop()

    trace = site.trace
    states = set(trace.state)
    still = slice(6 * HOUR, 8 * HOUR)
    used = np.mean(trace.power_w[still]) / np.mean(trace.budget_w[still])
    grace = PARKED_GRACE if faults else 20
    assert worst_minute(trace, grace) <= 1.0
    assert {"normal", "hold", "failsafe"} <= states
    assert used > least_used
    silent = slice(22 * HOUR + 40 + grace, 22 * HOUR + 590)
    assert max(trace.power_w[silent]) <= 0.1 * ENVELOPE
    assert np.mean(trace.power_w[-60:]) / trace.budget_w[-1] > 0.6
