"""Rings of rows: what comes back, what a gap is, what clocks do to it."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.history.columns import POOL, SITE
from proxy.history.history import (
    BELIEVED_AFTER,
    MAX_SERIES,
    History,
    Key,
    Row,
    Series,
)
from proxy.history.ring import TIERS, Ring, Tier
from proxy.history.span import (
    MAX_POINTS,
    Span,
    columns_of,
    error_of,
    one_column,
    rounded,
    span_of,
)

NOW = 1_700_000_000 // 86_400 * 86_400
HALL = Key("site", "hall-a")


def site_row(power: float | None, accepted: float = 1.0) -> Row:
    values: list[float | None] = [None] * len(SITE.names)
    values[0], values[4] = power, accepted
    return Row(HALL, values)


def write(history: History, since: int, count: int, power: float = 5.0) -> None:
    for at in range(since, since + count):
        history.record(at + 0.5, [site_row(power)])


def powers(history: History, since: int, until: int, step: int = 1) -> list[Any]:
    """Return the power of each row; None: nothing is known."""
    tier = next(t for t in reversed(TIERS) if t.step <= step)
    span = Span(since, step, (until - since) // step, tier)
    found = dict(columns_of(history.series[HALL], span))["power_w"]
    return [None if math.isnan(value) else value for value in found]


def test_what_was_not_written_is_unknown_and_no_zero() -> None:
    history = History()
    write(history, NOW, 3)
    write(history, NOW + 5, 2, power=0.0)

    assert powers(history, NOW - 1, NOW + 8) == [
        *(None, 5.0, 5.0, 5.0, None, None, 0.0, 0.0, None)
    ]


def test_coarse_rows_are_means_and_counts_of_the_seconds_there_were() -> None:
    history = History()
    write(history, NOW + 58, 1, power=10.0)
    write(history, NOW + 59, 1, power=20.0)
    write(history, NOW + 60, 61, power=7.0)

    assert powers(history, NOW, NOW + 180, 60) == [15.0, 7.0, None]
    assert powers(history, NOW + 40, NOW + 70, 10) == [None, 15.0, 7.0]
    span = Span(NOW, 60, 2, TIERS[2])
    assert [*one_column(history.series[HALL], "accepted", span)] == [2.0, 60.0]


def test_an_hour_a_day_and_five_weeks_are_there_and_no_more() -> None:
    ring = Ring(Tier(10, 3), 1)
    for at in range(NOW, NOW + 10 * 60 * 7, 10):
        ring.put(at, np.array([at - NOW], np.float32))
    last = NOW + 10 * 60 * 7 - 10

    assert ring.rows(last - 1190, 120)[:, 0].tolist() == [
        float(at - NOW) for at in range(last - 1190, last + 10, 10)
    ]
    assert np.isnan(ring.rows(NOW, 60)).all()
    assert [tier.reach for tier in TIERS] == [3600, 86_400, 35 * 86_400]


def test_a_clock_that_is_set_back_a_little_takes_back_what_was_ahead() -> None:
    history = History()
    write(history, NOW, 100)
    write(history, NOW + 70, 1, power=9.0)

    assert powers(history, NOW + 68, NOW + 73) == [5.0, 5.0, 9.0, None, None]
    assert powers(history, NOW + 60, NOW + 90, 10) == [5.0, None, None]
    write(history, NOW + 71, 60, power=9.0)
    assert powers(history, NOW + 60, NOW + 90, 10)[1:] == [9.0, 9.0]


def test_a_clock_that_is_far_back_is_not_believed_until_it_stays() -> None:
    history = History()
    write(history, NOW, 100)
    wrong = NOW - 30 * 86_400
    write(history, wrong, BELIEVED_AFTER - 1)
    write(history, NOW + 700, 1)

    assert powers(history, NOW, NOW + 2) == [5.0, 5.0]
    assert powers(history, NOW + 60, NOW + 120, 10)[0] == 5.0

    write(history, wrong, BELIEVED_AFTER + 1)

    assert powers(history, NOW, NOW + 100) == [None] * 100
    assert powers(history, NOW, NOW + 120, 60) == [None, None]
    assert powers(history, wrong + BELIEVED_AFTER - 1, wrong + BELIEVED_AFTER + 1) == [
        *(5.0, 5.0)
    ]


def test_a_clock_that_is_set_forward_leaves_a_gap() -> None:
    history = History()
    write(history, NOW, 10)
    write(history, NOW + 7200, 10)

    assert powers(history, NOW + 7190, NOW + 7202) == [None] * 10 + [5.0, 5.0]
    assert powers(history, NOW, NOW + 20, 10) == [5.0, None]


@pytest.mark.parametrize("at", [-5.0, 1e11, 1e300])
def test_a_clock_beyond_all_sense_is_not_written_down(at: float) -> None:
    history = History()
    history.record(at, [site_row(5.0)])
    write(history, NOW, 1)

    assert powers(history, NOW, NOW + 1) == [5.0]


def test_one_more_than_fits_takes_the_place_of_one_that_is_gone() -> None:
    history = History()
    many = [Key("pool", f"pool{n}") for n in range(MAX_SERIES + 1)]
    values = [1.0] * len(POOL.names)
    history.record(NOW, [Row(key, values) for key in many])
    assert many[-1] not in history.series
    assert len(history.series) == MAX_SERIES

    later = NOW + 2 * 3600
    history.record(later, [Row(key, values) for key in many[1:-1]])
    history.record(later + 1, [Row(key, values) for key in many[1:]])

    assert many[0] not in history.series
    assert many[-1] in history.series
    assert history.gone == {many[0]}


times = st.floats(
    allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12
)


@given(since=st.none() | times, until=st.none() | times, step=st.none() | times)
def test_whatever_is_asked_for_is_bounded_and_has_its_time(
    since: float | None, until: float | None, step: float | None
) -> None:
    span = span_of(since, until, step, float(NOW))

    assert 1 <= span.count <= MAX_POINTS
    assert span.step % span.tier.step == 0
    assert span.since % span.step == 0
    assert span.count * span.step // span.tier.step <= span.tier.rows
    assert span.until <= NOW + span.step


@pytest.mark.parametrize(
    ("ago", "step", "got"),
    [
        (3600, 1, 1),
        (3600, None, 5),
        (900, None, 1),
        (7200, 1, 10),
        (86_400, 10, 30),  # 8,640 rows are too many
        (86_400, 60, 60),
        (7 * 86_400, None, 900),
        (35 * 86_400, 60, 780),
    ],
)
def test_a_step_is_one_that_is_kept_for_so_long(
    ago: int, step: float | None, got: int
) -> None:
    assert span_of(NOW - ago, NOW, step, NOW).step == got


def test_a_sum_of_shares_says_how_sure_a_hashrate_is() -> None:
    accepted = np.array([math.nan, 0.0, 25.0, 75.0, 0.0])

    found = error_of(accepted, 2)

    assert found.tolist() == [0.2, 0.1, 0.1]
    assert np.isnan(error_of(np.zeros(3), 0)).all()


def test_digits_that_nobody_measured_are_not_sent() -> None:
    values = np.array([109951162777600.0, np.float32(0.1), math.nan])

    assert rounded(values)[0] == 109951200000000.0
    assert rounded(np.array([float(np.float32(3.1))])).tolist() == [3.1]
    assert np.isnan(rounded(values)[2])


def test_a_site_takes_as_much_as_is_written_in_the_limits() -> None:
    assert sum(tier.rows for tier in TIERS) == 62_820
    series = Series(SITE)
    size = sum(ring.tier.rows * ring.width * 4 for ring in series.rings)
    assert size == 36 * 62_820
