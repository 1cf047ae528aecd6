"""What a signal of kind `price` is told: a document, its units, what hashes earn."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from proxy.config.power import PowerConfig, SignalConfig

FORMATS = ("csv", "json", "entsoe-a44", "openadr3")
UNITS = ("MWh", "kWh", "ct/kWh")

LEAST_POLL_S = 10
"""Publishers are asked by many."""

_HTTP = re.compile(r"https?://[^/\s]+(/\S*)?")


def is_url(source: str) -> bool:
    """Tell whether prices come from the web, else from a file."""
    return _HTTP.fullmatch(source) is not None


def price_faults(signal: SignalConfig, key: str) -> Iterator[str]:
    """Yield what is wrong with the keys of a signal of kind `price`."""
    yield from _source_faults(signal.document, key)
    if signal.format is None:
        yield f"Expected one of {', '.join(FORMATS)} - at `{key}.format`"
    if signal.poll_s is not None and signal.poll_s < LEAST_POLL_S:
        yield f"Expected at least {LEAST_POLL_S} s - at `{key}.poll_s`"
    yield from _unit_faults(signal, key)
    if (signal.hashprice is None) == (signal.btc_price is None):
        yield f"Expected hashprice or btc_price, one of them - at `{key}.hashprice`"
    if signal.btc_price is not None:
        yield from _document_faults(signal.btc_price, f"{key}.btc_price")
        if signal.currency is None:
            yield f"Needed beside btc_price: of a bitcoin too - at `{key}.currency`"
    if signal.token is not None and not is_url(signal.document or ""):
        yield f"Shown to a web server: source is a file - at `{key}.token`"
    if signal.time_zone is not None and _is_unknown(signal.time_zone):
        yield f"No time zone is called {signal.time_zone!r} - at `{key}.time_zone`"
    for index, adder in enumerate(signal.adders):
        if (adder.start is None) != (adder.end is None):
            yield f"start and end, or neither - at `{key}.adders[{index}]`"


def _unit_faults(signal: SignalConfig, key: str) -> Iterator[str]:
    if signal.format in {"entsoe-a44", "openadr3"}:
        if signal.units is not None:
            yield f"The document says itself what a price is of - at `{key}.units`"
    elif signal.units is None:
        # Ten EUR/MWh are one ct/kWh: nobody can tell from the number.
        yield f"Expected what a price is of, {', '.join(UNITS)} - at `{key}.units`"


def site_price_faults(power: PowerConfig, key: str, *, has_node: bool) -> Iterator[str]:
    """Yield what is wrong with the price signals of a site together.

    Args:
        power: Of the site.
        key: Where that is.
        has_node: There is one to ask what a block earns.
    """
    if sum(signal.kind == "price" for signal in power.signals) > 1:
        yield f"A site has one price at the most - at `{key}.signals`"
    utilities = {s.source for s in power.signals if s.kind == "openadr3"}
    for index, signal in enumerate(power.signals):
        if signal.btc_price is not None and not has_node:
            what = "Needs a node, of [[nodes]], to ask what a block earns"
            yield f"{what} - at `{key}.signals[{index}].btc_price`"
        if signal.format == "openadr3" and signal.document not in utilities:
            what = f"No signal of kind 'openadr3' is called {signal.document!r} here"
            yield f"{what} - at `{key}.signals[{index}].source`"


def _source_faults(source: str | None, key: str) -> Iterator[str]:
    if source is None:
        yield f"A signal of kind 'price' needs source - at `{key}.source`"
    else:
        yield from _document_faults(source, f"{key}.source")


def _document_faults(source: str, key: str) -> Iterator[str]:
    if "://" in source and not is_url(source):
        yield f"Expected a path, or an address of http or https - at `{key}`"
    elif is_url(source) and (why := _address_fault(source)):
        yield f"Not an address: {why} - at `{key}`"


def _address_fault(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        return str(error)
    return "" if is_whole else "no host, or port 0"


def _is_unknown(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return True
    return False
