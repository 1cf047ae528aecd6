"""Whatever is lost, the budget is not exceeded because of it: the real loop."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from protocol.units import Seconds
from tests.fakes.power_adapters import FakeSignal
from tests.fakes.power_site import PowerSite

HALF = 90_000.0
"""Of what the 50 machines draw, about half."""

SETTLE = 20
"""Seconds that a device API takes until an order shows, by the law."""


def a_site(path: Path, **options: Any) -> PowerSite:
    site = PowerSite(path / "controller.sqlite3", **options)
    site.connect()
    return site


# the upstream


@pytest.mark.parametrize("control", ["pyasic", "stratum"])
@pytest.mark.parametrize("lost_s", [60, 300, 1800])
def test_an_upstream_that_comes_back_finds_the_budget_as_it_was(
    tmp_path: Path, control: str, lost_s: int
) -> None:
    site = a_site(tmp_path, budget_w=HALF, control=control)
    site.run(600)
    site.lose_upstream()
    starved = site.run(lost_s)

    site.regain_upstream()
    power = site.run(600)

    assert max(starved) <= HALF
    assert max(power) <= HALF
    assert power[-1] >= 0.9 * HALF


def test_a_part_of_the_machines_without_a_source_lends_nothing_to_the_others(
    tmp_path: Path,
) -> None:
    """One tenant's pool is away, the others' are not."""
    site = a_site(tmp_path, budget_w=HALF, control="stratum")
    site.run(600)
    granted = [b for b in site.boxes.values() if not b.is_parked]
    for box in granted[:4]:
        box.starved_at = site.now
    site.run(900)

    for box in granted[:4]:
        box.starved_at = float("inf")
    power = site.run(300)

    assert max(power) <= HALF


# the meter


@pytest.mark.parametrize("control", ["pyasic", "stratum"])
@pytest.mark.parametrize("ramp_up", [1e9, 500.0])
def test_a_meter_frozen_low_does_not_let_the_site_rise_above_the_budget(
    tmp_path: Path, control: str, ramp_up: float
) -> None:
    site = a_site(tmp_path, control=control, ramp_up=ramp_up)
    site.order(40_000.0)
    site.run(400)
    site.meter.fault = "frozen"

    site.order(HALF)
    power = site.run(600)

    assert max(power) <= HALF


@pytest.mark.parametrize("fault", ["nan", "silent", "frozen"])
def test_a_meter_lost_with_the_order_does_not_delay_it(
    tmp_path: Path, fault: str
) -> None:
    site = a_site(tmp_path)
    site.run(400)

    site.meter.fault = fault
    site.order(HALF)

    assert max(site.run(200)[SETTLE:]) <= HALF


def test_two_spikes_of_the_meter_move_no_machine(tmp_path: Path) -> None:
    site = a_site(tmp_path, budget_w=HALF)
    site.run(600)
    site.devices.calls.clear()
    before = site.run(30)[-1]

    site.meter.spikes = 2
    power = site.run(60)

    assert min(power) >= 0.97 * before
    assert not [call for call in site.devices.calls if call[1] == "sleep"]
    assert not site.events("alarm")


def test_a_load_that_stays_is_no_spike(tmp_path: Path) -> None:
    site = a_site(tmp_path, budget_w=HALF)
    site.run(600)

    site.meter.spikes = 1000
    power = site.run(60)

    assert power[-1] < 0.2 * HALF


# the signal


@pytest.mark.parametrize("silent_s", [10, 60, 600])
@pytest.mark.parametrize("said_w", [HALF, 12_000.0], ids=["above", "below"])
def test_a_signal_that_falls_silent_on_the_way_up_stops_the_ramp(
    tmp_path: Path, silent_s: int, said_w: float
) -> None:
    """`below`: what it said last is less than the fail-safe."""
    site = a_site(tmp_path, signals=[FakeSignal(lease_s=30.0)], ramp_up=500.0)
    site.order(30_000.0, source="grid")
    site.run(300)
    site.order(said_w, source="grid")
    site.run(40)

    power = site.run(silent_s, renew=False)

    assert max(power[SETTLE:], default=0.0) <= said_w
    assert max(power[30 + SETTLE :], default=0.0) <= min(said_w, 20_000.0)
    assert (site.state == "failsafe") is (silent_s > 30)
    lapsed = site.events("budget")[-1]["rule"] == "lapse"
    assert lapsed is (silent_s > 30)


# processes


@pytest.mark.parametrize("dead_s", [0, 5, 20])
@pytest.mark.parametrize("control", ["pyasic", "stratum"])
def test_a_controller_killed_on_the_way_up_does_not_jump_its_ramp(
    tmp_path: Path, control: str, dead_s: int
) -> None:
    site = a_site(tmp_path, control=control, ramp_up=500.0)
    site.order(40_000.0)
    before = site.run(400)[-1]
    site.order(HALF)
    way_up = site.run(40)
    site.kill()
    dead = site.run(dead_s)

    site.open()
    power = [*way_up, *dead, *site.run(300)]

    assert max(power) <= HALF
    for second, watts in enumerate(power):
        assert watts <= max(before, 40_000.0) + 500.0 * (second + 6)
    assert power[-1] >= 0.85 * HALF


@pytest.mark.parametrize("control", ["pyasic", "stratum"])
@pytest.mark.parametrize("after_s", [0, 2, 8, 60])
def test_a_share_process_killed_on_the_way_down_finds_the_order_again(
    tmp_path: Path, control: str, after_s: int
) -> None:
    """Its controller goes with it, and every miner comes back at once."""
    site = a_site(tmp_path, control=control)
    site.run(400)
    site.order(HALF)
    site.run(after_s)
    site.kill()
    site.forget_miners()
    site.run(5)

    site.open()
    site.run(2)
    site.connect()
    power = site.run(400)

    assert max(power[150 if control == "stratum" else SETTLE :]) <= HALF
    assert power[-1] >= 0.85 * HALF


# the miners


@pytest.mark.parametrize("control", ["pyasic", "stratum"])
def test_a_site_whose_supply_fails_comes_back_within_its_budget(
    tmp_path: Path, control: str
) -> None:
    """Every machine boots awake and reconnects within half a minute.

    Those that slept idle until they are told to sleep again: a few seconds above the
    budget, in a minute that began with nothing drawn.
    """
    site = a_site(tmp_path, budget_w=HALF, control=control)
    site.run(400)
    boxes = list(site.boxes.values())
    site.disconnect(boxes)
    for box in boxes:
        box.is_on, box.asleep, box.watts = False, False, 0.0
    site.run(60)

    power = []
    for box in boxes:
        box.is_on = True
    for n in range(10):
        site.connect(boxes[5 * n : 5 * n + 5])
        power += site.run(3)
    power += site.run(600)

    minutes = np.convolve([0.0] * 60 + power, np.ones(60) / 60, "valid")
    assert max(minutes) <= HALF
    assert max(power) <= 1.1 * HALF
    assert power[-1] >= 0.85 * HALF


@pytest.mark.parametrize("watts", [HALF, 40_000.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_percent_that_lie_and_one_that_ignores_are_made_up_for_in_time(
    tmp_path: Path, seed: int, watts: float
) -> None:
    site = a_site(tmp_path, count=100, budget_w=400_000.0, seed=seed)
    site.run(400)
    boxes = list(site.boxes.values())
    first = 30 * seed
    boxes[first].lies = boxes[first + 1].lies = boxes[first + 2].ignores = True

    site.order(2 * watts)
    power = site.run(600)

    asked = [b for b in boxes[first : first + 3] if b.told_asleep]
    assert asked, "one of them was told to sleep"
    assert max(power[SETTLE:]) <= 2 * watts
    assert sum(power[-60:]) / 60 >= 0.9 * 2 * watts


# the clock


@pytest.mark.parametrize("step_s", [-3600.0, -40.0, 40.0, 3600.0])
def test_a_stepped_clock_neither_keeps_a_dead_signal_alive_nor_kills_a_living_one(
    tmp_path: Path, step_s: float
) -> None:
    site = a_site(tmp_path, signals=[FakeSignal(lease_s=30.0)])
    site.order(HALF, source="grid")
    site.run(300)

    site.step = step_s
    alive = site.run(60)
    state = site.state
    silent = site.run(120, renew=False)

    assert state == "normal"
    assert max(alive) <= HALF
    assert alive[-1] >= 0.85 * HALF
    assert max(silent[30 + SETTLE :]) <= 20_000.0


@pytest.mark.parametrize("step_s", [-3600.0, 3600.0])
def test_a_clock_stepped_on_the_way_up_does_not_jump_the_ramp(
    tmp_path: Path, step_s: float
) -> None:
    site = a_site(tmp_path, ramp_up=500.0)
    site.order(40_000.0)
    site.run(300)
    site.order(HALF)
    site.run(20)
    before = site.power_w

    site.step = step_s
    power = site.run(60)

    for second, watts in enumerate(power):
        assert watts <= max(before, 50_000.0) + 500.0 * (second + 6)


# machines that are gone


def test_who_does_not_answer_counts_for_hours_until_an_operator_forgets_it(
    tmp_path: Path,
) -> None:
    site = a_site(tmp_path, count=10)
    site.run(300)
    gone = site.boxes["10.0.0.2"]
    gone.is_on = False
    site.disconnect([gone])
    machine = site.loop.control.table.find(gone.address)
    assert machine is not None

    site.run(3600 + 600)
    committed = site.loop.control.table.fleet.committed_w(Seconds(site.now))
    refused = site.loop.forget("10.0.0.3")
    counted = committed[machine.row]
    alarms = [e for e in site.events("alarm") if e["alarm"] == "absent"]

    assert counted == machine.kind.full_w
    assert [e["machine"] for e in alarms] == [gone.address]
    assert refused == 0, "it is there"
    assert site.loop.forget("10.0.0.2") == 1
    assert site.loop.control.table.find(gone.address) is None
    assert [e["machine"] for e in site.events("cleared")][-1] == gone.address
    assert gone.address not in [
        m.key for m in site.store.kept("hall-a", site.wall()).machines
    ]
    gone.is_on = True
    site.connect([gone])
    assert gone.is_parked, "it starts anew"
