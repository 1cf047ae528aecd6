"""Price documents as their publishers may write them, cut, mixed and garbled."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.prices.a44 import read_a44
from protocol.prices.csv_prices import read_csv
from protocol.prices.curve import (
    PriceCurve,
    PriceError,
    PriceInterval,
    curve_of,
    updated,
)
from protocol.prices.json_prices import read_json
from protocol.units import UnixTime
from tests.fakes.price_documents import a44, octopus, series

DAY = datetime(2026, 11, 30, 23, tzinfo=UTC).timestamp()
QUARTER = 900

amounts = st.floats(-500.0, 4000.0).map(lambda price: round(price, 2))
lengths = st.sampled_from([900, 1800, 3600])


@settings(max_examples=100, deadline=None)
@given(st.lists(amounts, min_size=1, max_size=100), lengths, st.data())
def test_a03_says_what_a01_says_with_less(
    prices: list[float], length: int, data: st.DataObject
) -> None:
    left = {
        at: price
        for at, price in enumerate(prices, 1)
        if at == 1 or price != prices[at - 2] or data.draw(st.booleans())
    }

    whole = read_a44(a44(series(DAY, prices, length)))
    short = read_a44(a44(series(DAY, left, length, count=len(prices))))

    assert short == whole
    assert [one.per_mwh for one in whole.intervals] == prices


@settings(max_examples=100, deadline=None)
@given(st.lists(amounts, min_size=1, max_size=50), lengths)
def test_the_same_prices_are_the_same_in_every_format(
    prices: list[float], length: int
) -> None:
    def at(n: int) -> str:
        return datetime.fromtimestamp(DAY + n * length, UTC).isoformat()

    lines = [f"{at(n)},{at(n + 1)},{price}" for n, price in enumerate(prices)]
    table = "\n".join(["start,end,price", *lines]).encode()
    rows = [(at(n), at(n + 1), price) for n, price in enumerate(prices)]

    by_xml = read_a44(a44(series(DAY, prices, length)))

    assert read_csv(table, "MWh", currency="EUR") == by_xml
    assert read_json(octopus(rows), "MWh", currency="EUR") == by_xml


stretches = st.tuples(st.integers(0, 50), st.integers(1, 20), amounts)


def prices_of(found: list[Any]) -> list[PriceInterval]:
    return [
        PriceInterval(UnixTime(QUARTER * a), UnixTime(QUARTER * (a + n)), price)
        for a, n, price in found
    ]


@settings(max_examples=200, deadline=None)
@given(st.lists(stretches, max_size=20))
def test_a_curve_says_the_shortest_of_what_was_said(found: list[Any]) -> None:
    curve = curve_of(prices_of(found))

    for quarter in range(80):
        at = UnixTime(QUARTER * quarter + 1.0)
        over = [(n, -p) for a, n, p in found if a <= quarter < a + n]
        told = curve.at(at)
        assert (None if told is None else -told.per_mwh) == (
            min(over)[1] if over else None
        )


@settings(max_examples=200, deadline=None)
@given(st.lists(stretches, max_size=10), st.lists(stretches, max_size=10))
def test_a_later_document_counts_wherever_it_speaks(
    before: list[Any], after: list[Any]
) -> None:
    old, new = curve_of(prices_of(before)), curve_of(prices_of(after), "EUR")

    known: PriceCurve = updated(old, new, UnixTime(0.0))

    for quarter in range(80):
        at = UnixTime(QUARTER * quarter + 1.0)
        told, said, knew = (curve.at(at) for curve in (known, new, old))
        if said is not None:
            assert told is not None
            assert told.per_mwh in {
                said.per_mwh,
                None if knew is None else knew.per_mwh,
            }
        elif told is not None:
            assert knew is not None
            assert told.per_mwh == knew.per_mwh


def test_a_year_of_quarters_is_too_many() -> None:
    with pytest.raises(PriceError, match="no number of PT15M"):
        read_a44(a44(series(DAY, {1: 1.0}, QUARTER, count=35_040)))
