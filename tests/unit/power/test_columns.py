"""Rows of a fleet come, change, and go, and the others stay as they are."""

from typing import Any

import attrs
import numpy as np
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from protocol.units import Seconds
from proxy.power.machines.columns import (
    NO_FLEET,
    command_row,
    extended,
    fall_from_full,
    kept,
    remodelled,
)
from proxy.power.machines.fleet import Fleet
from proxy.power.machines.kinds import Variant
from tests.unit.power.fleets import LEVELLED, NOW, fleet, machine, points

SLOW = Variant(points(LEVELLED), Seconds(135.0), Seconds(30.0))
QUICK = Variant(machine(800.0, 20.0), Seconds(8.0), Seconds(38.0))


def columns(of: Fleet) -> dict[str, Any]:
    every = attrs.asdict(of)
    del every["rows"]
    return {name: column.tolist() for name, column in every.items()}


def three() -> Fleet:
    """Machines that differ in every column."""
    return Fleet(
        level_w=np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]),
        level_h=np.array([[0.0, 7.0], [0.0, 8.0], [0.0, 9.0]]),
        top=np.array([1, 1, 0]),
        level=np.array([1, 0, 0]),
        from_w=np.array([2.0, 4.0, 5.0]),
        changed_at=np.array([10.0, 20.0, 30.0]),
        switched_at=np.array([11.0, 21.0, 31.0]),
        t_down=np.array([12.0, 22.0, 32.0]),
        t_up=np.array([13.0, 23.0, 33.0]),
        priority=np.array([0, 1, 2]),
        debt_h=np.array([0.5, 1.5, 2.5]),
        cycles=np.array([0.1, 1.1, 2.1]),
        responsive=np.array([True, False, True]),
        held=np.array([False, True, True]),
    )


def test_a_row_that_goes_takes_every_column_of_it_along() -> None:
    before = three()

    after = kept(before, np.array([True, False, True]))

    rest = {name: [c[0], c[2]] for name, c in columns(before).items()}
    assert columns(after) == rest
    assert after.rows.tolist() == [0, 1]


def test_new_rows_are_off_since_long_ago_and_owed_nothing() -> None:
    before = three()

    more = extended(before, [QUICK, QUICK], [4, 3])
    after = columns(more)

    assert {name: c[:3] for name, c in after.items()} == columns(before)
    assert {name: c[3:] for name, c in after.items()} == {
        "level_w": [[0.0, 800.0]] * 2,
        "level_h": [[0.0, 20.0]] * 2,
        "top": [1, 1],
        "level": [0, 0],
        "from_w": [0.0, 0.0],
        "changed_at": [-np.inf] * 2,
        "switched_at": [-np.inf] * 2,
        "t_down": [8.0, 8.0],
        "t_up": [38.0, 38.0],
        "priority": [4, 3],
        "debt_h": [0.0, 0.0],
        "cycles": [0.0, 0.0],
        "responsive": [True, True],
        "held": [False, False],
        "cold": [False, False],
    }
    assert all(
        getattr(more, name).dtype == getattr(before, name).dtype for name in after
    )


def test_the_first_machines_of_a_site_have_the_levels_of_their_kinds() -> None:
    made = extended(extended(NO_FLEET, [QUICK], [1]), [SLOW, QUICK], [1, 0])

    expected = fleet(QUICK.points, SLOW.points, QUICK.points, running=False)
    assert made.level_w.tolist() == expected.level_w.tolist()
    assert made.level_h.tolist() == expected.level_h.tolist()
    assert made.top.tolist() == [1, 3, 1]
    assert made.t_down.tolist() == [8.0, 135.0, 8.0]
    assert made.t_up.tolist() == [38.0, 30.0, 38.0]


def test_another_model_leaves_what_happened_to_a_machine_and_all_others() -> None:
    past = {"debt_h": np.array([1.5, 0.0]), "switched_at": np.array([NOW, 1.0])}
    made = evolve(fleet(LEVELLED, LEVELLED), **past)
    before = columns(made)

    after = columns(remodelled(made, 0, QUICK))

    assert {n: (c[0], before[n][0]) for n, c in after.items() if c != before[n]} == {
        "level_w": ([0.0, 800.0, 800.0, 800.0], [0.0, 500.0, 700.0, 1000.0]),
        "level_h": ([0.0, 20.0, 20.0, 20.0], [0.0, 60.0, 80.0, 100.0]),
        "top": (1, 3),
        "t_down": (8.0, 5.0),
        "t_up": (38.0, 60.0),
    }
    assert {n: c[1] for n, c in after.items()} == {n: c[1] for n, c in before.items()}


def test_a_row_is_changed_in_place_unless_it_has_more_levels_than_any_yet() -> None:
    made = fleet(QUICK.points, QUICK.points)

    wide = remodelled(made, 0, SLOW)

    assert wide is not made
    assert wide.level_w.tolist() == [[0.0, 500.0, 700.0, 1000.0], [0.0] + [800.0] * 3]
    assert remodelled(wide, 0, QUICK) is wide
    assert remodelled(wide, 1, SLOW) is wide


@given(
    commands=st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 3), st.sampled_from([0, 3, 200])),
        max_size=12,
    ),
    deaf=st.sets(st.integers(0, 2)),
)
def test_a_row_that_is_commanded_is_as_if_all_were(
    commands: list[tuple[int, int, int]], deaf: set[int]
) -> None:
    one, all_ = (fleet(LEVELLED, LEVELLED, LEVELLED) for _ in range(2))
    for row in deaf:
        one.responsive[row] = all_.responsive[row] = False
    now = NOW
    for row, level, wait in commands:
        now = Seconds(now + wait)
        levels = all_.level.copy()
        levels[row] = level

        command_row(one, row, level, now)
        all_ = all_.commanded(levels, now)

        assert columns(one) == columns(all_)


def test_a_row_falls_from_full_alone() -> None:
    made = fleet(LEVELLED, QUICK.points, running=False)

    fall_from_full(made, 1, NOW)

    assert made.from_w.tolist() == [0.0, 800.0]
    assert made.changed_at.tolist() == [-np.inf, NOW]
