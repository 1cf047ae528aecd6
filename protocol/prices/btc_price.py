"""What one bitcoin costs, as a file or a public page says it.

* A number, and after it a currency at most: `62345.10 EUR`.
* JSON: an object, or one within it, that has the currency as a key (mempool.space,
  CoinGecko), or `price` or `amount` (Binance, Coinbase), as a number or as text; beside
  it, where it is said, the `currency`, and when that was, as Unix seconds or ISO 8601.
  What it says that the price is of (`base`, `symbol`, the object's key) is bitcoin.

The fields are those of their publishers' documentation.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
from attrs import frozen

from protocol.prices.curve import PriceError
from protocol.units import LAST, UnixTime
from protocol.unreadable import UNREADABLE

MAX_BYTES = 64 * 1024
"""A page of prices in all currencies has 1 kB."""

MAX_PRICE = 1e13
"""Of a bitcoin in any currency: the weakest have some 1e10."""

MAX_DIGITS = 32

_PRICES = ("price", "amount")
_TIMES = ("time", "timestamp", "last_updated_at")
_COINS = ("base", "base_currency", "coin", "asset", "pair", "product_id")

_WRAPPERS = {"data", "result", "ticker", "prices", "rates", "quote"}
"""Keys of objects that name no coin."""

_BITCOIN = "BTC|XBT|XXBT|BITCOIN"


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
        return _price(words[0])
    raise PriceError(f"Expected a number, or one and {currency}")


def _of_object(whole: dict[str, Any], currency: str) -> BtcPrice:
    others: list[str] = []
    for coins, said in _objects(whole, currency):
        names = (currency.lower(), *_PRICES)
        key = next((name for name in names if name in said), None)
        if key is None:
            continue
        if key in _PRICES:
            _check_currency(said, currency)
        strange = [coin for coin in coins if not _is_bitcoin(coin, currency)]
        others += strange
        if strange:
            continue
        times = (said[name] for name in _TIMES if said.get(name) is not None)
        at = next(times, None)
        return BtcPrice(_price(said[key]), None if at is None else _moment(at))
    if others:
        raise PriceError(f"a price of {others[0][:24]!r}: Expected BTC")
    raise PriceError(f"neither {currency} nor price nor amount in it")


def _objects(
    whole: dict[str, Any], currency: str
) -> Iterator[tuple[list[str], dict[str, Any]]]:
    """Yield an object, and those right in it, each with the coins that it is of."""
    said = _lowered(whole)
    outer = _coins(said, currency)
    yield outer, said
    for key, one in said.items():
        if isinstance(one, dict):
            within = _lowered(one)
            coins = _coins(within, currency) or [key] * (key not in _WRAPPERS)
            yield outer + coins, within


def _lowered(one: dict[str, Any]) -> dict[str, Any]:
    return {key.lower(): value for key, value in one.items()}


def _coins(said: dict[str, Any], currency: str) -> list[str]:
    found = [said.get(name) for name in _COINS]
    symbol = str(said.get("symbol") or "")
    # It may be that of the currency: a sign, or its code.
    if symbol.upper() != currency and any(map(str.isalpha, symbol)):
        found.append(symbol)
    return [coin for coin in found if isinstance(coin, str)]


def _is_bitcoin(coin: str, currency: str) -> bool:
    pair = rf"({_BITCOIN})([-/_: ]?Z?{currency})?"
    return re.fullmatch(pair, coin.strip().upper()) is not None


def _check_currency(said: dict[str, Any], currency: str) -> None:
    stated = str(said.get("currency", said.get("symbol", currency))).upper()
    if not stated.endswith(currency):
        raise PriceError(f"a price in {stated[:12]}: Expected {currency}")


def _price(value: Any) -> float:
    found = _number(value)
    if found is None:
        raise PriceError("a price that is no number")
    if not 0 < found <= MAX_PRICE:
        raise PriceError(f"Expected a price above 0, at most {MAX_PRICE:g}")
    return float(found)


def _number(value: Any) -> float | None:
    if isinstance(value, str) and len(value) <= MAX_DIGITS:
        return _parsed(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number else None


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
        at = _iso(value)
    else:
        at = _number(value)
    if at is None:
        raise PriceError("a time that is none, or has no offset")
    if not 0 <= at <= LAST:
        raise PriceError("a time out of range: Expected Unix seconds or ISO 8601")
    return UnixTime(float(at))


def _iso(text: str) -> float | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if found.tzinfo is None else found.timestamp()
