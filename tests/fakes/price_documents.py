"""Price documents in the shapes of those who publish them; all of them synthetic.

Field names and structure by the published descriptions; no document of theirs was
fetched, and every number is made up.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

GERMANY = "10Y1001A1001A82H"
FRANCE = "10YFR-RTE------C"

_MINUTES = {900: "PT15M", 1800: "PT30M", 3600: "PT60M"}


def minute(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%MZ")


def series(
    starts: float,
    prices: Sequence[float] | Mapping[int, float],
    length: int = 3600,
    count: int | None = None,
    **changes: str,
) -> str:
    """Return a `TimeSeries`; `prices` by position, of A03 where some are left out."""
    said = prices if isinstance(prices, Mapping) else dict(enumerate(prices, 1))
    last = max(said) if count is None else count
    fields = {
        "zone": GERMANY,
        "currency": "EUR",
        "unit": "MWH",
        "curve": "A01" if isinstance(prices, Sequence) else "A03",
        "auction": "1",
        "resolution": _MINUTES[length],
        "end": minute(starts + last * length),
        **changes,
    }
    points = "".join(
        f"<Point><position>{at}</position><price.amount>{price}</price.amount></Point>"
        for at, price in said.items()
    )
    return (
        "<TimeSeries><mRID>1</mRID><auction.type>A01</auction.type>"
        f'<in_Domain.mRID codingScheme="A01">{fields["zone"]}</in_Domain.mRID>'
        f'<out_Domain.mRID codingScheme="A01">{fields["zone"]}</out_Domain.mRID>'
        "<classificationSequence_AttributeInstanceComponent.position>"
        f"{fields['auction']}"
        "</classificationSequence_AttributeInstanceComponent.position>"
        f"<currency_Unit.name>{fields['currency']}</currency_Unit.name>"
        f"<price_Measure_Unit.name>{fields['unit']}</price_Measure_Unit.name>"
        f"<curveType>{fields['curve']}</curveType>"
        f"<Period><timeInterval><start>{minute(starts)}</start>"
        f"<end>{fields['end']}</end></timeInterval>"
        f"<resolution>{fields['resolution']}</resolution>{points}</Period>"
        "</TimeSeries>"
    )


def a44(*parts: str, root: str = "Publication_MarketDocument") -> bytes:
    space = "urn:iec62325.351:tc57wg16:451-3:publicationdocument:7:3"
    head = '<?xml version="1.0" encoding="utf-8"?>'
    return (
        f'{head}<{root} xmlns="{space}"><mRID>1</mRID><type>A44</type>'
        f"{''.join(parts)}</{root}>"
    ).encode()


def nothing_published() -> bytes:
    reason = "<Reason><code>999</code><text>No matching data found</text></Reason>"
    return a44(reason, root="Acknowledgement_MarketDocument")


def tibber(rows: Sequence[tuple[str, float]]) -> bytes:
    told = [{"total": 2 * p, "energy": p, "tax": p, "startsAt": at} for at, p in rows]
    info = {"priceInfo": {"today": told, "tomorrow": []}}
    return json.dumps(
        {"data": {"viewer": {"homes": [{"currentSubscription": info}]}}}
    ).encode()


def octopus(rows: Sequence[tuple[str, str, float]]) -> bytes:
    told = [
        {"value_exc_vat": p, "value_inc_vat": 1.05 * p, "valid_from": a, "valid_to": b}
        for a, b, p in reversed(rows)
    ]
    return json.dumps({"count": len(told), "next": None, "results": told}).encode()


def energi_data(rows: Sequence[tuple[str, str, float]]) -> bytes:
    told = [
        {
            "TimeUTC": at,
            "TimeDK": at,
            "PriceArea": area,
            "DayAheadPriceEUR": price,
            "DayAheadPriceDKK": 7.46 * price,
        }
        for area, at, price in rows
    ]
    return json.dumps({"total": len(told), "records": told}).encode()
