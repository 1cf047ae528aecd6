"""How the parts of the law are put together."""

import math

import numpy as np
import pytest
from attrs import evolve

from protocol.units import Seconds, UnixTime, Watts
from proxy.power.control.cap import AuxLoad
from proxy.power.control.estimate_state import EstimateParams
from proxy.power.control.safety import SafetyState
from proxy.power.control.step import (
    Action,
    Moment,
    Sensed,
    SiteParams,
    SiteState,
    act,
    sense,
    site_at,
)
from proxy.power.machines.fleet import Fleet
from proxy.power.orders.budget import Budget, Rule
from proxy.power.planner.plan import Urgency
from tests.unit.power.fleets import NOW, fleet, machine

HUNDRED = fleet(*[machine(100.0, 10.0)] * 100)  # 10 kW
AUX = AuxLoad(Watts(0.0), 0.0)
RAMPED_DOWN = SiteParams(
    fail_safe_w=Watts(1000.0),
    estimate=EstimateParams(aux=AUX, ramp_down_w_per_s=10.0),
)
AT_ONCE = SiteParams(fail_safe_w=Watts(1000.0), estimate=EstimateParams(aux=AUX))
NO_METER = evolve(AT_ONCE, meter=None)


def order(watts: float, *, lapsed: bool = False) -> Budget:
    rule = Rule.LAPSE if lapsed else Rule.ORDER
    names = ("grid",) if lapsed else ()
    return Budget("hall-a", Watts(watts), rule, "test", lapsed=names)


def site(*, ramped: float = 10_000.0, bias: float = 1.0) -> SiteState:
    made = site_at(NOW, Watts(ramped))
    return evolve(made, estimate=evolve(made.estimate, bias=bias, reference=bias))


def watch(  # noqa: PLR0913
    budget: Budget,
    reading: float | None,
    *,
    params: SiteParams = AT_ONCE,
    of: Fleet = HUNDRED,
    seconds: int = 5,
    start: SiteState | None = None,
) -> Sensed:
    """Look once a second for `seconds` at the same."""
    state = start or site()
    for second in range(1, seconds):
        now = Seconds(NOW + second)
        state = sense(state, of, budget, reading, now=now, params=params).state
    return sense(state, of, budget, reading, now=Seconds(NOW + seconds), params=params)


def do(
    sensed: Sensed,
    budget: Budget,
    *,
    params: SiteParams = AT_ONCE,
    of: Fleet = HUNDRED,
) -> Action:
    moment = Moment(Seconds(NOW + 5.0), UnixTime(0.0), Seconds(5.0))
    return act(sensed, of, budget, moment, params)


def test_on_a_ramp_down_power_is_held_against_the_ramp() -> None:
    budget = order(5000.0)

    ramping = watch(budget, 9950.0, params=RAMPED_DOWN)
    at_once = watch(budget, 9950.0, params=AT_ONCE)

    assert ramping.stance.urgency is Urgency.NORMAL
    assert at_once.stance.urgency is Urgency.EMERGENCY
    assert do(ramping, budget, params=RAMPED_DOWN).cap.ramped_w == 9950.0


def test_a_lapse_does_not_wait_for_the_ramp_down() -> None:
    budget = order(900.0, lapsed=True)

    sensed = watch(budget, 9950.0, params=RAMPED_DOWN)

    assert sensed.state.safety.state is SafetyState.FAILSAFE
    assert sensed.stance.urgency is Urgency.EMERGENCY
    assert do(sensed, budget, params=RAMPED_DOWN).cap.ramped_w == 900.0


def test_a_lost_meter_does_not_wait_for_the_ramp_down() -> None:
    budget = order(9000.0)

    sensed = watch(budget, math.nan, params=RAMPED_DOWN, seconds=60)

    assert sensed.state.safety.state is SafetyState.FAILSAFE
    assert do(sensed, budget, params=RAMPED_DOWN).cap.ramped_w == 1000.0


def test_an_order_at_the_ramp_does_not_count_as_urgent() -> None:
    sensed = watch(order(9000.0), 9000.0, params=RAMPED_DOWN)

    capped = do(sensed, order(9000.0), params=RAMPED_DOWN).cap
    assert capped.ramped_w == 9950.0


def test_what_is_over_the_budget_is_shed_in_model_watts() -> None:
    sensed = watch(order(10_000.0), 10_400.0, start=site(bias=1.25))

    action = do(sensed, order(10_000.0))

    assert sensed.stance.over_w == pytest.approx(500.0)
    off = int((action.plan.level == 0).sum())
    allowed = action.cap.it_w / action.cap.bias
    assert off == max(math.ceil(500.0 / 1.25 / 100.0), 100 - int(allowed // 100))


def test_machines_on_their_way_down_take_their_bias_along() -> None:
    level = np.array([0] * 50 + [1] * 50, dtype=np.int64)
    slow = evolve(HUNDRED, t_down=np.full(100, 60.0)).commanded(level, NOW)
    budget = order(6100.0)

    biased = watch(budget, 12_000.0, of=slow, start=site(bias=1.2))
    plain = watch(budget, 12_000.0, of=slow, start=site(bias=1.0))

    assert biased.stance.urgency is Urgency.NORMAL  # 12000 - 1.2 * 5000 <= 6100
    assert plain.stance.urgency is Urgency.EMERGENCY


def test_a_site_without_a_meter_runs_on_its_model() -> None:
    budget = order(11_000.0)

    sensed = watch(budget, None, params=NO_METER, seconds=300)
    action = do(sensed, budget, params=NO_METER)

    assert sensed.state.safety.state is SafetyState.NORMAL
    assert not sensed.stance.is_hidden_load
    assert action.cap.bias == 1.0
    assert not action.plan.reason.any()


def test_a_site_starts_in_fail_safe_with_its_ramp_where_it_is() -> None:
    state = site_at(NOW, Watts(1234.0))

    assert state.safety.state is SafetyState.FAILSAFE
    assert state.estimate.ramped_w == 1234.0
    assert state.meter.good_at == NOW


def test_a_spent_lease_holds_the_ramp() -> None:
    budget = order(20_000.0)
    start = site(ramped=5000.0)

    sensed = sense(start, HUNDRED, budget, 4900.0, now=NOW, params=AT_ONCE, silence=0.8)

    assert sensed.state.safety.state is SafetyState.HOLD
    assert do(sensed, budget).cap.ramped_w == 5000.0


def test_an_order_below_what_machines_draw_asleep_is_no_trip() -> None:
    asleep = evolve(HUNDRED, level_w=HUNDRED.level_w + np.array([10.0, 0.0]))
    level = np.zeros(100, dtype=np.int64)
    at_rest = evolve(asleep, level=level, from_w=asleep.watts_at(level))
    deaf = evolve(at_rest, responsive=np.arange(100) > 0)

    def after(of: Fleet, watts: float) -> SafetyState:
        state = site_at(NOW, Watts(0.0))
        for second in range(40):
            at = Seconds(NOW + second)
            reading = watts + second % 3
            found = sense(state, of, order(0.0), reading, now=at, params=AT_ONCE)
            state = found.state
        return state.safety.state

    assert after(at_rest, 1200.0) is SafetyState.NORMAL
    assert after(at_rest, 1300.0) is SafetyState.TRIP
    assert after(deaf, 1200.0) is SafetyState.TRIP


def test_without_a_meter_a_guard_of_a_whole_machine_is_enough() -> None:
    # six that can only sleep, an order for 4.32 of them: the guard leaves room for 3.32
    six = fleet(*[machine(3250.0, 30.0)] * 6)
    started = site(ramped=19_500.0)
    least = order(14_040.0)

    sensed = watch(least, None, params=NO_METER, of=six, seconds=1, start=started)
    action = do(sensed, least, params=NO_METER, of=six)

    assert int((action.plan.level > 0).sum()) == 3
