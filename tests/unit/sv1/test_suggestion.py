"""When a pool is told how large we are, and what."""

import math

import pytest

from protocol.sv1.suggestion import Suggestion, difficulty_for
from protocol.units import Difficulty, HashesPerSecond, Seconds

HALL = HashesPerSecond(27_000 * 200e12)
"""27,000 machines of 200 TH/s."""


def told(suggestion: Suggestion, rate: float, asked: float, now: float) -> float | None:
    return suggestion.due(HashesPerSecond(rate), Difficulty(asked), Seconds(now))


def test_a_hall_that_sends_what_is_suggested_sends_a_share_or_two_a_second() -> None:
    difficulty = difficulty_for(HALL)

    assert difficulty == Difficulty(2**30)
    assert 1 <= HALL / 2**32 / difficulty < 2


@pytest.mark.parametrize("rate", [0.0, -1.0, math.inf, math.nan])
def test_no_hashrate_is_no_suggestion(rate: float) -> None:
    assert difficulty_for(HashesPerSecond(rate)) is None


def test_a_small_rig_is_told_with_a_fraction() -> None:
    assert difficulty_for(HashesPerSecond(1e6)) == 2**-13


def test_the_size_is_told_once_it_is_known() -> None:
    suggestion = Suggestion()

    assert told(suggestion, 0.0, 42, now=0) is None
    assert told(suggestion, HALL, 42, now=1) == 2**30
    assert told(suggestion, HALL, 42, now=2) is None


def test_it_is_told_even_where_the_pool_asks_for_enough() -> None:
    assert told(Suggestion(), HALL, 2**40, now=0) == 2**30


@pytest.mark.parametrize(
    ("rate", "asked", "again"),
    [
        (HALL, 42, 2**30),  # the pool did not take it, or has forgotten
        (HALL, 2**29, 2**30),
        (HALL, 2**30, None),
        (HALL, 2**32, None),
        (HALL * 0.7, 2**30, None),
        (HALL / 4, 2**30, 2**28),  # half of the hall was sold
        (HALL * 4, 2**32, None),  # the pool has found out by itself
    ],
)
def test_it_is_told_again_where_it_matters(
    rate: float, asked: float, again: float | None
) -> None:
    suggestion = Suggestion()
    told(suggestion, HALL, 42, now=0)

    assert told(suggestion, rate, asked, now=59) is None
    assert told(suggestion, rate, asked, now=60) == again


def test_a_rate_between_two_powers_does_not_swing() -> None:
    suggestion = Suggestion()
    rates = (2**62 * 0.99, 2**62 * 1.01)
    count = [
        told(suggestion, rates[i % 2], 3 * 2**30, now=60.0 * i) for i in range(100)
    ]

    assert len([one for one in count if one]) == 1
