"""What the estimator lets through, learns and writes down."""

import math

import numpy as np
import pytest
from attrs import evolve

from protocol.units import Seconds, UnixTime, Watts
from proxy.power.control.bias import UNKNOWN2, changed2
from proxy.power.control.cap import AuxLoad, Cap, best_hashrate
from proxy.power.control.estimate import step
from proxy.power.control.estimate_state import Estimate, EstimateParams, Observation
from proxy.power.control.guard import GuardParams, unproven_w
from proxy.power.machines.fleet import Fleet
from proxy.power.orders.budget import Budget, Rule
from tests.unit.power.fleets import LEVELLED, NOW, fleet, machine

NO_AUX = EstimateParams(aux=AuxLoad(Watts(0.0), 0.0))
SMALL = machine(10.0, 1.0)
HUNDRED = fleet(*[SMALL] * 100)  # 1000 W
SURE = Estimate(Watts(1000.0), bias=1.0, reference=1.0, bias_variance=0.001**2)
TEN_DEAF = evolve(HUNDRED, responsive=np.arange(100) > 9)


def look(  # noqa: PLR0913
    known: Estimate | None = None,
    *,
    budget: float = 1000.0,
    of: Fleet = HUNDRED,
    meter: float | None = None,
    low: float | None = None,
    is_metered: bool = True,
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
        look_w=None if meter is None else Watts(meter),
        low_w=None if low is None else Watts(low),
        is_blind=is_blind,
        is_urgent=is_urgent,
        may_raise=may_raise,
        working=working,
        is_metered=is_metered,
    )
    return step(known or Estimate(Watts(budget), bias=1.0), order, of, seen, params)


def ramping_up() -> Fleet:
    """Ten of a hundred machines are on their way up."""
    level = HUNDRED.level.copy()
    level[:10] = 0
    off = evolve(HUNDRED, level=level, from_w=HUNDRED.watts_at(level))
    return off.commanded(HUNDRED.level, NOW)


def test_without_a_meter_one_percent_is_kept_free_or_the_largest_machine() -> None:
    many = fleet(*[SMALL] * 200)

    _, cap = look(of=many, budget=2000.0, is_metered=False)
    blind = look(of=many, budget=2000.0, is_blind=True)[1].guard
    one = look(of=fleet(machine(250.0, 1.0)), is_metered=False)[1].guard

    assert (cap.guard, cap.allow_w, cap.it_w) == (0.01, 1980.0, 1980.0)
    assert (blind, one) == (0.01, 0.25)


@pytest.mark.parametrize(("t_down", "part"), [(5.0, 10 / 60), (135.0, 1.0)])
def test_one_machine_is_kept_free_for_as_much_of_a_minute_as_it_takes_to_answer(
    t_down: float, part: float
) -> None:
    """A whole one of a site that is parked alone."""
    slow = fleet(*[SMALL] * 100, t_down=t_down)

    assert look(of=slow)[1].guard == pytest.approx(part * 10.0 / 1000.0)


def test_the_largest_step_down_is_kept_from_what_grows_until_it_had_time_to_show() -> (
    None
):
    level = HUNDRED.level.copy()
    level[:10] = 0
    told = HUNDRED.commanded(level, NOW)
    shown = evolve(told, changed_at=np.full(100, NOW - 15.0))

    assert unproven_w(told, NOW, GuardParams()) == 10.0
    assert unproven_w(shown, NOW, GuardParams()) == 0.0
    assert look(of=told)[1].guard == pytest.approx(10.0 / 6000.0)


def test_the_noise_of_a_meter_is_a_part_of_what_it_reads() -> None:
    known = Estimate(Watts(1000.0), variance_w2=4.0, noisy_at_w=800.0)

    assert known.noise_w2(400.0) == 1.0
    assert known.noise_w2(800.0) == known.noise_w2(1000.0) == 4.0
    rested = known
    for _ in range(400):
        rested, _ = look(rested, meter=0.0)
    assert rested.noise_w2(1000.0) <= 4.0


def test_a_noisy_meter_keeps_three_deviations_of_what_a_minute_has_of_it() -> None:
    noisy = Estimate(Watts(1000.0), bias=1.0, variance_w2=400.0)
    minute = 20.0 * math.sqrt(0.3 + 1 / 12)

    guard = look(noisy)[1].guard

    assert guard == pytest.approx(3 * minute / 1000.0 + 10.0 / 6000.0)


def test_the_noise_is_learned_from_a_settled_site() -> None:
    known = Estimate(Watts(1000.0), bias=1.0)
    for tick in range(400):
        known, _ = look(known, meter=950.0 + 1.0 * (-1) ** tick)

    assert math.sqrt(known.variance_w2) == pytest.approx(math.sqrt(2.0), rel=0.01)


def test_a_leap_that_nobody_told_of_is_hardly_taken_for_noise() -> None:
    known = Estimate(Watts(1000.0), bias=1.0, variance_w2=4.0, last_w=Watts(900.0))

    assert look(known, meter=500.0)[0].variance_w2 == pytest.approx(4.0 + 0.05 * 32.0)


def test_a_bias_that_nothing_is_known_of_is_what_the_first_look_shows() -> None:
    known, cap = look(meter=960.0)

    assert known.bias == pytest.approx(0.96, abs=1e-5)
    assert cap.bias == known.bias
    assert known.bias_variance == pytest.approx(0.0005**2, rel=0.01)


def test_a_sure_bias_follows_what_chance_explains_both_ways_alike() -> None:
    sure = Estimate(Watts(1000.0), bias=1.0, bias_variance=0.0004**2)
    up, down = (look(sure, meter=w)[0].bias - 1.0 for w in (1001.0, 999.0))

    assert 0.0003 < up < 0.0006
    assert down == pytest.approx(-up)


def test_a_rise_that_chance_does_not_explain_is_believed_at_once() -> None:
    sure = Estimate(Watts(1000.0), bias=1.0, bias_variance=0.0004**2)

    assert look(sure, meter=1020.0)[0].bias == pytest.approx(1.02)


def test_readings_that_no_machine_under_way_explains_raise_the_bias_at_once() -> None:
    sure = Estimate(Watts(1000.0), bias=1.0, bias_variance=0.0004**2)
    level = HUNDRED.level.copy()
    level[:50] = 0
    falling = HUNDRED.commanded(level, NOW)

    assert look(sure, of=falling, low=999.0)[0].bias == 1.0
    assert look(sure, of=falling, low=1050.0)[0].bias == pytest.approx(1.05)
    late = evolve(falling, changed_at=np.full(100, NOW - 12.0))
    assert look(sure, of=late, low=600.0)[0].bias == pytest.approx(1.2)


def test_machines_that_change_make_the_bias_less_sure() -> None:
    """As much as each of them may be off, and no more than was unknown at first."""
    step = np.zeros(100)
    step[:50] = 10.0

    assert changed2(step, 1000.0) == pytest.approx(0.04**2 * 50 * 100 / 1e6)
    assert changed2(step, 0.0) == UNKNOWN2
    assert changed2(np.full(1, 1e6), 10.0) == UNKNOWN2


@pytest.mark.parametrize(("meter", "bias"), [(3000.0, 1.25), (100.0, 0.85)])
def test_the_bias_stays_within_its_bounds(meter: float, bias: float) -> None:
    known = Estimate(Watts(1000.0), bias=1.0, bias_variance=0.001**2)
    for _ in range(6000):
        known, _ = look(known, meter=meter)

    assert known.bias == pytest.approx(bias)
    assert 0.85 <= known.bias <= 1.25


def test_a_bias_above_the_reference_falls_back_to_it_fast_and_below_it_slowly() -> None:
    """What chance does not explain: machines that were counted on draw nothing."""
    sure = Estimate(Watts(1000.0), bias_variance=0.001**2)
    high, low = (
        evolve(sure, bias=1.2, reference=1.1),
        evolve(sure, bias=1.1, reference=1.1),
    )

    assert look(high, meter=1150.0)[0].bias == pytest.approx(1.2 - 0.15 * 0.05)
    assert look(high, meter=1000.0)[0].bias == pytest.approx(1.2 - 0.15 * 0.1 - 3e-4)
    assert look(low, meter=1000.0)[0].bias == pytest.approx(1.1 - 0.003 * 0.1)


def test_a_site_that_loses_its_work_is_not_taken_for_a_thrifty_one() -> None:
    known = SURE
    for _ in range(12):  # a minute until it shows that no shares come
        known, _ = look(known, meter=50.0)
    before = known.bias
    for _ in range(1000):
        known, _ = look(known, meter=50.0, working=0.0)

    assert before > 0.994
    assert known.bias == before


def test_what_machines_without_shares_do_not_draw_is_not_learned() -> None:
    assert look(meter=900.0, working=0.9)[0].bias == pytest.approx(1.0)
    assert look(meter=890.0, working=0.9)[0].bias < 0.999
    assert look(meter=1010.0, working=0.5)[0].bias > 1.0


def test_the_integral_is_given_back_only_while_shares_prove_that_machines_work() -> (
    None
):
    level = HUNDRED.level.copy()
    level[:10] = 0
    part = evolve(HUNDRED, level=level, from_w=HUNDRED.watts_at(level))
    trimmed = evolve(SURE, integral_w=-50.0)

    assert look(trimmed, of=part, meter=890.0, working=0.97)[0].integral_w > -50.0
    assert look(trimmed, of=part, meter=890.0, working=0.96)[0].integral_w == -50.0


def test_the_reference_follows_in_an_hour() -> None:
    known, _ = look(SURE, meter=1100.0)

    assert known.reference == pytest.approx(1.0 + 0.0015 * 0.1)


def test_nothing_is_learned_while_much_is_under_way() -> None:
    assert look(of=ramping_up(), meter=900.0)[0] == look(of=ramping_up())[0]


def test_what_a_few_machines_under_way_explain_is_not_learned() -> None:
    level = HUNDRED.level.copy()
    level[:2] = 0
    off = evolve(HUNDRED, level=level, from_w=HUNDRED.watts_at(level))
    rising = off.commanded(HUNDRED.level, NOW)

    assert look(of=rising, meter=985.0)[0].bias == 1.0
    assert look(of=rising, meter=960.0)[0].bias < 1.0
    assert look(of=rising, meter=1010.0)[0].bias > 1.0


def test_a_lost_meter_means_the_worst_bias_and_what_was_trimmed_off_stays_off() -> None:
    debit = Estimate(Watts(1000.0), bias=1.0, integral_w=-15.0)

    _, cap = look(debit, is_blind=True)

    assert (cap.bias, cap.integral_w) == (1.25, -15.0)


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


def test_the_integral_takes_off_what_no_bias_explains() -> None:
    """Slowly what looks show beyond the machines' watts, at once what is beyond all."""
    high = Estimate(Watts(1000.0), bias=1.25, reference=1.25, bias_variance=1e-6)
    half = evolve(HUNDRED, level=np.where(np.arange(100) < 80, 1, 0))
    half = evolve(half, from_w=half.watts_at(half.level))

    known, cap = look(high, of=half, meter=1040.0)
    at_once = look(high, of=half, low=1040.0)[0].integral_w

    assert known.integral_w == cap.integral_w == pytest.approx(-0.02 * 40.0)
    assert at_once == pytest.approx(-40.0)


def test_an_order_is_no_error_of_the_model() -> None:
    assert look(SURE, meter=1000.0, budget=500.0)[0].integral_w == 0.0


def test_the_integral_leaves_small_errors_alone() -> None:
    trimmed = evolve(SURE, integral_w=-10.0)

    assert look(trimmed, meter=995.0)[0].integral_w == -10.0


def test_the_integral_is_not_given_back_with_nothing_more_to_grant() -> None:
    trimmed = evolve(SURE, integral_w=-10.0)

    assert look(trimmed, meter=700.0)[0].integral_w == -10.0  # all run at full speed


def test_the_integral_gives_back_what_the_meter_shows_unused() -> None:
    level = HUNDRED.level.copy()
    level[:10] = 0
    part = evolve(HUNDRED, level=level, from_w=HUNDRED.watts_at(level))
    trimmed, hardly = evolve(SURE, integral_w=-10.0), evolve(SURE, integral_w=-1.0)

    allowed = 1000.0 - 10.0 / 6
    given = look(trimmed, of=part, meter=890.0)[0].integral_w + 10.0

    assert given == pytest.approx(0.02 * (allowed - 890.0))
    assert look(hardly, of=part, meter=890.0)[0].integral_w == 0.0, "never above"


def test_the_integral_does_not_wind_down_for_what_is_under_way() -> None:
    falling = HUNDRED.commanded(np.zeros(100, dtype=np.int64), NOW)

    assert look(of=falling, low=1000.0, budget=500.0)[0].integral_w == 0.0


def test_the_integral_is_bounded() -> None:
    down = Estimate(Watts(1000.0), bias=1.0, integral_w=-900.0)

    cap = look(down)[1]

    assert cap.integral_w == pytest.approx(-0.08 * cap.allow_w)


def test_the_auxiliary_load_comes_off_before_the_machines() -> None:
    aux = AuxLoad(Watts(10.0), 0.03)

    assert aux.it_watts(aux.site_watts(500.0)) == pytest.approx(500.0)
    assert aux.it_watts(5.0) == 0.0
    cap = look(params=evolve(NO_AUX, aux=aux))[1]
    assert cap.it_w == pytest.approx((cap.allow_w - 10.0) / 1.03)


def test_a_cap_explains_itself_and_can_be_recomputed() -> None:
    known, cap = look(budget=600.0)

    assert (
        cap.hash_hs
        == best_hashrate(HUNDRED, cap.it_w / cap.bias)
        == pytest.approx(59.8333)
    )
    assert (cap.epoch, known.epoch) == (1, 1)
    assert str(cap) == (
        "59.8 H/s = best machines within 598 W / bias 1.000; 598 W = "
        "(598 +0 - 0) / 1.000; allowed: 600 W less a guard of 2 W (0.28%); "
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
    seen = look(before, of=TEN_DEAF, meter=918.0)[0].bias
    assert seen == pytest.approx(1.02, abs=1e-4)  # 1.02 x 900


def test_what_does_not_obey_keeps_nobody_from_the_rest_of_the_budget() -> None:
    level = np.where(np.arange(100) < 50, HUNDRED.top, 0)
    half = evolve(TEN_DEAF, level=level, from_w=HUNDRED.watts_at(level))

    _, cap = look(of=half, budget=500.0, meter=400.0)

    assert cap.it_w == pytest.approx(500.0 - 10.0 / 6)
    assert cap.bias == 1.0, "ten may draw nothing: none contradicts"


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
    known = Estimate(Watts(1000.0), bias=1.0, variance_w2=1e4)

    for _ in range(240):
        known, _ = look(known, of=resting, meter=20.0)

    assert known.variance_w2 < 1.0
