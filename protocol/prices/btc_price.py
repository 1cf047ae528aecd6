"""What one bitcoin costs, as a file or a public page says it.

* A number, and after it a currency at most: `62345.10 EUR`.
* JSON: an object, or one within it, that has the currency as a key (mempool.space,
  CoinGecko), or `price` or `amount` (Binance, Coinbase), as a number or as text; beside
  it, where it is said, the `currency`, and when that was, as Unix seconds or ISO 8601.

The fields are those of their publishers' documentation.
"""

from collections.abc import Iterator
from datetime import datetime
from math import isfinite
from typing import Any

import msgspec
from attrs import frozen

from protocol.prices.curve import PriceError
from protocol.units import UnixTime
from protocol.unreadable import UNREADABLE

MAX_BYTES = 64 * 1024
"""A page of prices in all currencies has 1 kB."""

MAX_PRICE = 1e13
"""Of a bitcoin in any currency: the weakest have some 1e10."""

MAX_DIGITS = 32

_PRICES = ("price", "amount")
_TIMES = ("time", "timestamp", "last_updated_at")


@frozen
class BtcPrice:
    """Of one bitcoin.

    Attributes:
        at: When that was, Unix seconds; None: it is not said.
    """

    value: float
    at: UnixTime | None = None


def read_btc_price(data: bytes, currency: str) -> BtcPrice:
    """Return the price in a document.

    Args:
        data: The document.
        currency: Three letters; a document that states another is refused.

    Raises:
        PriceError: There is none in it.
    """
    if len(data) > MAX_BYTES:
        raise PriceError(f"longer than {MAX_BYTES} B")
    try:
        found = data.decode("utf-8-sig").strip()
        if not found.startswith("{"):
            return BtcPrice(_plain(found, currency))
        return _of_object(msgspec.json.decode(found), currency)
    except UNREADABLE as error:
        raise PriceError(f"no price of a bitcoin: {error}") from error


def _plain(text: str, currency: str) -> float:
    words = text.split()
    if len(words) == 1 or (len(words) == 2 and words[1] == currency):  # noqa: PLR2004
        return _number(words[0])
    raise PriceError(f"Expected a number, or one and {currency}")


def _of_object(whole: Any, currency: str) -> BtcPrice:
    for one in _objects(whole):
        said = {str(key).lower(): value for key, value in one.items()}
        names = (currency.lower(), *_PRICES)
        key = next((name for name in names if name in said), None)
        if key is None:
            continue
        if key in _PRICES:
            _check_currency(said, currency)
        times = (said[name] for name in _TIMES if said.get(name) is not None)
        at = next(times, None)
        return BtcPrice(_number(said[key]), None if at is None else _moment(at))
    raise PriceError(f"neither {currency} nor price nor amount in it")


def _objects(whole: Any) -> Iterator[dict[str, Any]]:
    """Yield an object, and those right in it."""
    if isinstance(whole, dict):
        yield whole
        yield from (one for one in whole.values() if isinstance(one, dict))


def _check_currency(said: dict[str, Any], currency: str) -> None:
    stated = str(said.get("currency", said.get("symbol", currency))).upper()
    if not stated.endswith(currency):
        raise PriceError(f"a price in {stated[:12]}: Expected {currency}")


def _number(value: Any) -> float:
    if isinstance(value, str) and len(value) <= MAX_DIGITS:
        value = _parsed(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PriceError("a price that is no number")
    if not isfinite(value) or not 0 < value <= MAX_PRICE:
        raise PriceError(f"Expected a price above 0, at most {MAX_PRICE:g}")
    return float(value)


def _parsed(text: str) -> float | None:
    # As float() takes it, but for `1_000`, `nan` and digits that are not ASCII.
    if not text.isascii() or "_" in text:
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _moment(value: Any) -> UnixTime:
    if isinstance(value, str) and not value.isdecimal():
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            found = None
        if found is None or found.tzinfo is None:
            raise PriceError("a time that is none, or has no offset")
        return UnixTime(found.timestamp())
    return UnixTime(_number(value))
