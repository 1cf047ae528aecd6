"""Prices from when to when: overlaps, gaps, and what is no price."""

import math

import pytest

from protocol.prices.curve import (
    MAX_INTERVALS,
    PriceError,
    PriceInterval,
    curve_of,
)
from protocol.units import LAST, UnixTime

HOUR, QUARTER = 3600, 900


def price(starts: float, length: float, per_mwh: float) -> PriceInterval:
    return PriceInterval(UnixTime(starts), UnixTime(starts + length), per_mwh)


def test_a_moment_has_the_price_of_its_interval() -> None:
    curve = curve_of([price(HOUR, HOUR, 20.0), price(0, HOUR, 10.0)], "EUR")

    assert [p.per_mwh for m in (0, 3599, 3600) if (p := curve.at(UnixTime(m)))] == [
        10.0,
        10.0,
        20.0,
    ]
    assert curve.ends == UnixTime(2 * HOUR)


@pytest.mark.parametrize("moment", [-1, HOUR, 1.5 * HOUR, 3 * HOUR])
def test_a_moment_that_nobody_spoke_of_has_no_price(moment: float) -> None:
    curve = curve_of([price(0, HOUR, 10.0), price(2 * HOUR, HOUR, 20.0)])

    assert curve.at(UnixTime(moment)) is None


def test_quarter_hours_count_within_an_hour_that_is_said_too() -> None:
    curve = curve_of([price(0, HOUR, 10.0), price(QUARTER, QUARTER, 50.0)])

    found = [curve.at(UnixTime(n * QUARTER)) for n in range(4)]
    assert [p.per_mwh for p in found if p] == [10.0, 50.0, 10.0, 10.0]


@pytest.mark.parametrize("said", [(10.0, 30.0), (30.0, 10.0)])
def test_of_two_prices_for_the_same_time_the_dearer_counts(
    said: tuple[float, float],
) -> None:
    curve = curve_of(price(0, HOUR, one) for one in said)

    assert [p.per_mwh for p in curve.intervals] == [30.0]


@pytest.mark.parametrize(
    "wrong",
    [
        [price(0, HOUR, math.nan)],
        [price(0, HOUR, math.inf)],
        [price(0, HOUR, 1e6)],
        [price(0, 0, 10.0)],
        [price(0, -1, 10.0)],
        [price(math.nan, HOUR, 10.0)],
        [price(LAST, 1, 10.0)],
        [price(n, 1, 10.0) for n in range(MAX_INTERVALS + 1)],
        [price(n, 2 * MAX_INTERVALS, 10.0) for n in range(MAX_INTERVALS)],
    ],
)
def test_what_is_no_price_is_refused(wrong: list[PriceInterval]) -> None:
    with pytest.raises(PriceError):
        curve_of(wrong)


def test_a_price_may_go_on() -> None:
    for until in (math.inf, LAST + 0.999):
        assert curve_of([price(0, until, 10.0)]).ends == until


def test_nothing_said_is_a_curve_without_an_end() -> None:
    curve = curve_of([])

    assert (curve.at(UnixTime(0.0)), curve.ends) == (None, None)
