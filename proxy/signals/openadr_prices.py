"""Prices of a utility's events, as a price signal takes them."""

from collections.abc import Iterable
from math import inf

from protocol.openadr.caps import Price
from protocol.prices.curve import PriceCurve, PriceError, PriceInterval, curve_of
from protocol.units import UnixTime

PER_MWH = {"KWH": 1e3, "MWH": 1.0}
"""What a price for one of a unit is for a megawatt hour. Spec: OpenADR 3.1, units."""


def price_curve(prices: Iterable[Price], since: UnixTime) -> PriceCurve:
    """Return what the events say of prices; one without an end goes on.

    What ended before `since` is left out: a server may keep events that are over.

    Raises:
        PriceError: They are for nothing that is known, or of several currencies.
    """
    found, currencies = [], set()
    for price in prices:
        if price.end is not None and price.end <= since:
            continue
        if price.units not in PER_MWH:
            wanted = " or ".join(PER_MWH)
            raise PriceError(
                f"a price of {price.units or 'nothing'}: Expected {wanted}"
            )
        end = UnixTime(inf) if price.end is None else price.end
        amount = PER_MWH[price.units] * price.value
        found.append(PriceInterval(price.start, end, amount))
        currencies.add(price.currency)
    if len(currencies) > 1:
        raise PriceError(f"prices in {', '.join(sorted(currencies))}: one of them")
    return curve_of(found, next(iter(currencies), ""))
