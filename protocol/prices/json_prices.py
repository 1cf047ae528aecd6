"""Prices in JSON, as those who sell and publish electricity write them.

A list of objects, wherever in the document it is, each with one of the keys of `STARTS`
and one of `PRICES` (of those that several shapes have in common):

| Tibber             | `startsAt`, `energy`, without tax                            |
| Octopus            | `valid_from`, `valid_to`, `value_exc_vat`                    |
| Energi Data Service | `TimeUTC` or `HourUTC`, `DayAheadPriceEUR`, `SpotPriceEUR`   |
| plain              | `start`, `end`, `price`                                      |
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from protocol.prices.curve import (
    MAX_INTERVALS,
    PriceCurve,
    PriceError,
    PriceInterval,
    curve_of,
)
from protocol.prices.moments import instants, zone_of
from protocol.prices.units import MAX_DOCUMENT_BYTES, PER_MWH, PriceUnit
from protocol.units import Seconds, UnixTime
from protocol.unreadable import UNREADABLE

STARTS = ("start", "startsAt", "valid_from", "TimeUTC", "HourUTC")
ENDS = ("end", "valid_to")
ZONES = ("zone", "PriceArea")
UTC_NAMES = {"TimeUTC", "HourUTC"}

MAX_DEPTH = 12
MAX_OBJECTS = 20_000
"""Looked at to find the prices: 1 MiB has no more that are worth it."""

HOUR, QUARTER = Seconds(3600.0), Seconds(900.0)


def read_json(
    data: bytes,
    unit: PriceUnit,
    *,
    currency: str = "",
    zone: str | None = None,
    time_zone: str = "UTC",
) -> PriceCurve:
    """Return the prices in a document.

    Args:
        data: The document.
        unit: What its prices are for.
        currency: Of its prices; also which one of a document that has several. What
            the document states under `currency` has to be the same; empty: is taken.
        zone: Rows that name another one are left out.
        time_zone: Of times without an offset.

    Raises:
        PriceError: It has none.
    """
    if len(data) > MAX_DOCUMENT_BYTES:
        raise PriceError(f"longer than {MAX_DOCUMENT_BYTES} B")
    try:
        found = msgspec.json.decode(data)
    except UNREADABLE as error:
        raise PriceError(f"no JSON: {error}") from error
    keys = _price_keys(currency)
    objects = list(_objects(found))
    rows = [one for one, in_list in objects if in_list and _is_price(one, keys, zone)]
    if not rows:
        raise PriceError("no list of prices in it")
    if len(rows) > MAX_INTERVALS:
        raise PriceError(f"{len(rows)} prices > {MAX_INTERVALS}")
    # Of prices only those of the zone: a document may have others in other money.
    about = [one for one, _ in objects if not _is_price(one, keys, None)]
    stated = _stated([*rows, *about], currency)
    return curve_of(_intervals(rows, keys, PER_MWH[unit], time_zone), stated)


def _price_keys(currency: str) -> tuple[str, ...]:
    by_currency = (f"DayAheadPrice{currency}", f"SpotPrice{currency}")
    return ("price", "energy", "value_exc_vat", *by_currency)


def _stated(objects: Iterable[dict[str, Any]], wanted: str) -> str:
    """Return the currency that a document states, else the one that is wanted."""
    found = {one["currency"] for one in objects if _is_text(one.get("currency"))}
    if len(found | {wanted} - {""}) > 1:
        expected = wanted or "one of them"
        names = ", ".join(sorted(name[:40] for name in found)[:5])
        raise PriceError(f"prices in {names}: Expected {expected}")
    return wanted or next(iter(found), "")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _objects(found: Any) -> Iterator[tuple[dict[str, Any], bool]]:
    """Yield the objects of a document, and of each whether it stands in a list."""
    waiting, seen = [(found, 0)], 0
    if isinstance(found, dict):
        yield found, False
    while waiting:
        one, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise PriceError(f"nested deeper than {MAX_DEPTH}")
        inner = one.values() if isinstance(one, dict) else one
        if not isinstance(one, dict | list):
            continue
        for child in inner:
            seen += 1
            if seen > MAX_OBJECTS:
                raise PriceError(f"more than {MAX_OBJECTS} values")
            if isinstance(child, dict):
                yield child, isinstance(one, list)
            waiting.append((child, depth + 1))


def _is_price(row: dict[str, Any], keys: tuple[str, ...], zone: str | None) -> bool:
    if _first(row, STARTS) is None or _first(row, keys) is None:
        return False
    named = _first(row, ZONES)
    return zone is None or named is None or row[named] == zone


def _intervals(
    rows: list[dict[str, Any]], keys: tuple[str, ...], per_mwh: float, time_zone: str
) -> list[PriceInterval]:
    zone, utc = zone_of(time_zone), zone_of("UTC")
    timed: list[tuple[UnixTime, UnixTime | None, float]] = []
    for row in rows:
        name, end = _first(row, STARTS), _first(row, ENDS)
        clock = utc if name in UTC_NAMES else zone
        at = instants([_text(row, name)], clock)[0]
        until = None if end is None else instants([_text(row, end)], clock)[0]
        timed.append((at, until, per_mwh * _number(row[str(_first(row, keys))])))
    timed.sort(key=lambda one: one[0])
    found: list[PriceInterval] = []
    for place, (at, until, price) in enumerate(timed):
        following = timed[place + 1][0] if place + 1 < len(timed) else None
        ends = _end(at, following, found) if until is None else until
        found.append(PriceInterval(at, ends, price))
    return found


def _end(
    at: UnixTime, following: UnixTime | None, before: list[PriceInterval]
) -> UnixTime:
    """Return the end of a price that has none: the next one's start, or an hour."""
    longest = before[-1].ends - before[-1].starts if before else HOUR
    if following is None:
        return UnixTime(at + longest)
    if following <= at:
        raise PriceError("two prices begin at the same time: name the zone")
    # A gap is no price: nobody said what it costs meanwhile.
    return UnixTime(min(following, at + HOUR))


def _first(row: dict[str, Any], names: tuple[str, ...]) -> str | None:
    return next((name for name in names if row.get(name) is not None), None)


def _text(row: dict[str, Any], name: str | None) -> str:
    found = row.get(name or "")
    if not isinstance(found, str):
        raise PriceError(f"{name} {str(found)[:40]!r}: Expected a time")
    return found


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PriceError(f"price {str(value)[:40]!r}: Expected a number")
    try:
        return float(value)
    except OverflowError as error:
        raise PriceError("a price without measure") from error
