"""From state to state, each with its reason."""

from attrs import evolve

from protocol.units import Seconds, Watts
from proxy.power.control.safety import (
    Conditions,
    Safety,
    SafetyState,
    Stance,
    Transition,
    assess,
)
from proxy.power.control.safety_params import SafetyParams
from proxy.power.orders.budget import Budget, Rule
from proxy.power.planner.plan import Urgency

PARAMS = SafetyParams()
ORDERED = Budget("hall-a", Watts(1000.0), Rule.ORDER, "order 1 of cli")
LAPSED = Budget("hall-a", Watts(90.0), Rule.LAPSE, "silent", lapsed=("grid",))
UNHEARD = Budget("hall-a", Watts(100.0), Rule.UNHEARD, "fail-safe: not heard: grid")


def seen(power: float | None = 900.0, *, budget: Budget = ORDERED) -> Conditions:
    return Conditions(
        now=Seconds(0.0),
        budget=budget,
        fail_safe_w=Watts(100.0),
        limit_w=budget.watts,
        power_w=None if power is None else Watts(power),
        falling_w=Watts(0.0),
        expected_w=Watts(950.0),
    )


def live(
    conditions: Conditions, seconds: int, start: Safety | None = None, at: int = 0
) -> tuple[Safety, Stance, list[Transition]]:
    """See the same from second `at` to `at` + `seconds`, both included."""
    safety = start or Safety(SafetyState.NORMAL)
    changes: list[Transition] = []
    for now in range(at, at + seconds):
        here = evolve(conditions, now=Seconds(float(now)))
        safety, _, found = assess(safety, here, PARAMS)
        changes += found
    last = evolve(conditions, now=Seconds(float(at + seconds)))
    safety, stance, found = assess(safety, last, PARAMS)
    return safety, stance, [*changes, *found]


def test_a_site_starts_in_fail_safe_and_becomes_normal_with_a_reason() -> None:
    safety, stance, changes = live(seen(), 0, Safety())

    assert safety.state is SafetyState.NORMAL
    assert [(c.before, c.after) for c in changes] == [
        (SafetyState.FAILSAFE, SafetyState.NORMAL)
    ]
    assert changes[0].reason == safety.reason == "all that should speak does"
    assert stance == Stance(Urgency.NORMAL, Watts(1000.0), True, Watts(0.0), False)


def test_half_a_lease_in_silence_holds() -> None:
    almost, _, _ = live(evolve(seen(), silence=0.5), 1)
    safety, stance, changes = live(evolve(seen(), silence=0.51), 1)

    assert almost.state is SafetyState.NORMAL
    assert safety.state is SafetyState.HOLD
    assert not stance.may_raise
    assert changes[0].reason == "51% of a lease spent in silence"


def test_a_lapse_is_fail_safe_and_raises_nothing() -> None:
    safety, stance, changes = live(seen(budget=LAPSED, power=80.0), 1)

    assert safety.state is SafetyState.FAILSAFE
    assert (stance.limit_w, stance.may_raise) == (90.0, False)
    assert changes[0].reason == "lapsed: grid"


def test_waiting_for_a_signal_at_the_start_may_rise_to_the_fail_safe() -> None:
    safety, stance, _ = live(seen(budget=UNHEARD, power=80.0), 1)

    assert safety.state is SafetyState.FAILSAFE
    assert (stance.limit_w, stance.may_raise) == (100.0, True)


def test_a_lost_meter_holds_and_after_a_minute_is_fail_safe() -> None:
    blind = seen(None)
    early, _, _ = live(evolve(blind, meter_lost_for=Seconds(59.0)), 1)
    late, stance, changes = live(evolve(blind, meter_lost_for=Seconds(60.0)), 1)

    assert early.state is SafetyState.HOLD
    assert late.state is SafetyState.FAILSAFE
    assert (stance.limit_w, stance.may_raise) == (100.0, False)
    assert changes[0].reason == "no believable meter for 60 s"


def test_a_lost_meter_at_the_start_may_raise_nothing() -> None:
    blind = evolve(seen(None, budget=UNHEARD), meter_lost_for=Seconds(4.0))

    assert not live(blind, 1)[1].may_raise


def test_over_the_budget_for_three_seconds_is_an_emergency() -> None:
    _, early, _ = live(seen(1030.0), 2)
    safety, late, _ = live(seen(1030.0), 3)

    assert early.urgency is Urgency.NORMAL
    assert (late.urgency, late.over_w) == (Urgency.EMERGENCY, 40.0)
    assert safety.state is SafetyState.NORMAL


def test_what_commands_under_way_take_off_is_not_over_the_budget() -> None:
    _, stance, changes = live(evolve(seen(1500.0), falling_w=Watts(500.0)), 60)

    assert stance.urgency is Urgency.NORMAL
    assert changes == []


def test_five_percent_over_for_twenty_seconds_trips() -> None:
    early, _, _ = live(seen(1051.0), 19)
    safety, stance, changes = live(seen(1051.0), 20)
    below, _, _ = live(seen(1049.0), 60)

    assert early.state is SafetyState.NORMAL
    assert safety.state is SafetyState.TRIP
    assert stance.urgency is Urgency.TRIP
    assert changes[0].reason == "1051 W for 20 s, over 1.05 of 1000 W"
    assert below.state is SafetyState.NORMAL


def test_an_interruption_begins_the_count_anew() -> None:
    first, _, _ = live(seen(1100.0), 15)
    between, _, _ = live(seen(900.0), 0, first, at=16)
    second, _, _ = live(seen(1100.0), 15, between, at=17)

    assert second.state is SafetyState.NORMAL


def test_a_trip_lasts_until_a_minute_within_the_budget() -> None:
    tripped, _, _ = live(seen(1100.0), 20)
    early, stance, _ = live(seen(500.0), 59, tripped, at=30)
    late, _, changes = live(seen(500.0), 60, tripped, at=30)

    assert early.state is SafetyState.TRIP
    assert stance.urgency is Urgency.TRIP
    assert late.state is SafetyState.NORMAL
    assert [c.after for c in changes] == [SafetyState.NORMAL]


def test_a_trip_without_a_meter_does_not_end() -> None:
    tripped, _, _ = live(seen(1100.0), 20)
    blind = evolve(seen(None), meter_lost_for=Seconds(90.0))

    assert live(blind, 300, tripped, at=30)[0].state is SafetyState.TRIP


def test_a_trip_that_ends_in_a_lapse_becomes_fail_safe() -> None:
    tripped, _, _ = live(seen(1100.0), 20)

    after, _, _ = live(seen(50.0, budget=LAPSED), 60, tripped, at=30)

    assert after.state is SafetyState.FAILSAFE


def test_ten_percent_above_the_model_for_thirty_seconds_is_a_hidden_load() -> None:
    strange = evolve(seen(900.0), expected_w=Watts(800.0))

    assert not live(strange, 29)[1].is_hidden_load
    assert live(strange, 30)[1].is_hidden_load
    assert not live(evolve(strange, expected_w=Watts(820.0)), 60)[1].is_hidden_load
    assert not live(evolve(strange, has_meter=False), 60)[1].is_hidden_load


def test_a_hold_lasts_until_its_cause_is_past_for_a_while() -> None:
    held, _, _ = live(evolve(seen(), silence=0.9), 1)
    early, _, _ = live(seen(), 9, held, at=5)
    _, _, changes = live(seen(), 11, held, at=5)

    assert early.state is SafetyState.HOLD
    assert early.reason == "90% of a lease spent in silence"
    assert [(c.before, c.after, c.at) for c in changes] == [
        (SafetyState.HOLD, SafetyState.NORMAL, 16.0)
    ]


def test_a_fail_safe_lasts_until_its_cause_is_past_for_longer() -> None:
    safe, _, _ = live(seen(50.0, budget=LAPSED), 1)
    early, stance, _ = live(seen(50.0), 28, safe, at=2)
    late, _, _ = live(seen(50.0), 29, safe, at=2)

    assert early.state is SafetyState.FAILSAFE
    assert (stance.limit_w, stance.may_raise) == (100.0, False)
    assert late.state is SafetyState.NORMAL


def test_each_trip_more_within_an_hour_lasts_twice_as_long() -> None:
    safety = Safety(SafetyState.NORMAL)
    lasted, at = [], 0
    for _ in range(7):
        safety, _, _ = live(seen(1100.0), 20, safety, at=at)
        at += 21
        safety, _, changes = live(seen(500.0), 1000, safety, at=at)
        lasted.append(changes[0].at - at)
        at += 1001

    assert lasted == [60, 120, 240, 480, 960, 960, 960]


def test_machines_at_rest_above_an_order_of_nothing_are_no_trip() -> None:
    nothing = evolve(ORDERED, watts=Watts(0.0))
    at_rest = evolve(seen(150.0, budget=nothing), standby_w=Watts(200.0))
    awake = evolve(at_rest, standby_w=None)
    beyond = evolve(at_rest, power_w=Watts(201.0))

    assert live(at_rest, 600)[0].state is SafetyState.NORMAL
    assert live(awake, 30)[0].state is SafetyState.TRIP
    assert live(beyond, 30)[0].state is SafetyState.TRIP


def test_a_trip_ends_once_all_machines_rest() -> None:
    nothing = evolve(ORDERED, watts=Watts(0.0))
    tripped, _, _ = live(seen(150.0, budget=nothing), 30)
    at_rest = evolve(seen(150.0, budget=nothing), standby_w=Watts(200.0))

    after, _, _ = live(at_rest, 60, tripped, at=31)

    assert after.state is SafetyState.NORMAL


def test_a_fail_safe_that_lasts_names_what_was_lost_and_not_the_trip_before() -> None:
    over = evolve(seen(1200.0), limit_w=Watts(1000.0))
    tripped, _, _ = live(over, 25)
    within, _, _ = live(seen(900.0), 40, tripped, at=26)
    lapsed, _, _ = live(evolve(seen(900.0), budget=LAPSED), 5, within, at=67)

    after, _, _ = live(seen(900.0), 20, lapsed, at=73)

    assert lapsed.state is SafetyState.TRIP
    assert (after.state, after.reason) == (SafetyState.FAILSAFE, "lapsed: grid")


def test_a_hold_that_lasts_names_what_was_overdue_and_not_the_trip_before() -> None:
    tripped, _, _ = live(seen(1200.0), 25)
    silent, _, _ = live(evolve(seen(900.0), silence=0.6), 55, tripped, at=26)

    after, _, _ = live(seen(900.0), 8, silent, at=82)

    assert silent.state is SafetyState.TRIP
    assert after.state is SafetyState.HOLD
    assert after.reason == "lately: 60% of a lease spent in silence"
