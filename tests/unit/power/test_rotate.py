"""Equal machines take turns, and not too often."""

import numpy as np
import pytest
from attrs import evolve

from protocol.units import Seconds
from proxy.power.machines.fleet import Fleet
from proxy.power.planner.params import PlanParams
from proxy.power.planner.rotate import LARGEST_PART, owed_machines, rotate
from proxy.power.planner.steps import Reason
from tests.unit.power.fleets import NOW, fleet, machine

KIND = ((0.0, 100.0), (30.0, 1000.0))
PARAMS = PlanParams(cycles_a_day=12.0)  # half of them off: turns of an hour


def mixed(running: list[int], debt: list[float], **changes: object) -> Fleet:
    """Equal machines of which `running` are at full speed, at rest since long ago."""
    level = np.array(running)
    made = fleet(*[KIND] * len(running), debt=debt)
    at_rest = {"level": level, "from_w": np.where(level > 0, 1000.0, 100.0)}
    return evolve(made, **at_rest, **changes)  # type: ignore[arg-type]


def rotated(of: Fleet, params: PlanParams = PARAMS, least_w: float = 0.0) -> list[int]:
    """Rows that make room."""
    level, reason = rotate(of, NOW, params, least_w)
    rows = np.flatnonzero(reason == Reason.ROTATE)
    woken = np.flatnonzero(reason == Reason.WAKE)
    changed = sorted([*rows.tolist(), *woken.tolist()])
    assert np.flatnonzero(level != of.level).tolist() == changed
    assert not level[rows].any()
    assert (level[woken] == of.top[woken]).all()
    assert len(woken) == len(rows), "a step down is over long before they are up"
    return [int(row) for row in rows]


def test_the_longest_off_takes_the_place_of_the_least_curtailed() -> None:
    six = mixed([1, 1, 1, 0, 0, 0], [3.0, 1.0, 2.0, 5.0, 9.0, 4.0])

    assert rotated(six) == [1]


def test_of_many_only_a_part_makes_room_at_once_the_widest_gaps_first() -> None:
    half = [*range(100)]
    many = mixed([1] * 100 + [0] * 100, [0.1 * n for n in half] + [50.0] * 100)

    assert rotated(many) == half[: int(LARGEST_PART * 200)]


def test_who_takes_the_place_waits_where_the_step_down_takes_long() -> None:
    slow = mixed([1, 0], [0.0, 9.0], t_down=np.array([25.0, 25.0]))

    level, reason = rotate(slow, NOW, PARAMS, 0.0)

    assert (level.tolist(), reason.tolist()) == ([0, 0], [Reason.ROTATE, 0])


def test_one_that_would_draw_more_waits_for_the_room() -> None:
    more = mixed([1, 0], [0.0, 9.0])
    more.level_w[1], more.level_h[1] = (101.0, 1001.0), (0.0, 30.03)

    level, reason = rotate(more, NOW, PARAMS, 0.0)

    assert (level.tolist(), reason.tolist()) == ([0, 0], [Reason.ROTATE, 0])


def test_no_more_are_exchanged_while_those_before_are_on_their_way_up() -> None:
    many = mixed([1] * 100 + [0] * 100, [0.1 * n for n in range(100)] + [50.0] * 100)
    level, _ = rotate(many, NOW, PARAMS, 0.0)
    told = many.commanded(level, NOW)

    assert rotate(told, Seconds(NOW + 30.0), PARAMS, 0.0)[0].tolist() == level.tolist()
    assert rotated(evolve(told, changed_at=np.full(200, -np.inf)))


def test_a_machine_waits_out_its_minimum_times_before_it_rotates() -> None:
    def switched(on: float, off: float) -> list[int]:
        at = np.array([NOW - on, NOW - off])
        return rotated(mixed([1, 0], [0.0, 9.0], switched_at=at))

    assert switched(PARAMS.min_on_s, PARAMS.min_off_s) == [0]
    assert switched(PARAMS.min_on_s - 1.0, PARAMS.min_off_s) == []
    assert switched(PARAMS.min_on_s, PARAMS.min_off_s - 1.0) == []


def test_a_machine_that_does_not_obey_neither_makes_room_nor_gets_it() -> None:
    pair = mixed([1, 0], [0.0, 9.0])

    assert rotated(evolve(pair, responsive=np.array([False, True]))) == []
    assert rotated(evolve(pair, responsive=np.array([True, False]))) == []


def test_nothing_rotates_while_a_machine_is_on_its_way_down() -> None:
    trio = mixed([1, 0, 1], [0.0, 9.0, 0.0])
    falling = trio.commanded(np.array([1, 0, 0]), Seconds(NOW - 1.0))

    assert rotated(falling) == []


# One of two off, 1100 W of 2000 W: 24 h * 0.45 / 12 cycles a day = 0.9 h.
@pytest.mark.parametrize(
    ("cycles_a_day", "least_gap_h"), [(12.0, 0.9), (6.0, 1.8), (24.0, 0.5), (0.0, 0.5)]
)
def test_turns_are_long_enough_for_the_cycles_that_machines_may_have(
    cycles_a_day: float, least_gap_h: float
) -> None:
    params = PlanParams(cycles_a_day=cycles_a_day, rotate_after_h=0.5)

    assert rotated(mixed([1, 0], [1.0, 1.0 + least_gap_h - 0.01]), params) == []
    assert rotated(mixed([1, 0], [1.0, 1.0 + least_gap_h + 0.01]), params) == [0]


def test_few_watts_wait_until_the_debt_is_twice_the_usual() -> None:
    assert rotated(mixed([1, 0], [1.0, 2.7]), least_w=1000.0) == [0], "enough watts"
    assert rotated(mixed([1, 0], [1.0, 2.7]), least_w=1001.0) == []
    assert rotated(mixed([1, 0], [1.0, 2.9]), least_w=1001.0) == [0]


def test_what_is_owed_are_the_watts_that_waking_would_take() -> None:
    nearly, not_yet = (mixed([1, 0], [1.0, 1.0 + gap]) for gap in (0.46, 0.44))

    assert owed_machines(nearly, NOW, PARAMS).tolist() == [900.0]
    assert owed_machines(not_yet, NOW, PARAMS).tolist() == []


def test_each_kind_rotates_within_itself() -> None:
    small, large = machine(500.0, 30.0), machine(2000.0, 30.0)
    two_kinds = evolve(
        fleet(small, large, small, large, debt=[0.0, 0.0, 2.0, 9.0]),
        level=np.array([1, 1, 0, 0]),
        from_w=np.array([500.0, 2000.0, 0.0, 0.0]),
    )

    assert rotated(two_kinds) == [1]
    assert owed_machines(two_kinds, NOW, PARAMS).tolist() == [2000.0, 500.0]


def test_kinds_of_unequal_numbers_are_paired_within_themselves() -> None:
    small, large = machine(500.0, 30.0), machine(2000.0, 30.0)
    crowd = evolve(
        fleet(*[small] * 3, *[large] * 3, debt=[1.0, 0.5, 2.0, 0.0, 8.0, 9.0]),
        level=np.array([1, 1, 0, 1, 0, 0]),
        from_w=np.array([500.0, 500.0, 0.0, 2000.0, 0.0, 0.0]),
    )

    assert rotated(crowd) == [3]
    assert owed_machines(crowd, NOW, PARAMS).tolist() == [2000.0, 500.0]


def test_machines_whose_hashrate_nobody_knows_are_equals() -> None:
    unknown = ((0.0, 100.0), (0.0, 1000.0))
    pair = evolve(
        fleet(unknown, unknown, debt=[0.0, 9.0]),
        level=np.array([1, 0]),
        from_w=np.array([1000.0, 100.0]),
    )

    assert rotated(pair) == [0]


def test_a_fleet_without_watts_or_without_machines_rotates_nothing() -> None:
    assert rotated(fleet()) == []
    assert rotated(fleet(((0.0, 0.0), (1.0, 0.0)), running=False)) == []
