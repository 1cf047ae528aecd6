"""Whatever a publisher sends, prices or a PriceError come out, and in bounds."""

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.prices.a44 import read_a44
from protocol.prices.csv_prices import read_csv
from protocol.prices.curve import MAX_INTERVALS, MAX_PER_MWH, PriceCurve, PriceError
from protocol.prices.json_prices import read_json
from tests.fakes.price_documents import a44, octopus, series

DAY = datetime(2026, 11, 30, 23, tzinfo=UTC).timestamp()

READERS: tuple[Callable[[bytes], PriceCurve], ...] = (
    read_a44,
    lambda data: read_csv(data, "MWh"),
    lambda data: read_json(data, "MWh"),
)
GOOD = (
    a44(series(DAY, {1: 50.0, 3: -7.5, 90: 1.0}, 900, count=96)),
    b"start,price\n2026-11-30T00:00Z,10\n2026-11-30T00:15Z,20\n",
    octopus([("2026-11-30T00:00Z", "2026-11-30T00:30Z", 8.0)]),
)

TAGS = [
    *("Publication_MarketDocument", "TimeSeries", "Period", "timeInterval", "start"),
    *("end", "resolution", "Point", "position", "price.amount", "curveType"),
    *("in_Domain.mRID", "currency_Unit.name", "price_Measure_Unit.name", "text"),
]
texts = st.sampled_from(
    [
        *("", "1", "2", "-1", "1e9", "nan", "A01", "A03", "PT15M", "PT60M", "MWH", "x"),
        *("2026-11-30T23:00Z", "2026-12-01T00:00Z", "&amp;", "<![CDATA[1]]>", "&#0;"),
    ]
)
elements = st.recursive(
    st.tuples(st.sampled_from(TAGS), texts).map(lambda e: f"<{e[0]}>{e[1]}</{e[0]}>"),
    lambda inner: st.tuples(st.sampled_from(TAGS), st.lists(inner, max_size=5)).map(
        lambda e: f"<{e[0]}>{''.join(e[1])}</{e[0]}>"
    ),
    max_leaves=30,
)


def hold(curve: PriceCurve) -> None:
    assert len(curve.intervals) <= MAX_INTERVALS
    assert all(abs(one.per_mwh) <= MAX_PER_MWH for one in curve.intervals)
    starts = [one.starts for one in curve.intervals]
    assert starts == sorted(set(starts))


@given(st.sampled_from(READERS), st.binary(max_size=300))
def test_arbitrary_bytes_raise_only_price_errors(
    read: Callable[[bytes], PriceCurve], data: bytes
) -> None:
    with contextlib.suppress(PriceError):
        hold(read(data))


@settings(max_examples=400)
@given(st.sampled_from(range(len(GOOD))), st.data())
def test_a_document_that_is_cut_or_garbled_is_read_or_refused(
    which: int, data: st.DataObject
) -> None:
    good = GOOD[which]
    begin = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(begin, len(good)))
    bad = good[:begin] + data.draw(st.binary(max_size=20)) + good[end:]

    with contextlib.suppress(PriceError):
        hold(READERS[which](bad))


@settings(max_examples=400)
@given(elements)
def test_arbitrary_elements_raise_only_price_errors(found: str) -> None:
    for document in (found.encode(), a44(found)):
        with contextlib.suppress(PriceError):
            hold(read_a44(document))
