"""What a price makes of a site, as text for people."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

HUGE = 1e9


def price_lines(site: Any) -> Iterator[str]:
    """Yield the lines of `power show`; none without a price signal."""
    price = site.get("price")
    if price is None:
        return
    yield f"  price     {_price(price)}"
    yield f"            {_money(price)}"
    if price.get("worth"):
        yield f"            {price['worth']}"
    for model in price["models"]:
        worth = model["breakeven"]
        even = _amount(worth)
        rest = ", kept off by it" if model["is_shed"] else ""
        yield (
            f"            {model['model']}: {model['running']} of {model['machines']}"
            f" run, breakeven {even}{rest}"
        )


def _price(price: Any) -> str:
    unit = f" {price['currency']}/MWh" if price["currency"] else " a MWh"
    known = _until(price["known_until"])
    if price["cost"] is None:
        return f"not known now; prices are known until {known}"
    paid = f"{price['price']:.2f} + {price['adders']:.2f} beside it"
    return (
        f"{price['cost']:.2f}{unit} ({paid}) until {_until(price['until'])}, known"
        f" until {known}"
    )


def _money(price: Any) -> str:
    worth = price["hashprice"]
    parts = [
        f"{what} {price[key]:.2f}"
        for what, key in (
            ("earns", "earned_h"),
            ("pays", "paid_h"),
            ("rest saves", "saved_h"),
        )
        if price[key] is not None
    ]
    hour = f"; in an hour {', '.join(parts)}" if parts else ""
    return f"a PH/s and day: {_amount(worth)}{hour}"


def _amount(value: float | None) -> str:
    """Return an amount of money; at a difficulty of regtest hashes earn 1e26."""
    if value is None:
        return "not known"
    return f"{value:.2f}" if value < HUGE else f"{value:.3g}"


def _until(at: float | None) -> str:
    if at is None:
        return "nothing"
    return datetime.fromtimestamp(at, tz=UTC).strftime("%Y-%m-%d %H:%M")
