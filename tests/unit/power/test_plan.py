"""Who is shed, who grows, in which order and why."""

import numpy as np
import pytest
from attrs import evolve

from protocol.units import Seconds, Watts
from proxy.power.machines.fleet import UNMANAGED, Fleet
from proxy.power.planner.grow import UNPROVEN_OFF
from proxy.power.planner.params import PlanParams
from proxy.power.planner.plan import LevelChange, Urgency, grant_within, plan
from proxy.power.planner.steps import Reason
from tests.unit.power.fleets import LEVELLED, NOW, fleet, grant, machine

PARAMS = PlanParams()
OLD = machine(1000.0, 30.0)
NEW = machine(1000.0, 60.0)


def levels(of: Fleet, allow: float, *, budget: float = 0.0) -> list[int]:
    planned = plan(grant(allow, budget=budget), of, NOW, PARAMS)
    return [int(level) for level in planned.level]


def test_a_fleet_within_its_grant_is_left_alone() -> None:
    planned = plan(grant(2000.0), fleet(OLD, NEW), NOW, PARAMS)

    assert planned.level.tolist() == [1, 1]
    assert list(planned.commands()) == []


def test_the_least_efficient_machine_sleeps_first() -> None:
    assert levels(fleet(NEW, OLD, NEW), 2000.0) == [1, 0, 1]


def test_unmanaged_machines_sleep_before_worse_ones() -> None:
    mixed = fleet(OLD, NEW, priority=[0, UNMANAGED])

    planned = plan(grant(1000.0), mixed, NOW, PARAMS)

    assert planned.level.tolist() == [1, 0]
    assert planned.reason.tolist() == [0, Reason.UNMANAGED]


def test_the_higher_class_sleeps_last_whatever_its_efficiency() -> None:
    mixed = fleet(OLD, NEW, NEW, priority=[2, 1, 1])

    assert levels(mixed, 1000.0) == [1, 0, 0]


def test_of_equals_the_one_curtailed_least_sleeps() -> None:
    assert levels(fleet(OLD, OLD, OLD, debt=[3, 1, 2]), 2000.0) == [1, 0, 1]


def test_machines_a_hair_apart_count_as_equals() -> None:
    nearly = fleet(machine(1000.0, 30.05), machine(1000.0, 30.0), debt=[0, 1])

    assert levels(nearly, 1000.0) == [0, 1]


def test_a_small_need_takes_the_dearest_level_not_a_machine() -> None:
    tuned = fleet(NEW, LEVELLED, *[NEW] * 18)

    planned = plan(grant(19_800.0, budget=20_000.0), tuned, NOW, PARAMS)

    assert planned.level[1] == 2
    assert planned.rows.tolist() == [1]
    assert planned.reason[1] == Reason.TRIM


def test_a_small_need_beyond_all_levels_sleeps_machines_too() -> None:
    tuned = fleet(LEVELLED, *[OLD] * 19)

    planned = plan(grant(19_000.0, budget=20_000.0), tuned, NOW, PARAMS)

    assert planned.watts <= 19_000.0
    assert planned.level[0] == 1
    assert int((planned.level[1:] == 0).sum()) == 1


def test_a_large_need_sleeps_machines_and_spares_the_trim_pool() -> None:
    tuned = fleet(LEVELLED, *[machine(1000.0, 100.0)] * 9)

    planned = plan(grant(5000.0), tuned, NOW, PARAMS)

    assert planned.level[0] == 3
    assert int((planned.level[1:] == 0).sum()) == 5


def test_of_a_large_need_levels_take_what_is_less_than_a_machine() -> None:
    """And one machine more, until it has shown: they are back within a minute."""
    tuned = fleet(*[LEVELLED] * 6, *[machine(1000.0, 100.0)] * 4)
    stiff = fleet(*[machine(1000.0, 100.0)] * 10)

    doubted = evolve(grant(6500.0), doubt_w=1000.0)

    planned = plan(doubted, tuned, NOW, PARAMS)
    fast = plan(doubted, tuned, NOW, PARAMS, Urgency.EMERGENCY)
    whole = plan(doubted, stiff, NOW, PARAMS)

    assert int((planned.level == 0).sum()) == 3
    assert 5500.0 - 300.0 <= planned.watts <= 5500.0
    assert int((fast.level == 0).sum()) == 4
    assert int((whole.level == 0).sum()) == 5


def test_a_machine_inside_its_minimum_time_on_is_passed_over() -> None:
    young = evolve(fleet(OLD, NEW), switched_at=np.array([NOW - 10, -np.inf]))

    assert levels(young, 1000.0) == [1, 0]


def test_the_budget_beats_the_minimum_time_and_says_so() -> None:
    young = evolve(fleet(OLD), switched_at=np.array([NOW - 10.0]))

    planned = plan(grant(100.0), young, NOW, PARAMS)

    assert planned.level.tolist() == [0]
    assert planned.reason.tolist() == [Reason.FORCED]


def test_the_guard_alone_does_not_break_the_minimum_time() -> None:
    young = evolve(fleet(OLD), switched_at=np.array([NOW - 10.0]))

    planned = plan(grant(900.0, ceiling=1000.0), young, NOW, PARAMS)

    assert planned.level.tolist() == [1]


def test_growing_ends_a_dead_band_below_where_shedding_begins() -> None:
    """Between the two nothing moves, though the grant wavers."""
    ten, nine = fleet(*[OLD] * 10), fleet(*[OLD] * 10, running=False)
    nine = nine.commanded(np.array([1] * 9 + [0]), Seconds(NOW - 1000.0))

    assert not plan(grant(10_000.0), ten, NOW, PARAMS).reason.any()
    assert plan(grant(9999.0), ten, NOW, PARAMS).reason.any()
    assert not plan(grant(10_019.0, budget=10_000.0), nine, NOW, PARAMS).reason.any()
    assert plan(grant(10_021.0, budget=10_000.0), nine, NOW, PARAMS).reason.any()


def test_levels_go_down_by_a_dead_band_more_so_that_the_next_look_needs_none() -> None:
    ten = fleet(*[LEVELLED] * 10)  # 300 W from the top to the next

    planned = plan(grant(9410.0, budget=10_000.0), ten, NOW, PARAMS)

    assert planned.watts == 9400.0 - 300.0


@pytest.mark.parametrize(
    ("off_s", "level"), [(UNPROVEN_OFF - 1, [0, 0]), (UNPROVEN_OFF, [1, 0])]
)
def test_a_machine_not_shown_to_be_off_counts_full_and_may_work_again_after_long(
    off_s: float, level: list[int]
) -> None:
    since = np.array([NOW - off_s, -np.inf])
    deaf = evolve(
        fleet(OLD, OLD, running=False),
        responsive=np.array([False, True]),
        switched_at=since,
    )

    planned = plan(grant(1500.0), deaf, NOW, PARAMS)

    assert planned.watts == 1000.0, "it is given no more than it counts"
    assert planned.level.tolist() == level


def test_an_unresponsive_machine_makes_another_one_sleep() -> None:
    deaf = evolve(fleet(OLD, NEW), responsive=np.array([False, True]))

    assert levels(deaf, 1000.0) == [1, 0]


def test_growing_takes_the_best_machine_first_and_says_why() -> None:
    planned = plan(grant(1500.0), fleet(OLD, NEW, running=False), NOW, PARAMS)

    assert planned.level.tolist() == [0, 1]
    assert list(planned.commands()) == [
        LevelChange(1, 0, 1, Reason.WAKE, Watts(1000.0))
    ]
    assert planned.hashrate_change == 60.0


def test_growing_serves_the_highest_class_first() -> None:
    classes = fleet(NEW, OLD, priority=[0, 1], running=False)

    assert levels(classes, 1500.0) == [0, 1]


def test_growing_prefers_the_machine_that_was_curtailed_longest() -> None:
    assert levels(fleet(OLD, OLD, debt=[1, 2], running=False), 1500.0) == [0, 1]


def test_a_machine_too_large_for_the_room_does_not_block_a_smaller_one() -> None:
    sizes = fleet(machine(5000.0, 500.0), OLD, running=False)

    assert levels(sizes, 2000.0) == [0, 1]


def test_a_machine_inside_its_minimum_time_off_stays_off() -> None:
    just_off = evolve(
        fleet(OLD, NEW, running=False), switched_at=np.array([-np.inf, NOW - 10.0])
    )

    assert levels(just_off, 1500.0) == [1, 0]


def test_a_machine_with_many_cycles_is_woken_last() -> None:
    worn = evolve(fleet(OLD, NEW, running=False), cycles=np.array([0.0, 6.0]))

    assert levels(worn, 1500.0) == [1, 0]


def test_room_within_the_dead_band_is_left_alone() -> None:
    many = fleet(machine(5.0, 1.0), running=False)

    assert levels(many, 5.5, budget=1000.0) == [0]


def test_a_slower_machine_goes_up_one_level_at_a_time() -> None:
    slow = evolve(fleet(LEVELLED), level=np.array([1]), from_w=np.array([500.0]))

    planned = plan(grant(1000.0), slow, NOW, PARAMS)

    assert planned.level.tolist() == [2]
    assert planned.reason.tolist() == [Reason.RAISE]


def test_watts_on_their_way_down_are_not_given_away_yet() -> None:
    both = fleet(OLD, NEW).commanded(np.array([0, 1]), NOW)

    early = plan(grant(1000.0), both, Seconds(NOW + 4.0), PARAMS)

    assert not early.reason.any()
    assert both.committed_w(Seconds(NOW + 4.0)).sum() == 2000.0
    assert both.committed_w(Seconds(NOW + 5.0)).sum() == 1000.0


def test_a_step_under_way_is_not_asked_for_twice() -> None:
    fleet_ = fleet(OLD, NEW, NEW)
    first = plan(grant(2000.0), fleet_, NOW, PARAMS)

    second = plan(grant(2000.0), fleet_.commanded(first.level, NOW), NOW, PARAMS)

    assert not second.reason.any()


def test_an_emergency_sleeps_young_machines_and_needs_no_dead_band() -> None:
    young = evolve(fleet(*[OLD] * 10), switched_at=np.full(10, NOW - 1.0))

    planned = plan(
        grant(10_000.0), young, NOW, PARAMS, Urgency.EMERGENCY, over_w=1500.0
    )

    assert int((planned.level == 0).sum()) == 2


def test_a_trip_sleeps_everything_but_the_firm_class() -> None:
    classes = fleet(OLD, NEW, NEW, priority=[0, 1, 2])

    tripped = plan(grant(9e9), classes, NOW, PARAMS, Urgency.TRIP)
    spared = plan(grant(9e9), classes, NOW, PlanParams(firm_priority=2), Urgency.TRIP)

    assert tripped.level.tolist() == [0, 0, 0]
    assert set(tripped.reason.tolist()) == {Reason.TRIP}
    assert spared.level.tolist() == [0, 0, 1]


def test_a_trip_spares_no_firm_class_that_is_above_the_budget() -> None:
    classes = fleet(OLD, NEW, NEW, priority=[0, 2, 2])
    firm_w = float(classes.watts_at(np.array([0, 1, 1])).sum())
    params = PlanParams(firm_priority=2)

    fits = plan(grant(firm_w), classes, NOW, params, Urgency.TRIP)
    does_not = plan(grant(firm_w - 1.0), classes, NOW, params, Urgency.TRIP)

    assert fits.level.tolist() == [0, 1, 1]
    assert does_not.level.tolist() == [0, 0, 0]


def test_a_trip_commands_deaf_machines_too() -> None:
    deaf = evolve(fleet(OLD), responsive=np.array([False]))

    assert plan(grant(0.0), deaf, NOW, PARAMS, Urgency.TRIP).level.tolist() == [0]


def test_an_equal_machine_that_was_off_for_long_takes_a_running_ones_place() -> None:
    pair = evolve(
        fleet(OLD, OLD, debt=[0.0, 9.0]), level=np.array([1, 0]), from_w=np.zeros(2)
    )

    slow = evolve(pair, t_down=np.full(2, 25.0))
    once = plan(grant(1500.0), pair, NOW, PARAMS)
    out = plan(grant(1500.0), slow, NOW, PARAMS)
    later = Seconds(NOW + 25.0)
    back = plan(grant(1500.0), slow.commanded(out.level, NOW), later, PARAMS)

    assert once.level.tolist() == [0, 1]
    assert once.reason.tolist() == [Reason.ROTATE, Reason.WAKE]
    assert out.level.tolist() == [0, 0]
    assert out.reason.tolist() == [Reason.ROTATE, 0]
    assert back.level.tolist() == [0, 1]


def test_machines_of_another_kind_or_class_do_not_rotate() -> None:
    state = {"level": np.array([1, 0]), "from_w": np.zeros(2)}
    kinds = evolve(fleet(NEW, OLD, debt=[0.0, 9.0]), **state)
    classes = evolve(fleet(OLD, OLD, debt=[0.0, 9.0], priority=[1, 0]), **state)

    assert levels(kinds, 1500.0) == [1, 0]
    assert levels(classes, 1500.0) == [1, 0]


def test_a_small_gap_of_debts_does_not_rotate() -> None:
    pair = evolve(
        fleet(OLD, OLD, debt=[0.0, 1.5]), level=np.array([1, 0]), from_w=np.zeros(2)
    )

    assert levels(pair, 1500.0) == [1, 0]


def test_commands_go_down_before_up_and_the_cost_is_told() -> None:
    planned = plan(grant(1000.0), fleet(OLD, NEW), NOW, PARAMS)

    assert [c.watts for c in planned.commands()] == [-1000.0]
    assert planned.hashrate_change == -30.0


def test_an_empty_fleet_has_an_empty_plan() -> None:
    for urgency in Urgency:
        assert len(plan(grant(100.0), fleet(), NOW, PARAMS, urgency).level) == 0


def test_a_grant_is_in_model_watts() -> None:
    made = grant_within(990.0, 1100.0, 2000.0, 1.1)

    assert made.allow_w == pytest.approx(900.0)
    assert made.ceiling_w == pytest.approx(1000.0)
    assert made.budget_w == 2000.0


def test_who_falls_too_late_for_the_minute_is_made_up_for_by_a_fast_one() -> None:
    made = fleet(*[OLD] * 18, NEW)
    made = evolve(made, t_down=np.where(np.arange(19) < 2, 135.0, 5.0))
    told = made.commanded(np.where(np.arange(19) < 1, 0, 1), Seconds(NOW - 10.0))
    fast = evolve(told, t_down=np.full(19, 20.0))
    slow = evolve(told, t_down=np.full(19, 135.0))
    half = made.commanded(np.where(np.arange(19) < 2, 0, 1), Seconds(NOW - 10.0))

    made_up = plan(grant(18_000.0), told, NOW, PARAMS)

    assert made_up.rows.tolist() == [2], "not another slow one"
    assert not plan(grant(18_000.0), fast, NOW, PARAMS).reason.any()
    assert not plan(grant(18_000.0), slow, NOW, PARAMS).reason.any()
    assert not plan(grant(17_000.0), half, NOW, PARAMS).reason.any(), "an order's part"
