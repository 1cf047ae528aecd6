"""Prices in CSV: `start,price` or `start,end,price`, one a line.

The first line names the columns. Cells are parted by `,` or `;`; with `;` a decimal
comma is taken too. Times as in ISO 8601, with an offset or by the clock of a zone.
"""

import csv
import io

from protocol.prices.curve import (
    MAX_INTERVALS,
    PriceCurve,
    PriceError,
    PriceInterval,
    curve_of,
)
from protocol.prices.moments import instants, zone_of
from protocol.prices.units import MAX_DOCUMENT_BYTES, PER_MWH, PriceUnit
from protocol.units import UnixTime

LONGEST = 3600.0
"""Seconds that a price holds where no end is said, if no other one comes before."""


def read_csv(
    data: bytes, unit: PriceUnit, time_zone: str = "UTC", currency: str = ""
) -> PriceCurve:
    """Return the prices in a file.

    Args:
        data: The file.
        unit: What its prices are for.
        time_zone: Of times without an offset.
        currency: Of its prices.

    Raises:
        PriceError: It is none.
    """
    if len(data) > MAX_DOCUMENT_BYTES:
        raise PriceError(f"longer than {MAX_DOCUMENT_BYTES} B")
    try:
        rows = _rows(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, csv.Error) as error:
        raise PriceError(f"no CSV: {error}") from error
    zone, times = zone_of(time_zone), [row["start"] for row in rows]
    starts = instants(times, zone)
    said = iter(instants((row["end"] for row in rows if row.get("end")), zone))
    ends = [
        next(said) if row.get("end") else until
        for row, until in zip(rows, _until_the_next(starts), strict=True)
    ]
    return curve_of(
        (
            PriceInterval(start, end, PER_MWH[unit] * _number(row["price"]))
            for start, end, row in zip(starts, ends, rows, strict=True)
        ),
        currency,
    )


def _until_the_next(starts: list[UnixTime]) -> list[UnixTime]:
    last = starts[-1] - starts[-2] if len(starts) > 1 else LONGEST
    after = [*starts[1:], UnixTime(starts[-1] + last)]
    # A gap is no price: nobody said what it costs meanwhile.
    longest = (UnixTime(start + LONGEST) for start in starts)
    return [min(pair) for pair in zip(after, longest, strict=True)]


def _rows(text: str) -> list[dict[str, str]]:
    head = text.partition("\n")[0]
    is_semicolon = ";" in head
    reader = csv.DictReader(
        io.StringIO(text), delimiter=";" if is_semicolon else ",", strict=True
    )
    names = [name.strip().lower() for name in reader.fieldnames or ()]
    if sorted(names) not in (["price", "start"], ["end", "price", "start"]):
        raise PriceError(
            f"columns {names}: Expected start, price; or start, end, price"
        )
    rows: list[dict[str, str]] = []
    for raw in reader:
        cells = list(raw.values())
        if None in raw or None in cells:
            raise PriceError(f"line {reader.line_num}: Expected {len(names)} cells")
        row = dict(zip(names, (str(cell).strip() for cell in cells), strict=True))
        if is_semicolon:
            row["price"] = row["price"].replace(",", ".")
        rows.append(row)
        if len(rows) > MAX_INTERVALS:
            raise PriceError(f"more than {MAX_INTERVALS} prices")
    if not rows:
        raise PriceError("no prices in it")
    return rows


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise PriceError(f"price {text[:40]!r}: Expected a number") from error
