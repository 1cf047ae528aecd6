"""Day-ahead prices as ENTSO-E's transparency platform publishes them, document A44.

Read with expat and nothing that an attacker could have it expand: a document type, and
with it every entity, is refused; size, depth and points are bounded.

Spec: IEC 62325-451-3, Publication_MarketDocument; ENTSO-E, "Implementation guide:
Transparency Platform data extraction": `timeInterval` is UTC, `position` counts from 1;
of `curveType` A01 each position is there, of A03 one that is as the one before it may
be left out.
"""

import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from xml.parsers import expat

from attrs import define, field

from protocol.prices.curve import (
    MAX_INTERVALS,
    PriceCurve,
    PriceError,
    PriceInterval,
    curve_of,
)
from protocol.prices.units import MAX_DOCUMENT_BYTES
from protocol.units import UnixTime

MAX_DEPTH = 12
"""Of elements: the document has seven."""

MAX_TEXT = 256
"""Characters of one value."""

MAX_DIGITS = 5
"""Of a position."""

RESOLUTIONS = {"PT15M": 900, "PT30M": 1800, "PT60M": 3600, "PT1H": 3600}
"""Seconds of what prices are published for."""

FIXED, FILLED = "A01", "A03"

_ZONES = ("in_Domain.mRID", "out_Domain.mRID")
_KEPT = {
    *_ZONES,
    "currency_Unit.name",
    "price_Measure_Unit.name",
    "curveType",
    "classificationSequence_AttributeInstanceComponent.position",
}
"""Of a time series, what is read of it beside its periods."""

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?Z")


@define
class _Period:
    """One `Period`, as text."""

    starts: str = ""
    ends: str = ""
    resolution: str = ""
    points: list[tuple[str, str]] = field(factory=list)


@define
class _Series:
    """One `TimeSeries`, as text."""

    said: dict[str, str] = field(factory=dict)
    periods: list[_Period] = field(factory=list)


@define
class _Reader:
    """Gathers what matters of a document, element by element."""

    root: str = ""
    series: list[_Series] = field(factory=list)
    reason: str = ""
    _path: list[str] = field(factory=list, init=False)
    _text: str = field(default="", init=False)
    _point: dict[str, str] = field(factory=dict, init=False)
    _count: int = field(default=0, init=False)

    def opened(self, tag: str, _: object) -> None:
        """Take in the beginning of an element."""
        name = tag.rpartition(" ")[2]
        self._path.append(name)
        self._text = ""
        if len(self._path) == 1:
            self.root = name
        if len(self._path) > MAX_DEPTH:
            raise PriceError(f"elements deeper than {MAX_DEPTH}")
        match name:
            case "TimeSeries":
                self._bound()
                self.series.append(_Series())
            case "Period" if self.series:
                self._bound()
                self.series[-1].periods.append(_Period())
            case "Point":
                self._bound()
                self._point = {}

    def heard(self, text: str) -> None:
        """Take in a piece of text."""
        self._text = (self._text + text)[: MAX_TEXT + 1]

    def closed(self, _: str) -> None:
        """Take in the end of an element."""
        name, text = self._path.pop(), self._text.strip()
        self._text = ""
        if len(text) > MAX_TEXT:
            raise PriceError(f"{name} longer than {MAX_TEXT} characters")
        within = self._path[-1] if self._path else ""
        if self.root == "Acknowledgement_MarketDocument" and name == "text":
            self.reason = text
        if not self.series:
            return
        series = self.series[-1]
        if name in _KEPT and within == "TimeSeries":
            series.said[name] = text
        elif series.periods:
            self._in_period(series.periods[-1], within, name, text)

    def _in_period(self, period: _Period, within: str, name: str, text: str) -> None:
        match within, name:
            case "timeInterval", "start":
                period.starts = text
            case "timeInterval", "end":
                period.ends = text
            case "Period", "resolution":
                period.resolution = text
            case "Point", "position" | "price.amount":
                self._point[name] = text
            case _, "Point":
                point = (
                    self._point.get("position", ""),
                    self._point.get("price.amount", ""),
                )
                period.points.append(point)

    def _bound(self) -> None:
        self._count += 1
        if self._count > 2 * MAX_INTERVALS:
            raise PriceError(f"more than {2 * MAX_INTERVALS} points")


def read_a44(data: bytes, zone: str | None = None) -> PriceCurve:
    """Return the prices in a document.

    Args:
        data: The document.
        zone: EIC of the bidding zone; None: the document has one alone.

    Raises:
        PriceError: It is no such document, or has no prices of the zone.
    """
    reader = _read(data)
    if reader.root == "Acknowledgement_MarketDocument":
        raise PriceError(f"no prices: {reader.reason or 'it does not say why'}")
    if reader.root != "Publication_MarketDocument":
        raise PriceError(f"a document of {reader.root!r}, no prices")
    series = _of_zone(reader.series, zone)
    currencies = {one.said.get("currency_Unit.name", "") for one in series}
    if len(currencies) > 1:
        raise PriceError(f"prices in {', '.join(sorted(currencies))}: one of them")
    found = chain.from_iterable(_prices(one) for one in series)
    return curve_of(found, currencies.pop())


def _read(data: bytes) -> _Reader:
    if len(data) > MAX_DOCUMENT_BYTES:
        raise PriceError(f"longer than {MAX_DOCUMENT_BYTES} B")
    reader, parser = _Reader(), expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = reader.opened
    parser.EndElementHandler = reader.closed
    parser.CharacterDataHandler = reader.heard
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise PriceError(f"no XML: {error}") from error
    except (ValueError, LookupError) as error:  # an encoding that there is not
        raise PriceError(f"cannot be read: {error}") from error
    return reader


def _refuse(*_: object) -> None:
    raise PriceError("a document type in it: none is taken, nor an entity")


def _of_zone(series: list[_Series], zone: str | None) -> list[_Series]:
    zones = {one.said.get(name, "") for one in series for name in _ZONES} - {""}
    if zone is None and len(zones) > 1:
        raise PriceError(f"of several zones ({', '.join(sorted(zones))}): name yours")
    found = [
        one
        for one in series
        if zone is None or zone in {one.said.get(name) for name in _ZONES}
    ]
    # Of several auctions of a zone the first is that of the coupled market.
    order = "classificationSequence_AttributeInstanceComponent.position"
    found = [one for one in found if one.said.get(order, "1") == "1"]
    if not found:
        raise PriceError(f"no prices of {zone}" if zone else "no time series in it")
    return found


def _prices(series: _Series) -> Iterator[PriceInterval]:
    unit = series.said.get("price_Measure_Unit.name", "")
    if unit != "MWH":
        raise PriceError(f"a price of {unit or 'nothing'}: Expected MWH")
    kind = series.said.get("curveType", FIXED)
    if kind not in {FIXED, FILLED}:
        raise PriceError(f"curveType {kind}: Expected {FIXED} or {FILLED}")
    for period in series.periods:
        yield from _of_period(period, is_filled=kind == FILLED)


def _of_period(period: _Period, *, is_filled: bool) -> Iterator[PriceInterval]:
    """Yield one by one what a single point may stand for: whoever asks counts."""
    if period.resolution not in RESOLUTIONS:
        names = ", ".join(RESOLUTIONS)
        raise PriceError(f"resolution {period.resolution!r}: Expected one of {names}")
    length = RESOLUTIONS[period.resolution]
    starts, ends = _instant(period.starts), _instant(period.ends)
    count, rest = divmod(int(ends - starts), length)
    if rest or not 0 < count <= MAX_INTERVALS:
        raise PriceError(
            f"{period.starts} to {period.ends} is no number of {period.resolution}"
        )
    said = _positions(period.points, count)
    # What is left out is as before, or, where nothing may be, not known.
    end = count + 1
    places = range(min(said, default=end), end) if is_filled else sorted(said)
    last = 0.0
    for place in places:
        last = said.get(place, last)
        at = UnixTime(starts + (place - 1) * length)
        yield PriceInterval(at, UnixTime(at + length), last)


def _positions(points: list[tuple[str, str]], count: int) -> dict[int, float]:
    found: dict[int, float] = {}
    for position, amount in points:
        if (
            not position.isascii()
            or not position.isdigit()
            or len(position) > MAX_DIGITS
        ):
            raise PriceError(f"position {position!r}: Expected a number")
        at = int(position)
        if not 1 <= at <= count:
            raise PriceError(f"position {at}: Expected 1 to {count}")
        if at in found:
            raise PriceError(f"position {at} twice")
        found[at] = _amount(amount)
    return found


def _amount(text: str) -> float:
    try:
        amount = float(text)
    except ValueError as error:
        raise PriceError(f"price {text!r}: Expected a number") from error
    if not math.isfinite(amount):
        raise PriceError(f"price {text!r}: Expected a number")
    return amount


def _instant(text: str) -> float:
    """Return a moment of UTC, which is the only zone that the platform speaks."""
    if _INSTANT.fullmatch(text) is None:
        raise PriceError(f"time {text!r}: Expected as 2026-10-24T22:00Z")
    try:
        at = datetime.fromisoformat(text.removesuffix("Z"))
    except ValueError as error:
        raise PriceError(f"time {text!r}: {error}") from error
    return at.replace(tzinfo=UTC).timestamp()
