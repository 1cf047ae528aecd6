"""Single steps: what they move, at what price, and how many fit."""

import numpy as np
import pytest

from proxy.power.machines.fleet import Floats
from proxy.power.planner.steps import (
    PRICE_BINS,
    fitting,
    moves,
    prefix_reaching,
    price_bin,
)

LEVEL_W = np.array([[0.0, 500.0, 900.0], [30.0, 400.0, 400.0]])
LEVEL_H = np.array([[0.0, 50.0, 60.0], [0.0, 0.0, 0.0]])


def of(*values: float) -> Floats:
    return np.array(values, dtype=np.float64)


def test_a_step_up_and_the_same_step_down_move_the_same() -> None:
    row, low, high = np.array([0]), np.array([1]), np.array([2])

    up = moves(LEVEL_W, LEVEL_H, row, low, high)
    down = moves(LEVEL_W, LEVEL_H, row, high, low)

    for step, end in ((up, 2), (down, 1)):
        assert (step.row.tolist(), step.level.tolist()) == ([0], [end])
        assert (step.watts.tolist(), step.price.tolist()) == ([400.0], [40.0])


def test_a_machine_that_would_move_no_watts_is_left_out() -> None:
    row = np.array([1, 0])

    steps = moves(LEVEL_W, LEVEL_H, row, np.array([2, 0]), np.array([1, 1]))

    assert (steps.row.tolist(), steps.watts.tolist()) == ([0], [500.0])


def test_watts_that_find_no_hashes_are_beyond_price() -> None:
    row, end = np.array([1]), np.array([1])

    steps = moves(LEVEL_W, LEVEL_H, row, np.array([0]), end)

    assert steps.watts.tolist() == [370.0]
    assert steps.price.tolist() == [np.inf]


def test_prices_compare_by_ratio_and_no_price_is_the_dearest() -> None:
    low, twice, hair, dear = price_bin(of(16.0, 32.0, 16.05, np.inf)).tolist()

    assert twice - low == PRICE_BINS
    assert hair == low
    assert dear > price_bin(of(1e300))[0]


@pytest.mark.parametrize(
    ("need", "count"),
    [(-1.0, 0), (0.0, 0), (0.5, 1), (3.0, 1), (3.1, 2), (5.0, 2), (9.0, 3), (99.0, 3)],
)
def test_no_more_steps_are_taken_than_reach_the_need(need: float, count: int) -> None:
    assert prefix_reaching(of(3.0, 2.0, 4.0), need) == count


@pytest.mark.parametrize(
    ("room", "taken"),
    [
        (0.0, []),
        (2.9, [1]),
        (3.0, [0]),
        (5.0, [0, 1]),
        (6.0, [0, 1, 3]),
        (13.0, [0, 1, 3]),
        (14.0, [0, 1, 2]),
        (15.0, [0, 1, 2, 3]),
    ],
)
def test_steps_fill_the_room_in_order_and_pass_over_what_is_too_large(
    room: float, taken: list[int]
) -> None:
    assert fitting(of(3.0, 2.0, 9.0, 1.0), room, attempts=9).tolist() == taken


def test_steps_are_passed_over_only_so_often() -> None:
    watts = of(1.0, 9.0, 1.0, 9.0, 1.0)

    by_attempts = [fitting(watts, 3.0, attempts).tolist() for attempts in range(4)]

    assert by_attempts == [[], [0], [0, 2], [0, 2, 4]]
