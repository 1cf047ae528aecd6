"""Prices in CSV and JSON: units, clocks, gaps. All of them synthetic."""

import json
from datetime import UTC, datetime

import pytest

from protocol.prices.csv_prices import read_csv
from protocol.prices.curve import PriceCurve, PriceError, updated
from protocol.prices.json_prices import read_json
from protocol.prices.units import PriceUnit
from protocol.units import UnixTime
from tests.fakes.price_documents import energi_data, octopus, tibber

BERLIN = "Europe/Berlin"


def at(curve: PriceCurve, text: str) -> float | None:
    moment = UnixTime(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
    found = curve.at(moment)
    return None if found is None else found.per_mwh


def csv(*rows: str, head: str = "start,price") -> bytes:
    return "\n".join([head, *rows, ""]).encode()


def test_a_price_holds_until_the_next_one() -> None:
    curve = read_csv(csv("2026-11-30T00:00Z,10", "2026-11-30T00:15Z,20"), "MWh")

    assert [at(curve, f"2026-11-30T00:{m}") for m in ("00", "14", "15", "29")] == [
        *(10.0, 10.0, 20.0, 20.0),
    ]
    assert at(curve, "2026-11-30T00:30") is None


def test_an_end_that_is_left_out_is_of_its_row_alone() -> None:
    rows = (
        "2026-11-30T00:00Z,2026-11-30T00:15Z,10",
        "2026-11-30T01:00Z,,20",
        "2026-11-30T01:30Z,2026-11-30T03:30Z,30",
    )
    curve = read_csv(csv(*rows, head="start,end,price"), "MWh")

    times = ("00:14", "00:15", "01:29", "01:30", "03:29", "03:30")
    found = [at(curve, f"2026-11-30T{time}") for time in times]
    assert found == [10.0, None, 20.0, 30.0, 30.0, None]


def test_a_gap_is_no_price() -> None:
    curve = read_csv(csv("2026-11-29T23:00Z,10", "2026-12-01T00:00Z,20"), "MWh")

    assert at(curve, "2026-11-29T23:59") == 10.0
    assert at(curve, "2026-11-30T12:00") is None
    rows = [("2026-11-29T23:00Z", 10.0), ("2026-12-01T00:00Z", 20.0)]
    assert at(read_json(tibber(rows), "MWh"), "2026-11-30T12:00") is None


@pytest.mark.parametrize(
    ("unit", "wanted"), [("MWh", 80.0), ("kWh", 80_000.0), ("ct/kWh", 800.0)]
)
def test_a_price_is_of_what_it_is_said_to_be_of(unit: PriceUnit, wanted: float) -> None:
    assert at(read_csv(csv("2026-11-30T00:00Z,80"), unit), "2026-11-30") == wanted


def test_a_german_spreadsheet_is_read() -> None:
    rows = ("30.5", "-1,25")
    text = csv(
        f"2026-11-30 00:00;2026-11-30 01:00;{rows[0]}",
        f"2026-11-30 01:00;2026-11-30 02:00;{rows[1]}",
        head="\ufeffStart;End;Price",
    )

    curve = read_csv(text, "ct/kWh", BERLIN, "EUR")

    assert at(curve, "2026-11-29T23:00") == 305.0
    assert at(curve, "2026-11-30T00:30") == -12.5


def test_the_hour_that_is_repeated_is_read_twice() -> None:
    clocks = ("01:00", "02:00", "02:00", "03:00")
    rows = [f"2026-10-25T{clock},{n}" for n, clock in enumerate(clocks)]

    curve = read_csv(csv(*rows), "MWh", BERLIN)

    found = [at(curve, f"2026-10-25T{hour}:00") for hour in ("00", "01", "02")]
    assert [at(curve, "2026-10-24T23:00"), *found] == [0.0, 1.0, 2.0, 3.0]


def test_the_hour_that_is_skipped_is_no_time() -> None:
    good = read_csv(csv("2026-03-29T01:00,1", "2026-03-29T03:00,3"), "MWh", BERLIN)

    assert [at(good, f"2026-03-29T0{n}:00") for n in (0, 1)] == [1.0, 3.0]
    with pytest.raises(PriceError, match="is skipped in Europe/Berlin"):
        read_csv(csv("2026-03-29T02:00,1"), "MWh", BERLIN)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "columns"),
        (b"start,price\n", "no prices"),
        (b"start,price,zone\n2026-01-01,1,DE\n", "columns"),
        (b"start,price\n2026-01-01\n", "line 2"),
        (b"start,price\n2026-01-01,1,2\n", "line 2"),
        (b"start,price\nyesterday,1\n", "time 'yesterday'"),
        (b"start,price\n2026-01-01T00:00Z,12.5 EUR\n", "Expected a number"),
        (b"start,price\n2026-01-01T00:00Z,nan\n", "at most"),
        (b"start,price\n2026-01-01T01:00Z,1\n2026-01-01T00:00Z,1\n", "follow"),
        (b"start,price\n2026-01-01T00:00Z,1\n2026-01-01T00:00Z,2\n", "follow"),
        (b"\xff\xfe", "no CSV"),
        (b'start,price\n"2026', "no CSV"),
        (b"x" * 2_000_000, "longer than"),
        (csv(*[f"{1000 + n}-01-01T00:00Z,1" for n in range(3001)]), "more than 3000"),
    ],
)
def test_what_is_no_csv_of_prices_is_refused(text: bytes, why: str) -> None:
    with pytest.raises(PriceError, match=why):
        read_csv(text, "MWh")


def test_what_sellers_say_is_read() -> None:
    night = "2026-11-30T00:00:00"
    rows = [("2026-11-30T01:00:00+01:00", 0.08), ("2026-11-30T02:00:00+01:00", 0.09)]
    assert at(read_json(tibber(rows), "kWh"), "2026-11-30T01:30") == 90.0

    half = [("2026-11-30T00:00:00Z", "2026-11-30T00:30:00Z", 8.0)]
    assert at(read_json(octopus(half), "ct/kWh", currency="GBP"), night) == 80.0
    assert at(read_json(octopus(half), "ct/kWh"), "2026-11-30T00:30") is None

    areas = [("DK1", night, 70.0), ("DK2", night, 90.0)]
    document = energi_data(areas)
    assert at(read_json(document, "MWh", currency="EUR", zone="DK2"), night) == 90.0
    in_dkk = read_json(document, "MWh", currency="DKK", zone="DK1")
    assert at(in_dkk, night) == pytest.approx(522.2)
    with pytest.raises(PriceError, match="name the zone"):
        read_json(document, "MWh", currency="EUR")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "no JSON"),
        (b"[" * 100_000, "no JSON|deeper"),
        (b"[" * 50 + b"]" * 50, "deeper"),
        (b"{}", "no list of prices"),
        (b'[{"start": 5, "price": 1}]', "Expected a time"),
        (b'[{"start": "2026-01-01", "price": "1"}]', "Expected a number"),
        (b'[{"start": "2026-01-01", "price": true}]', "Expected a number"),
        (b'[{"start": "2026-01-01", "price": 1e300}]', "at most"),
        (b'[{"start": "2026-01-01", "end": "2025-01-01", "price": 1}]', "no time"),
        (b"[%s]" % b",".join([b"1"] * 30_000), "more than 20000"),
        (b'"' + b"x" * 2_000_000, "longer than"),
    ],
)
def test_what_is_no_json_of_prices_is_refused(text: bytes, why: str) -> None:
    with pytest.raises(PriceError, match=why):
        read_json(text, "MWh")


NOK = b'[{"start": "2026-01-01", "price": 1, "currency": "NOK"}]'


@pytest.mark.parametrize(
    "text",
    [
        NOK,
        b'{"currency": "NOK", "prices": [{"start": "2026-01-01", "price": 1}]}',
        b'{"a": {"currency": "NOK"}, "b": [{"start": "2026-01-01", "price": 1}]}',
    ],
)
def test_a_currency_that_a_document_states_has_to_be_the_same(text: bytes) -> None:
    with pytest.raises(PriceError, match="prices in NOK: Expected EUR"):
        read_json(text, "MWh", currency="EUR")

    assert read_json(text, "MWh", currency="NOK").currency == "NOK"
    assert read_json(text, "MWh").currency == "NOK"


def test_a_currency_of_another_zone_does_not_matter() -> None:
    rows = [
        b'{"start": "2026-01-01", "price": %d, "zone": "%s", "currency": "%s"}' % row
        for row in ((1, b"NO1", b"NOK"), (2, b"FI", b"EUR"))
    ]
    text = b"[%s]" % b",".join(rows)

    curve = read_json(text, "MWh", currency="EUR", zone="FI")

    assert at(curve, "2026-01-01") == 2.0
    with pytest.raises(PriceError, match="prices in EUR, NOK: Expected one of them"):
        read_json(text, "MWh")


def test_a_document_of_tomorrow_takes_nothing_back() -> None:
    today = read_csv(csv("2026-11-30T22:00Z,1", "2026-11-30T23:00Z,2"), "MWh")
    tomorrow = read_csv(csv("2026-11-30T23:00Z,3", "2026-12-01T00:00Z,4"), "MWh")

    curve = updated(today, tomorrow, UnixTime(0.0))

    found = [at(curve, f"2026-11-30T{h}:30") for h in ("22", "23")]
    assert [*found, at(curve, "2026-12-01T00:30")] == [1.0, 3.0, 4.0]
    since = UnixTime(datetime(2026, 11, 30, 23, 30, tzinfo=UTC).timestamp())
    assert at(updated(today, tomorrow, since), "2026-11-30T22:30") is None


@pytest.mark.parametrize("start", ["9999-12-31T23:30Z", "9999-12-31T23:00-23:59"])
def test_a_price_that_ends_after_all_calendars_is_refused(start: str) -> None:
    said = json.dumps([{"start": start, "price": 10.0}]).encode()
    for read, data in ((read_csv, csv(f"{start},10")), (read_json, said)):
        with pytest.raises(PriceError, match="year up to 9999"):
            read(data, "MWh")


def test_a_price_of_1970_is_one_of_1970() -> None:
    said = json.dumps([{"start": "1970-01-01T00:00Z", "price": 10.0}]).encode()
    for curve in (read_csv(csv("1970-01-01T00:00Z,10"), "MWh"), read_json(said, "MWh")):
        assert (curve.intervals[0].starts, curve.ends) == (0.0, 3600.0)
