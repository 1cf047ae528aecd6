"""Whatever meter and orders say, what one site's control may never do."""

import math

import numpy as np
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.units import HashesPerSecond, Seconds, UnixTime, Watts
from proxy.power.control.cap import AuxLoad
from proxy.power.control.estimate_state import EstimateParams
from proxy.power.control.safety import SafetyState
from proxy.power.control.step import (
    Action,
    Moment,
    Sensed,
    SiteParams,
    act,
    sense,
    site_at,
)
from proxy.power.machines.fleet import Fleet, fleet_of
from proxy.power.orders.budget import Budget, Rule

AUX = AuxLoad(Watts(100.0), 0.03)
RAMP = 50.0
PARAMS = SiteParams(
    fail_safe_w=Watts(2000.0), estimate=EstimateParams(aux=AUX, ramp_up_w_per_s=RAMP)
)

Life = list[tuple[Fleet, Sensed, Action, Budget, float]]

budgets = st.builds(
    Budget,
    site=st.just("a"),
    watts=st.integers(0, 20_000).map(lambda w: Watts(float(w))),
    rule=st.sampled_from([Rule.ORDER, Rule.CONTRACT]),
    reason=st.just("test"),
    lapsed=st.sampled_from([(), (), (), ("grid",)]),
)
readings = st.none() | st.just(math.nan) | st.floats(-10.0, 30_000.0)
steps = st.lists(
    st.tuples(budgets, readings, st.sampled_from([1, 5, 60]), st.floats(0.0, 1.0)),
    min_size=1,
    max_size=15,
)


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    count = draw(st.integers(1, 10))
    watts = draw(st.lists(st.integers(500, 3000), min_size=count, max_size=count))
    deaf = draw(st.lists(st.integers(0, 9), min_size=count, max_size=count))
    made = fleet_of(
        [
            [
                (HashesPerSecond(0.0), Watts(20.0)),
                (HashesPerSecond(50.0), Watts(w * 0.6)),
                (HashesPerSecond(70.0), Watts(float(w))),
            ]
            for w in watts
        ],
        t_down=[5.0] * count,
        t_up=[60.0] * count,
        running=draw(st.booleans()),
    )
    return evolve(made, responsive=np.array(deaf) > 0)


def live(fleet: Fleet, told: list[tuple[Budget, float | None, int, float]]) -> Life:
    now, life = 1000.0, []
    state = site_at(Seconds(now), Watts(5000.0))
    for budget, reading, seconds, silence in told:
        now += seconds
        sensed = sense(
            state,
            fleet,
            budget,
            reading,
            now=Seconds(now),
            params=PARAMS,
            silence=silence,
        )
        moment = Moment(Seconds(now), UnixTime(now), Seconds(float(seconds)))
        action = act(sensed, fleet, budget, moment, PARAMS)
        life.append((fleet, sensed, action, budget, float(seconds)))
        fleet = fleet.commanded(action.plan.level, Seconds(now)).aged(Seconds(seconds))
        state = action.state
    return life


def granted_w(fleet: Fleet, action: Action) -> float:
    return AUX.site_watts(action.cap.bias * float(action.plan.watts))


@settings(max_examples=150, deadline=None)
@given(fleets(), steps)
def test_no_grant_is_above_the_budget_while_a_machine_can_be_shed(
    fleet: Fleet, told: list[tuple[Budget, float | None, int, float]]
) -> None:
    for before, _, action, budget, _ in live(fleet, told):
        off = float(before.watts_at(np.zeros_like(before.level)).sum())
        least = AUX.site_watts(action.cap.bias * off)
        assert granted_w(before, action) <= max(budget.watts, least) + 1e-6


@settings(max_examples=150, deadline=None)
@given(fleets(), steps)
def test_the_ramp_up_is_kept_and_nothing_rises_unless_all_is_well(
    fleet: Fleet, told: list[tuple[Budget, float | None, int, float]]
) -> None:
    ramped = 5000.0
    for _, sensed, action, budget, seconds in live(fleet, told):
        after = action.cap.ramped_w
        assert after <= ramped + RAMP * seconds + 1e-6
        assert after <= budget.watts
        if sensed.state.safety.state is not SafetyState.NORMAL:
            assert after <= ramped
        if sensed.state.safety.state is SafetyState.FAILSAFE:
            assert after <= PARAMS.fail_safe_w
        ramped = after


@settings(max_examples=100, deadline=None)
@given(fleets(), steps)
def test_every_change_of_state_is_told_with_its_reason(
    fleet: Fleet, told: list[tuple[Budget, float | None, int, float]]
) -> None:
    state = SafetyState.FAILSAFE
    for _, sensed, _, _, _ in live(fleet, told):
        for change in sensed.transitions:
            assert change.before is state
            assert change.reason
            state = change.after
        assert sensed.state.safety.state is state


@settings(max_examples=100, deadline=None)
@given(fleets(), steps)
def test_bias_and_integral_stay_within_their_bounds(
    fleet: Fleet, told: list[tuple[Budget, float | None, int, float]]
) -> None:
    for _, _, action, _, _ in live(fleet, told):
        cap = action.cap
        assert 0.85 <= cap.bias <= 1.25
        assert -0.08 * cap.allow_w - 1e-6 <= cap.integral_w
        assert cap.integral_w <= 0.0
        assert AUX.site_watts(cap.it_w) <= max(cap.allow_w, AUX.fixed_w) + 1e-6
        assert cap.allow_w <= cap.ramped_w
        assert cap.hash_hs >= 0


@settings(max_examples=50, deadline=None)
@given(fleets(), steps)
def test_the_same_life_is_lived_twice(
    fleet: Fleet, told: list[tuple[Budget, float | None, int, float]]
) -> None:
    first, second = (live(fleet, told) for _ in range(2))

    assert [a.cap for _, _, a, _, _ in first] == [a.cap for _, _, a, _, _ in second]
    levels = [[a.plan.level.tolist() for _, _, a, _, _ in x] for x in (first, second)]
    assert levels[0] == levels[1]
