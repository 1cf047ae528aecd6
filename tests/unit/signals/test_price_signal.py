"""A price signal at a site: its document, well and ill, and what it says of it."""

from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from typing_extensions import override

from protocol.prices.curve import PriceError, PriceInterval, curve_of
from protocol.units import HashesPerSecond, Seconds, UnixTime, Watts
from proxy.power.control.wall_clock import SteadyClock
from proxy.power.orders.market import ModelGroup
from proxy.signals.adders import Adder, adders_at
from proxy.signals.price_decision import PricePolicy
from proxy.signals.price_document import Document, PriceFormat, address_at
from proxy.signals.price_signal import PriceSettings, PriceSignal
from proxy.signals.price_worth import FixedWorth
from tests.conftest import FlushFailures
from tests.fakes.order_desk import BUDGET, NOW, OrderDesk

OLD = ModelGroup("S19", 100, Watts(3_250.0), HashesPerSecond(95e12))
NEW = ModelGroup("S21", 100, Watts(3_500.0), HashesPerSecond(200e12))
HOUR = 3600


def rows(*prices: float, begin: float = NOW) -> bytes:
    """Return a CSV of hours."""
    lines = [
        f"{datetime.fromtimestamp(begin + n * HOUR, UTC).isoformat()},{price}"
        for n, price in enumerate(prices)
    ]
    return "\n".join(["start,price", *lines, ""]).encode()


class Paper(Document):
    """A document that a test writes."""

    written_at: UnixTime | None = None

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.error = ""
        self.fault: Exception | None = None
        self.reads = 0

    @override
    async def read(self, at: UnixTime) -> bytes:
        self.reads += 1
        if self.error:
            raise PriceError(self.error)
        if self.fault is not None:
            raise self.fault
        return self.data

    @override
    async def close(self) -> None:
        pass


class Market:
    """A site with a price."""

    def __init__(self, data: bytes = b"", **policy: Any) -> None:
        self.desk = OrderDesk({"price": None})
        self.desk.groups = [NEW, OLD]
        self.clock = self.desk.clock
        self.paper = Paper(data)
        self.policy = PricePolicy(
            **{"min_on_s": Seconds(0.0), "min_off_s": Seconds(0.0), **policy}
        )
        self.open()

    def open(self) -> None:
        wall = SteadyClock(lambda: self.desk.wall, self.clock.seconds)
        settings = PriceSettings(
            "hall-a", "price", BUDGET, PriceFormat("csv", currency="EUR"), self.policy
        )
        self.signal = PriceSignal(
            settings, self.paper, FixedWorth(45.0), self.clock, wall
        )
        self.signal.start(self.desk)

    def wait(self, seconds: float) -> None:
        for _ in range(int(seconds // 5)):
            self.clock.advance(5.0)

    @property
    def watts(self) -> float:
        return float(self.desk.budget.watts)

    @property
    def reasons(self) -> list[str]:
        return [why for _, why, _ in self.desk.refusals]


BOTH, ONE = 675_000.0, 350_000.0


def test_the_order_is_what_machines_that_earn_their_electricity_draw() -> None:
    market = Market(rows(50.0, 60.0, 120.0, -5.0))

    assert market.watts == BUDGET
    market.wait(HOUR)
    assert market.watts == ONE
    assert market.desk.taken[-1].reason == "60.00 EUR/MWh; at rest: S19"
    market.wait(HOUR)
    assert market.watts == 0.0
    market.wait(HOUR)
    assert market.watts == BUDGET
    assert len(market.desk.taken) == 4  # and not one each five seconds


def test_a_price_is_followed_within_a_second_of_its_beginning() -> None:
    market = Market(rows(50.0, 60.0, begin=NOW - HOUR + 7.0))
    market.wait(5)
    assert market.watts == BUDGET
    for _ in range(30):
        market.clock.advance(0.1)

    assert market.clock.seconds() == pytest.approx(8.0)
    assert market.watts == ONE


def test_a_price_that_ends_leaves_the_last_decision() -> None:
    market = Market(rows(60.0))
    market.wait(10 * HOUR)

    assert market.watts == ONE
    assert "no price of now is known: on_missing = hold" in market.reasons
    assert market.desk.market.price is None
    assert len(market.reasons) < 1000


def test_without_a_price_ever_nothing_runs_that_a_price_steers() -> None:
    market = Market(b"garbage")
    market.wait(60)

    assert market.watts == 0.0
    market.paper.data = rows(50.0)
    market.wait(300)
    assert market.watts == BUDGET


def test_yesterdays_file_raises_nothing() -> None:
    market = Market(rows(60.0, begin=NOW))
    market.wait(HOUR)
    market.paper.data = rows(*[1.0] * 24, begin=NOW - 24 * HOUR)
    market.wait(2 * HOUR)

    assert market.watts == ONE


@pytest.mark.parametrize(
    "data",
    [b"", b"<html>", rows(5.0).replace(b"5.0", b"nan"), b"start,price\n1,2\n"],
)
def test_a_document_that_goes_bad_changes_nothing_and_is_an_event(data: bytes) -> None:
    market = Market(rows(60.0, 60.0, 60.0))
    market.paper.data = data
    market.wait(HOUR)

    assert market.watts == ONE
    assert any("the prices that are known hold" in why for why in market.reasons)


def test_whatever_a_read_fails_of_is_told_and_the_next_one_is_taken(
    flush_failures: FlushFailures,
) -> None:
    market = Market(rows(60.0, 60.0, 60.0))
    market.paper.fault = ValueError("invalid port 'notaport'")
    market.wait(305)
    why = "cannot be read: ValueError; the prices that are known hold"

    assert why in market.reasons
    assert flush_failures(ValueError) == 1
    assert market.watts == ONE
    market.paper.fault, market.paper.data = None, rows(50.0)
    market.wait(300)
    assert market.watts == BUDGET


def test_a_document_that_comes_late_is_taken_when_it_comes() -> None:
    market = Market(rows(60.0))
    market.wait(2 * HOUR)
    market.paper.data = rows(50.0, begin=NOW + 2 * HOUR)
    market.wait(300)

    assert market.watts == BUDGET


def test_a_restart_goes_on_from_the_order_that_stands() -> None:
    market = Market(rows(60.0), min_off_s=Seconds(900.0))
    market.wait(60)
    market.paper.error = "gone"
    market.open()

    assert market.watts == ONE
    market.paper.error, market.paper.data = "", rows(1.0)
    market.wait(600)
    assert market.watts == 0.0 or market.watts <= ONE  # not before it has rested
    market.wait(600)
    assert market.watts == BUDGET


@pytest.mark.parametrize(("choice", "watts"), [("run", BUDGET), ("shed", 0.0)])
def test_an_operator_may_choose_what_a_missing_price_does(
    choice: str, watts: float
) -> None:
    market = Market(rows(60.0), on_missing=choice)
    market.wait(2 * HOUR)

    assert market.watts == watts
    assert f"no price of now is known: on_missing = {choice}" in market.reasons


def test_prices_that_others_hear_are_taken_too() -> None:
    market = Market(b"garbage")
    price = PriceInterval(UnixTime(NOW), UnixTime(NOW + HOUR), 60.0)

    market.signal.heard(curve_of([price], "EUR"))

    assert market.watts == ONE


def test_machines_that_come_are_counted_at_a_price_that_is_known() -> None:
    market = Market(rows(60.0, 60.0))
    market.desk.groups = [
        NEW,
        OLD,
        ModelGroup("S21 XP", 50, Watts(3_645.0), NEW.hash_hs),
    ]
    market.wait(10)

    assert market.watts == ONE + 50 * 3_645.0
    assert market.desk.market.shed == ("S19",)


def test_a_document_is_read_each_poll_and_not_twice_at_once() -> None:
    market = Market(rows(60.0))
    assert market.paper.reads == 1
    market.wait(295)
    assert market.paper.reads == 1
    market.wait(10)
    assert market.paper.reads == 2


def test_another_currency_than_the_hashprice_is_no_price() -> None:
    price = PriceInterval(UnixTime(0.0), UnixTime(1.0), 60.0)

    with pytest.raises(PriceError, match="prices in EUR: Expected USD"):
        PriceFormat("entsoe-a44", currency="USD").checked(curve_of([price], "EUR"))


def test_fees_go_by_the_clock_on_the_wall() -> None:
    zone = ZoneInfo("Europe/Berlin")
    adders = (
        Adder(5.0),
        Adder(10.0, time(7), time(21), ("mon", "tue", "wed", "thu", "fri")),
        Adder(1.0, time(22), time(6), ("sun",)),
    )

    def fees(text: str) -> float:
        local = datetime.fromisoformat(text).replace(tzinfo=zone)
        return adders_at(adders, UnixTime(local.timestamp()), zone)

    assert fees("2026-11-30T06:59") == 5.0
    assert fees("2026-11-30T07:00") == 15.0
    assert fees("2026-11-30T21:00") == 5.0
    assert fees("2026-11-28T12:00") == 5.0  # a Saturday
    assert fees("2026-11-29T22:00") == 6.0
    assert fees("2026-11-30T05:00") == 6.0  # begun on Sunday
    assert fees("2026-12-01T05:00") == 5.0


def test_an_address_names_the_days_around_now() -> None:
    at = UnixTime(datetime(2026, 11, 30, 13, 45, tzinfo=UTC).timestamp())

    found = address_at("https://a/?periodStart={from}&periodEnd={until}", at)

    assert found == "https://a/?periodStart=202611290000&periodEnd=202612020000"


def test_a_signal_reads_nothing_until_it_is_started() -> None:
    reactor = MemoryReactorClock()
    settings = PriceSettings(
        "hall-a", "price", BUDGET, PriceFormat("csv"), PricePolicy()
    )
    paper = Paper(b"")
    wall = SteadyClock(lambda: UnixTime(NOW), reactor.seconds)
    signal = PriceSignal(settings, paper, FixedWorth(45.0), reactor, wall)

    assert (paper.reads, signal.name, signal.lease_s) == (0, "price", None)


async def test_it_says_nothing_once_it_is_stopped() -> None:
    market = Market(rows(60.0))
    await Deferred.fromCoroutine(market.signal.stop())
    market.paper.data = rows(1.0)
    market.wait(HOUR)

    assert market.watts == ONE
