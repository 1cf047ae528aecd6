"""A price signal, made of its row of the configuration."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from protocol.prices.units import PriceUnit
from protocol.units import Seconds, Watts
from proxy.config import PowerConfig, SignalConfig
from proxy.config.price import is_url
from proxy.power.control.wall_clock import SteadyClock
from proxy.signals.adders import Adder
from proxy.signals.btc_quotes import BtcQuotes
from proxy.signals.price_decision import PricePolicy
from proxy.signals.price_document import (
    Document,
    FileDocument,
    Format,
    PriceFormat,
    WebDocument,
)
from proxy.signals.price_signal import (
    POLL,
    PriceSettings,
    PriceSignal,
)
from proxy.signals.price_worth import FixedWorth, NodeWorth, Worth

FORMATS: dict[str, Format] = {"csv": "csv", "json": "json", "entsoe-a44": "entsoe-a44"}
UNITS: dict[str, PriceUnit] = {"MWh": "MWh", "kWh": "kWh", "ct/kWh": "ct/kWh"}


def price_signal(
    site: str,
    config: SignalConfig,
    power: PowerConfig,
    reactor: Any,
    wall_clock: SteadyClock,
) -> PriceSignal:
    """Return the signal, not started; until then the reactor is not used.

    Raises:
        ValueError: Its format, units or hashprice are not said.
    """
    if config.format not in {*FORMATS, "openadr3"}:
        raise ValueError("no format")
    settings = PriceSettings(
        site,
        config.source,
        Watts(power.budget_w),
        PriceFormat(
            FORMATS.get(config.format, "json"),
            UNITS[config.units or "MWh"],
            config.zone,
            config.currency or "",
            config.time_zone or "UTC",
        ),
        _policy(config),
        tuple(Adder(a.per_mwh, a.start, a.end, a.days) for a in config.adders),
        ZoneInfo(config.time_zone or "UTC"),
        Seconds(config.poll_s or POLL),
    )
    document = None
    if config.format != "openadr3":
        document = document_of(str(config.document), reactor, config.token)
    worth = _worth(config, reactor, wall_clock)
    return PriceSignal(settings, document, worth, reactor, wall_clock)


def document_of(source: str, reactor: Any, token: str | None = None) -> Document:
    """Return a document by its path or its address; nothing is read yet."""
    if is_url(source):
        return WebDocument(reactor, source, token)
    return FileDocument(Path(source))


def _policy(config: SignalConfig) -> PricePolicy:
    plain = PricePolicy()
    return PricePolicy(
        plain.hysteresis if config.hysteresis is None else config.hysteresis,
        plain.min_on_s if config.min_on_s is None else Seconds(config.min_on_s),
        plain.min_off_s if config.min_off_s is None else Seconds(config.min_off_s),
        config.on_missing or plain.on_missing,
        config.negative or plain.negative,
    )


def _worth(config: SignalConfig, reactor: Any, wall_clock: SteadyClock) -> Worth:
    if config.hashprice is not None:
        return FixedWorth(config.hashprice)
    if config.btc_price is None or config.currency is None:
        raise ValueError("neither hashprice, nor btc_price and currency")
    document = document_of(config.btc_price, reactor)
    quotes = BtcQuotes(document, config.currency, wall_clock)
    return NodeWorth(quotes, Seconds(config.poll_s or POLL), reactor)
