"""What the estimator lets through, learns and writes down."""

import math

import numpy as np
import pytest
from attrs import evolve

from protocol.units import Seconds, UnixTime, Watts
from proxy.power.control.cap import AuxLoad, Cap, best_hashrate
from proxy.power.control.estimate import Estimate, EstimateParams, Observation, step
from proxy.power.machines.fleet import Fleet
from proxy.power.orders.budget import Budget, Rule
from tests.unit.power.fleets import LEVELLED, NOW, fleet, machine

NO_AUX = EstimateParams(aux=AuxLoad(Watts(0.0), 0.0))
SMALL = machine(10.0, 1.0)
HUNDRED = fleet(*[SMALL] * 100)  # 1000 W
TEN_DEAF = evolve(HUNDRED, responsive=np.arange(100) > 9)


def look(  # noqa: PLR0913
    known: Estimate | None = None,
    *,
    budget: float = 1000.0,
    of: Fleet = HUNDRED,
    meter: float | None = None,
    params: EstimateParams = NO_AUX,
    is_blind: bool = False,
    is_urgent: bool = False,
    may_raise: bool = True,
    working: float = 1.0,
) -> tuple[Estimate, Cap]:
    order = Budget("hall-a", Watts(budget), Rule.ORDER, "order 1 of cli")
    seen = Observation(
        now=NOW,
        elapsed=Seconds(5.0),
        at=UnixTime(0.0),
        meter_w=None if meter is None else Watts(meter),
        is_blind=is_blind,
        is_urgent=is_urgent,
        may_raise=may_raise,
        working=working,
    )
    return step(known or Estimate(Watts(budget), bias=1.0), order, of, seen, params)


def ramping_up() -> Fleet:
    """Ten of a hundred machines are on their way up."""
    level = HUNDRED.level.copy()
    level[:10] = 0
    off = evolve(HUNDRED, level=level, from_w=HUNDRED.watts_at(level))
    return off.commanded(HUNDRED.level, NOW)


def test_one_percent_is_kept_free() -> None:
    _, cap = look(of=fleet(*[SMALL] * 200), budget=2000.0)

    assert (cap.guard, cap.allow_w, cap.it_w) == (0.01, 1980.0, 1980.0)


def test_of_a_small_fleet_the_largest_machine_is_kept_free() -> None:
    assert look(of=fleet(machine(250.0, 1.0)))[1].guard == 0.25


def test_a_noisy_meter_keeps_three_deviations_free() -> None:
    noisy = Estimate(Watts(1000.0), variance_w2=400.0)

    assert look(noisy)[1].guard == pytest.approx(0.06)


def test_the_noise_is_learned_from_a_settled_site() -> None:
    known = Estimate(Watts(1000.0), bias=1.0)
    for tick in range(200):
        known, _ = look(known, meter=1000.0 + 10.0 * (-1) ** tick)

    assert math.sqrt(known.variance_w2) == pytest.approx(math.sqrt(200.0), rel=0.01)


def test_the_bias_moves_to_the_meter_by_its_gain() -> None:
    known, cap = look(meter=1100.0)

    assert known.bias == pytest.approx(1.015)
    assert cap.bias == known.bias


@pytest.mark.parametrize(("meter", "bias"), [(3000.0, 1.25), (100.0, 0.85)])
def test_the_bias_stays_within_its_bounds(meter: float, bias: float) -> None:
    known = Estimate(Watts(1000.0), bias=1.0)
    for _ in range(6000):
        known, _ = look(known, meter=meter)

    assert known.bias == pytest.approx(bias)
    assert 0.85 <= known.bias <= 1.25


def test_a_bias_above_the_reference_falls_back_to_it_fast_and_below_it_slowly() -> None:
    high = Estimate(Watts(1000.0), bias=1.2, reference=1.1)
    low = Estimate(Watts(1000.0), bias=1.1, reference=1.1)

    assert look(high, meter=1150.0)[0].bias == pytest.approx(1.2 - 0.15 * 0.05)
    assert look(high, meter=1000.0)[0].bias == pytest.approx(1.2 - 0.15 * 0.1 - 3e-4)
    assert look(low, meter=1000.0)[0].bias == pytest.approx(1.1 - 0.003 * 0.1)


def test_a_site_that_loses_its_work_is_not_taken_for_a_thrifty_one() -> None:
    known = Estimate(Watts(1000.0), bias=1.0, reference=1.0)
    for _ in range(12):  # a minute until it shows that no shares come
        known, _ = look(known, meter=50.0)
    before = known.bias
    for _ in range(1000):
        known, _ = look(known, meter=50.0, working=0.0)

    assert before > 0.994
    assert known.bias == before


def test_what_machines_without_shares_do_not_draw_is_not_learned() -> None:
    known = Estimate(Watts(1000.0), bias=1.0, reference=1.0)

    assert look(known, meter=900.0, working=0.9)[0].bias == pytest.approx(1.0)
    assert look(known, meter=890.0, working=0.9)[0].bias < 0.99999
    assert look(known, meter=1010.0, working=0.5)[0].bias > 1.0


def test_the_integral_gives_only_while_shares_prove_that_machines_work() -> None:
    level = HUNDRED.level.copy()
    level[:10] = 0
    part = evolve(HUNDRED, level=level, from_w=HUNDRED.watts_at(level))

    assert look(of=part, meter=890.0, working=0.97)[0].integral_w > 0.0
    assert look(of=part, meter=890.0, working=0.96)[0].integral_w == 0.0
    assert look(of=part, meter=1100.0, working=0.0)[0].integral_w < 0.0


def test_the_reference_follows_a_hundred_times_slower() -> None:
    known, _ = look(Estimate(Watts(1000.0), bias=1.0, reference=1.0), meter=1100.0)

    assert known.reference == pytest.approx(1.0 + 0.0015 * 0.015)


def test_nothing_is_learned_while_much_is_under_way() -> None:
    assert look(of=ramping_up(), meter=900.0)[0].bias == 1.0


def test_what_a_few_machines_under_way_explain_is_not_learned() -> None:
    level = HUNDRED.level.copy()
    level[:2] = 0
    off = evolve(HUNDRED, level=level, from_w=HUNDRED.watts_at(level))
    rising = off.commanded(HUNDRED.level, NOW)

    assert look(of=rising, meter=985.0)[0].bias == 1.0
    assert look(of=rising, meter=960.0)[0].bias < 1.0
    assert look(of=rising, meter=1010.0)[0].bias > 1.0


def test_a_lost_meter_means_the_worst_bias_and_no_credit() -> None:
    credit = Estimate(Watts(1000.0), bias=1.0, integral_w=15.0)
    debit = evolve(credit, integral_w=-15.0)

    _, cap = look(credit, is_blind=True)

    assert (cap.bias, cap.integral_w) == (1.25, 0.0)
    assert look(debit, is_blind=True)[1].integral_w == -15.0


def test_the_way_up_is_ramped_and_the_way_down_is_not() -> None:
    params = evolve(NO_AUX, ramp_up_w_per_s=10.0)
    low = Estimate(Watts(500.0))

    assert look(low, params=params)[1].ramped_w == 550.0
    assert look(low, params=params, budget=520.0)[1].ramped_w == 520.0
    assert look(Estimate(Watts(5000.0)), params=params)[1].ramped_w == 1000.0


def test_a_ramp_down_holds_but_in_an_emergency() -> None:
    params = evolve(NO_AUX, ramp_down_w_per_s=10.0)
    high = Estimate(Watts(2000.0))

    assert look(high, params=params)[1].ramped_w == 1950.0
    assert look(high, params=params, is_urgent=True)[1].ramped_w == 1000.0
    assert look(Estimate(Watts(1010.0)), params=params)[1].ramped_w == 1000.0


def test_nothing_goes_up_while_it_may_not() -> None:
    low = Estimate(Watts(500.0))

    assert look(low, may_raise=False)[1].ramped_w == 500.0
    assert look(low, may_raise=False, budget=400.0)[1].ramped_w == 400.0


def test_the_integral_takes_back_what_the_meter_shows_too_much() -> None:
    known, cap = look(meter=1040.0)

    assert known.integral_w == cap.integral_w == pytest.approx(-0.02 * 50.0)


def test_the_integral_leaves_small_errors_alone() -> None:
    assert look(meter=993.0)[0].integral_w == 0.0


def test_the_integral_does_not_wind_up_with_nothing_more_to_grant() -> None:
    assert look(meter=700.0)[0].integral_w == 0.0  # all run at full speed


def test_the_integral_gives_what_the_meter_shows_unused() -> None:
    level = HUNDRED.level.copy()
    level[:10] = 0
    part = evolve(HUNDRED, level=level, from_w=HUNDRED.watts_at(level))

    assert look(of=part, meter=890.0)[0].integral_w == pytest.approx(0.02 * 100.0)
    assert look(of=ramping_up(), meter=890.0)[0].integral_w == 0.0


def test_the_integral_does_not_wind_down_for_what_is_under_way() -> None:
    falling = HUNDRED.commanded(np.zeros(100, dtype=np.int64), NOW)

    assert look(of=falling, meter=1000.0, budget=500.0)[0].integral_w == 0.0


def test_the_integral_is_bounded_and_cannot_lift_the_grant_above_the_budget() -> None:
    up = Estimate(Watts(1000.0), bias=1.0, integral_w=900.0)
    down = Estimate(Watts(1000.0), bias=1.0, integral_w=-900.0)

    assert look(up)[1].integral_w == pytest.approx(0.02 * 990.0)
    assert look(up)[1].it_w == 1000.0
    assert look(down)[1].integral_w == pytest.approx(-0.08 * 990.0)


def test_the_auxiliary_load_comes_off_before_the_machines() -> None:
    aux = AuxLoad(Watts(10.0), 0.03)

    assert aux.it_watts(aux.site_watts(500.0)) == pytest.approx(500.0)
    assert aux.it_watts(5.0) == 0.0
    cap = look(params=evolve(NO_AUX, aux=aux))[1]
    assert cap.it_w == pytest.approx((990.0 - 10.0) / 1.03)


def test_a_cap_explains_itself_and_can_be_recomputed() -> None:
    known, cap = look(budget=600.0)

    assert cap.hash_hs == best_hashrate(HUNDRED, cap.it_w / cap.bias) == 59.0
    assert (cap.epoch, known.epoch) == (1, 1)
    assert str(cap) == (
        "0.0 TH/s = best machines within 590 W / bias 1.000; 590 W = "
        "(min(590 +0, 600) - 0) / 1.000; allowed: 600 W less guard 1.67%; "
        "budget 600 W by order 1 of cli"
    )


def test_the_cap_buys_the_best_machines_first_and_the_last_in_part() -> None:
    mixed = fleet(machine(1000.0, 10.0), machine(1000.0, 40.0))

    assert best_hashrate(mixed, 1500.0) == 45.0
    assert best_hashrate(mixed, 9000.0) == 50.0
    assert best_hashrate(mixed, -1.0) == 0.0
    assert best_hashrate(fleet(), 100.0) == 0.0


def test_the_cap_prices_levels_by_what_they_add() -> None:
    assert best_hashrate(fleet(LEVELLED), 600.0) == 70.0
    odd = fleet(((0.0, 0.0), (1.0, 500.0), (100.0, 1000.0)))
    assert best_hashrate(odd, 500.0) == 50.0  # the first step pays with the second


def test_what_sleeping_machines_draw_comes_off_first() -> None:
    assert best_hashrate(fleet(((0.0, 100.0), (10.0, 1100.0))), 600.0) == 5.0


def test_settled_is_past_the_last_step_and_obedient() -> None:
    moved = HUNDRED.commanded(np.zeros(100, dtype=np.int64), NOW)

    assert HUNDRED.settled_share(NOW) == 1.0
    assert moved.settled_share(Seconds(NOW + 4.9)) == 0.0
    assert moved.settled_share(Seconds(NOW + 5.0)) == 1.0
    assert evolve(moved, responsive=np.arange(100) > 9).settled_share(NOW) == 0.0
    assert TEN_DEAF.settled_share(NOW) == 1.0  # the others can be learned from
    assert fleet().settled_share(NOW) == 1.0


def test_what_does_not_obey_may_draw_all_or_nothing() -> None:
    before = Estimate(Watts(1000.0), bias=1.05)

    assert TEN_DEAF.drawn_w(NOW) == (900.0, 1000.0)
    assert look(before, of=TEN_DEAF, meter=1000.0)[0].bias == 1.05
    assert look(before, of=TEN_DEAF, meter=1100.0)[0].bias > 1.05
    assert 1.02 < look(before, of=TEN_DEAF, meter=918.0)[0].bias < 1.05  # 1.02 x 900


def test_what_does_not_obey_keeps_nobody_from_the_rest_of_the_budget() -> None:
    level = np.where(np.arange(100) < 50, HUNDRED.top, 0)
    half = evolve(TEN_DEAF, level=level, from_w=HUNDRED.watts_at(level))

    known, cap = look(of=half, budget=500.0, meter=400.0)

    assert 0.0 < known.integral_w <= 0.02 * cap.allow_w
    assert cap.it_w <= cap.budget_w  # of which they have their full share


def test_debts_grow_with_what_is_curtailed_and_cycles_fade_in_a_day() -> None:
    level = np.array([0, 1, 3], dtype=np.int64)
    mixed = fleet(*[LEVELLED] * 3).commanded(level, NOW)

    aged = mixed.aged(Seconds(7200.0))

    assert aged.debt_h.tolist() == [2.0, 1.0, 0.0]
    assert aged.cycles[0] == pytest.approx(0.5 * math.exp(-1 / 12))


def test_a_fleet_has_a_limit() -> None:
    with pytest.raises(ValueError, match="machines > 1000000"):
        evolve(HUNDRED, level=np.zeros(1_000_001, dtype=np.int64))


def test_a_site_that_sleeps_tells_nothing_of_its_machines() -> None:
    asleep = fleet(*[machine(10.0, 1.0)] * 100)
    asleep = evolve(asleep, level_w=asleep.level_w + np.array([0.1, 0.0]))
    level = np.zeros(100, dtype=np.int64)
    resting = evolve(asleep, level=level, from_w=asleep.watts_at(level))

    known, _ = look(of=resting, meter=200.0)

    assert resting.target_w.sum() > 0
    assert known.bias == 1.0


def test_a_site_that_sleeps_forgets_the_noise_of_a_meter_that_was_sick() -> None:
    asleep = fleet(*[machine(10.0, 1.0)] * 100)
    asleep = evolve(asleep, level_w=asleep.level_w + np.array([0.1, 0.0]))
    level = np.zeros(100, dtype=np.int64)
    resting = evolve(asleep, level=level, from_w=asleep.watts_at(level))
    known = Estimate(Watts(1000.0), bias=1.0, variance_w2=1e9)

    for _ in range(150):
        known, _ = look(known, of=resting, meter=20.0)

    assert known.variance_w2 < 1.0
