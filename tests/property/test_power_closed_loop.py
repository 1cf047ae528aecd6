"""The whole law over a plant with errors, delays and liars, in virtual time."""

import math

import numpy as np
import pytest

from proxy.power.control.safety import SafetyState
from proxy.power.machines.fleet import Floats
from proxy.power.orders.budget import Rule
from tests.unit.power.plant import Plant, Tick, budget_of

COUNT = 300
SCALE = COUNT / 1000.0
PARK = (135.0,) * 4


def watts(ticks: list[Tick]) -> Floats:
    return np.array([t.power_w for t in ticks])


def worst_minute(power: Floats) -> float:
    return float(np.convolve(power, np.ones(60) / 60, "valid").max())


def running_plant(**options: object) -> Plant:
    plant = Plant(COUNT, **options)  # type: ignore[arg-type]
    list(plant.run(120, budget_of(3.5e6 * SCALE)))
    return plant


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_deep_step_down_is_reached_in_twenty_seconds_and_kept(seed: int) -> None:
    plant = running_plant(seed=seed)
    budget = 2.0e6 * SCALE

    power = watts(list(plant.run(300, budget_of(budget))))

    assert (power[20:] <= budget).all()
    assert power[-60:].mean() >= 0.96 * budget


def test_a_site_follows_a_day_of_steps_and_stays_within_each() -> None:
    plant = running_plant()

    for megawatts, seconds in ((2.0, 300), (2.7, 600), (0.8, 400), (3.3, 900)):
        budget = megawatts * 1e6 * SCALE
        power = watts(list(plant.run(seconds, budget_of(budget))))
        assert worst_minute(power[20:]) <= budget, megawatts
        assert power[-60:].mean() >= 0.96 * budget, megawatts

    assert plant.commands.mean() < 5
    assert plant.commands.max() < 22


def test_the_way_up_keeps_the_ramp() -> None:
    plant = running_plant()
    list(plant.run(200, budget_of(1.0e6 * SCALE)))

    before = plant.state.estimate.ramped_w
    ticks = list(plant.run(60, budget_of(3.0e6 * SCALE)))

    for elapsed, tick in enumerate(ticks, start=1):
        if tick.cap is not None:
            assert tick.cap.ramped_w <= before + 6000.0 * (elapsed + 5)
        assert tick.power_w <= before + 6000.0 * (elapsed + 5)


def test_with_parking_alone_a_step_down_takes_until_the_watchdogs() -> None:
    plant = running_plant(down=PARK, sleeps=False)
    budget = 2.0e6 * SCALE

    ticks = list(plant.run(400, budget_of(budget)))
    power = watts(ticks)

    assert (power[180:] <= budget).all()
    assert not [t for tick in ticks for t in tick.sensed.transitions]


def test_the_bias_of_the_fleet_is_learned_from_the_meter() -> None:
    plant = running_plant(bias=1.10, liars=0.0)
    list(plant.run(300, budget_of(3.5e6 * SCALE)))

    assert plant.state.estimate.bias == pytest.approx(1.10, abs=0.02)


def test_machines_that_lie_about_success_are_found_and_made_up_for() -> None:
    plant = running_plant(liars=0.05)
    liars = int((~plant.obeys).sum())
    budget = 1.5e6 * SCALE

    power = watts(list(plant.run(300, budget_of(budget))))

    assert liars > 5
    assert (power[45:] <= budget).all()
    assert power[-60:].mean() >= 0.94 * budget
    assert not plant.fleet.responsive[~plant.obeys & (plant.fleet.level == 0)].any()


def test_a_lapse_brings_the_fail_safe_and_nothing_raises_it() -> None:
    plant = running_plant()

    ticks = list(plant.run(120, budget_of(100_000.0, Rule.LAPSE)))

    assert plant.state.safety.state is SafetyState.FAILSAFE
    assert (watts(ticks)[20:] <= 100_000.0).all()


def test_a_meter_that_is_lost_shrinks_the_site_then_brings_the_fail_safe() -> None:
    plant = running_plant()
    budget = budget_of(3.0e6 * SCALE)
    list(plant.run(200, budget))

    early = list(plant.run(40, budget, meter=math.nan))
    held = plant.state.safety.state
    late = list(plant.run(60, budget, meter=None))

    assert held is SafetyState.HOLD
    assert watts(early)[-1] < 0.9 * budget.watts
    assert plant.state.safety.state is SafetyState.FAILSAFE
    assert watts(late)[-1] <= 100_000.0


def test_a_meter_that_comes_back_brings_the_site_back() -> None:
    plant = running_plant()
    budget = budget_of(3.0e6 * SCALE)
    list(plant.run(100, budget, meter=None))
    list(plant.run(600, budget))

    assert plant.state.safety.state is SafetyState.NORMAL
    assert plant.power_w >= 0.96 * budget.watts


def test_a_frozen_meter_is_not_believed_while_machines_go_down() -> None:
    plant = running_plant()
    frozen = plant.reading()

    ticks = list(plant.run(90, budget_of(2.0e6 * SCALE), meter=frozen))

    assert ticks[-1].sensed.state.meter.fault is not None
    assert watts(ticks)[-1] <= 2.0e6 * SCALE


def test_a_hidden_load_is_made_room_for_and_raises_the_alarm() -> None:
    plant = running_plant()
    budget = 3.0e6 * SCALE
    list(plant.run(300, budget_of(budget)))

    plant.hidden_w = 0.2 * budget
    ticks = list(plant.run(120, budget_of(budget)))

    assert any(t.sensed.stance.is_hidden_load for t in ticks)
    assert (watts(ticks)[40:] <= budget).all()


def test_a_load_beyond_control_ends_in_a_trip() -> None:
    plant = running_plant()
    budget = 1.0e6 * SCALE

    plant.obeys[:] = False
    list(plant.run(90, budget_of(budget)))

    assert plant.state.safety.state is SafetyState.TRIP
    assert not plant.fleet.level.any()


def test_a_cold_start_of_all_machines_at_once_never_exceeds_the_budget() -> None:
    plant = Plant(COUNT, running=False, start_w=1.0, ramp_up=math.inf)
    budget = 2.5e6 * SCALE

    power = watts(list(plant.run(400, budget_of(budget))))

    assert (power <= budget).all()
    assert power[-60:].mean() >= 0.96 * budget


def test_the_same_plant_lives_the_same_life_twice() -> None:
    lives = [
        watts(list(running_plant(seed=5).run(60, budget_of(5e5)))) for _ in range(2)
    ]

    assert (lives[0] == lives[1]).all()


def test_an_hour_at_one_budget_is_used_and_never_exceeded() -> None:
    plant = running_plant(seed=7)
    budget = 2.2e6 * SCALE

    power = watts(list(plant.run(3600, budget_of(budget))))

    assert worst_minute(power[20:]) <= budget
    assert power[300:].mean() >= 0.96 * budget
    assert plant.state.safety.state is SafetyState.NORMAL


def test_with_an_api_on_some_machines_parking_does_the_rest_in_time() -> None:
    plant = running_plant(down=(5.0, 135.0, 135.0, 135.0))
    budget = 2.0e6 * SCALE

    power = watts(list(plant.run(300, budget_of(budget))))

    assert (power[180:] <= budget).all()
