"""A utility's prices, on their way to the price signal of a site."""

import pytest
from twisted.internet.testing import MemoryReactorClock

from protocol.openadr.caps import Price
from protocol.prices.curve import MAX_INTERVALS, PriceError
from protocol.units import UnixTime
from proxy.config import PowerConfig, Secret, SignalConfig
from proxy.power.control.wall_clock import SteadyClock
from proxy.signals.build import signals_of
from proxy.signals.openadr_orders import OpenAdrOrders
from proxy.signals.openadr_prices import price_curve
from proxy.signals.price_signal import PriceSignal

NOW, HOUR = UnixTime(0.0), UnixTime(3600.0)
STOPPED = SteadyClock(lambda: UnixTime(0.0), lambda: 0.0)


def price(value: float, units: str = "KWH", currency: str = "USD") -> Price:
    return Price(UnixTime(0.0), HOUR, value, currency, units)


def test_a_price_of_a_kilowatt_hour_is_a_thousandth_of_one_of_a_megawatt_hour() -> None:
    curve = price_curve([price(0.08)], NOW)

    found = curve.at(UnixTime(1.0))
    assert found is not None
    assert found.per_mwh == pytest.approx(80.0)
    assert (curve.currency, curve.at(HOUR)) == ("USD", None)


def test_a_price_without_an_end_goes_on() -> None:
    endless = Price(UnixTime(0.0), None, 50.0, "USD", "MWH")

    found = price_curve([endless], NOW).at(UnixTime(1e10))

    assert found is not None
    assert found.per_mwh == 50.0
    assert price_curve([], NOW).intervals == ()


def test_what_is_over_counts_for_nothing() -> None:
    over = [
        Price(UnixTime(900.0 * n), UnixTime(900.0 * (n + 1)), 1.0, "SEK", "KW")
        for n in range(-MAX_INTERVALS - 1, 0)
    ]

    curve = price_curve([*over, price(0.08)], NOW)

    assert [one.starts for one in curve.intervals] == [0.0]
    assert curve.currency == "USD"


@pytest.mark.parametrize(
    "wrong", [[price(1.0, "")], [price(1.0, "KW")], [price(1.0), price(1.0, "KWH", "")]]
)
def test_a_price_of_nobody_knows_what_is_refused(wrong: list[Price]) -> None:
    with pytest.raises(PriceError):
        price_curve(wrong, NOW)


def test_a_price_signal_hears_the_utility_that_it_follows() -> None:
    utility = SignalConfig(
        kind="openadr3",
        name="utility",
        url="https://vtn.example",
        ven_name="hall-a",
        token_url="https://vtn.example/token",  # noqa: S106
        client_id="a",
        client_secret=Secret("b"),
    )
    market = SignalConfig(
        kind="price", format="openadr3", document="utility", hashprice=45.0
    )
    power = PowerConfig(budget_w=1e6, fail_safe_w=1e5, signals=(market, utility))

    signals = signals_of("hall-a", power, MemoryReactorClock(), STOPPED)

    prices, events = signals
    assert isinstance(events, OpenAdrOrders)
    assert isinstance(prices, PriceSignal)
    assert events.prices_to is prices
