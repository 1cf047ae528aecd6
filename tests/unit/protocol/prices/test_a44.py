"""ENTSO-E's day-ahead prices, and what is not taken for them. Synthetic documents."""

import tracemalloc
from datetime import UTC, datetime

import pytest

from protocol.prices.a44 import read_a44
from protocol.prices.curve import PriceCurve, PriceError
from protocol.units import UnixTime
from tests.fakes.price_documents import FRANCE, a44, nothing_published, series

DAY = datetime(2026, 11, 30, 23, tzinfo=UTC).timestamp()
HOUR, QUARTER = 3600, 900


def at(curve: PriceCurve, hours: float) -> float | None:
    found = curve.at(UnixTime(DAY + HOUR * hours))
    return None if found is None else found.per_mwh


def test_a_day_of_hours_is_read() -> None:
    curve = read_a44(a44(series(DAY, [10.0 + n for n in range(24)])))

    assert (at(curve, 0), at(curve, 23.99), at(curve, 24)) == (10.0, 33.0, None)
    assert (curve.currency, len(curve.intervals)) == ("EUR", 24)


def test_positions_that_a03_leaves_out_are_as_before() -> None:
    curve = read_a44(a44(series(DAY, {1: 50.0, 3: -7.5, 90: 1.0}, QUARTER, count=96)))

    assert [at(curve, n / 4) for n in (0, 1, 2, 3, 88, 89, 95)] == [
        *(50.0, 50.0, -7.5, -7.5, -7.5, 1.0, 1.0),
    ]
    assert len(curve.intervals) == 96


def test_positions_that_a01_leaves_out_are_not_known() -> None:
    document = a44(series(DAY, {1: 50.0, 3: 60.0}, count=3, curve="A01"))

    curve = read_a44(document)

    assert [at(curve, n) for n in range(4)] == [50.0, None, 60.0, None]


def test_an_a03_that_begins_late_is_not_known_before() -> None:
    curve = read_a44(a44(series(DAY, {2: 50.0}, count=3)))

    assert [at(curve, n) for n in range(3)] == [None, 50.0, 50.0]


def test_quarters_count_where_hours_are_published_too() -> None:
    hours = series(DAY, [100.0] * 24)
    quarters = series(DAY + HOUR, [1.0, 2.0, 3.0, 4.0], QUARTER)

    for document in (a44(hours, quarters), a44(quarters, hours)):
        curve = read_a44(document)
        assert [at(curve, n) for n in (0, 1, 1.25, 1.75, 2)] == [
            *(100.0, 1.0, 2.0, 4.0, 100.0),
        ]


@pytest.mark.parametrize(
    ("day", "count"),
    [
        (datetime(2026, 3, 28, 23, tzinfo=UTC), 92),
        (datetime(2026, 10, 24, 22, tzinfo=UTC), 100),
    ],
)
def test_days_of_92_and_100_quarters_are_whole(day: datetime, count: int) -> None:
    starts = day.timestamp()
    curve = read_a44(a44(series(starts, [float(n) for n in range(count)], QUARTER)))

    assert len(curve.intervals) == count
    for n in range(count):
        found = curve.at(UnixTime(starts + n * QUARTER))
        assert found is not None
        assert found.per_mwh == n


def test_a_zone_is_taken_out_of_several() -> None:
    document = a44(series(DAY, [1.0] * 24), series(DAY, [2.0] * 24, zone=FRANCE))

    assert at(read_a44(document, FRANCE), 0) == 2.0
    with pytest.raises(PriceError, match="of several zones"):
        read_a44(document)
    with pytest.raises(PriceError, match="no prices of 10Y-NOWHERE"):
        read_a44(document, "10Y-NOWHERE")


def test_of_several_auctions_the_coupled_one_counts() -> None:
    document = a44(
        series(DAY, [2.0] * 24, auction="2"), series(DAY, [1.0] * 24, auction="1")
    )

    assert at(read_a44(document), 0) == 1.0


def test_a_point_that_stands_for_a_month_is_filled_up_to_the_bound() -> None:
    one = series(DAY, {1: 1.0}, QUARTER, count=2976)
    bomb = one.replace("</Period>", "</Period>" + _period(one) * 1_000)

    filled, peak = _peak_of(a44(bomb))

    assert filled == "more than 3000 prices"
    assert peak < 8e6


def _period(one: str) -> str:
    return one[one.index("<Period>") : one.index("</Period>") + len("</Period>")]


def _peak_of(document: bytes) -> tuple[str, int]:
    """Return why a document is refused, and the bytes that this takes."""
    tracemalloc.start()
    try:
        with pytest.raises(PriceError) as caught:
            read_a44(document)
        return str(caught.value), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
    b'<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><a>&b;</a>'
)
OUTSIDE = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    b"<a>&a;</a>"
)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (b"", "no XML"),
        (b"day;price", "no XML"),
        (BOMB, "a document type"),
        (OUTSIDE, "a document type"),
        (b"<html><body>Bad gateway</body></html>", "a document of 'html'"),
        (nothing_published(), "no prices: No matching data found"),
        (a44(), "no time series"),
        (a44(series(DAY, [1.0]))[:-40], "no XML"),
        (a44(series(DAY, ["NaN"])), "Expected a number"),  # type: ignore[list-item]
        (a44(series(DAY, ["1e999"])), "Expected a number"),  # type: ignore[list-item]
        (a44(series(DAY, ["12,5"])), "Expected a number"),  # type: ignore[list-item]
        (a44(series(DAY, [5e6])), "at most 100000"),
        (a44(series(DAY, {1: 1.0, 30: 1.0}, count=24)), "position 30"),
        (a44(series(DAY, {0: 1.0}, count=24)), "position 0"),
        (a44(series(DAY, [1.0], unit="KWH")), "Expected MWH"),
        (a44(series(DAY, [1.0], curve="A02")), "curveType A02"),
        (a44(series(DAY, [1.0], resolution="P1Y")), "resolution 'P1Y'"),
        (a44(series(DAY, [1.0], end="2026-11-30T23:30Z")), "no number of PT60M"),
        (a44(series(DAY, [1.0], end="2026-11-30T22:00Z")), "no number of PT60M"),
        (a44(series(DAY, [1.0], end="2099-11-30T22:00Z")), "no number of PT60M"),
        (a44(series(DAY, [1.0], end="2026-12-01T00:00+01:00")), "Expected as"),
        (a44(series(DAY, [1.0], end="2026-13-01T00:00Z")), "month"),
        (a44(series(DAY, [1.0]), series(DAY, [1.0], currency="PLN")), "EUR, PLN"),
        (a44("<a>" * 20 + "</a>" * 20), "deeper than 12"),
        (a44("<Point/>" * 7000), "more than 6000 points"),
        (a44("x" * 2_000_000), "longer than"),
        (a44(f"<TimeSeries><curveType>{'A' * 300}</curveType></TimeSeries>"), "256"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "klingon"),
    ],
)
def test_what_is_no_document_of_prices_is_refused(document: bytes, why: str) -> None:
    with pytest.raises(PriceError, match=why):
        read_a44(document)
