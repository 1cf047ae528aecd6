"""Two weeks of quarter-hour prices at a site, each with a day on which clocks change.

Synthetic: a day's two peaks, noon below zero at times, noise of a fixed seed; published
as A44 of curve type A03 at 13:00 of the day before, as the coupled market does.
"""

import logging
import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from math import exp
from zoneinfo import ZoneInfo

import pytest
from attrs import define
from twisted.internet.task import Clock

from protocol.units import HashesPerSecond, Seconds, UnixTime, Watts
from proxy.power.control.wall_clock import SteadyClock
from proxy.power.orders.market import ModelGroup, breakeven, earned
from proxy.signals.price_decision import PricePolicy
from proxy.signals.price_document import PriceFormat
from proxy.signals.price_signal import PriceSettings, PriceSignal
from proxy.signals.price_worth import FixedWorth
from tests.fakes.order_desk import OrderDesk
from tests.fakes.price_documents import a44, series
from tests.unit.signals.test_price_signal import Paper

_log = logging.getLogger(__name__)

BERLIN = ZoneInfo("Europe/Berlin")
QUARTER, LOOK = 900, 5
HASHPRICE = 45.0
FLEET = (
    ModelGroup("S21", 500, Watts(3_500.0), HashesPerSecond(200e12)),
    ModelGroup("S19j Pro", 300, Watts(3_068.0), HashesPerSecond(104e12)),
    ModelGroup("S19", 200, Watts(3_250.0), HashesPerSecond(95e12)),
)
BUDGET = Watts(3_500_000.0)
SPRING, AUTUMN = date(2026, 3, 23), date(2026, 10, 19)


def midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=BERLIN).timestamp()


def quarters(day: date) -> int:
    return round((midnight(day + timedelta(days=1)) - midnight(day)) / QUARTER)


def prices(day: date) -> list[float]:
    """Return what each quarter of a day costs, EUR/MWh."""
    noise = random.Random(day.toordinal())  # noqa: S311
    found = []
    for n in range(quarters(day)):
        at = datetime.fromtimestamp(midnight(day) + n * QUARTER, BERLIN)
        hour = at.hour + at.minute / 60.0
        morning, evening = exp(-((hour - 8) ** 2) / 4), exp(-((hour - 19) ** 2) / 5)
        sun = exp(-((hour - 13) ** 2) / 6)
        level = 55.0 + 60.0 * morning + 90.0 * evening - 75.0 * sun
        found.append(round(level + noise.gauss(0.0, 8.0), 2))
    return found


def document(day: date) -> bytes:
    said = prices(day)
    kept = {
        n: price for n, price in enumerate(said, 1) if n == 1 or price != said[n - 2]
    }
    return a44(series(midnight(day), kept, QUARTER, count=len(said)))


@define
class Week:
    """What a week came to."""

    mwh: float = 0.0
    cost: float = 0.0
    earned: float = 0.0
    starts: int = 0
    dear_mwh: float = 0.0  # drawn by machines above their breakeven


def seconds_of(first: date, days: int) -> Iterator[tuple[float, float]]:
    """Yield each look of some days, and the price of then as the market made it."""
    for n in range(days):
        day = first + timedelta(days=n)
        for place, price in enumerate(prices(day)):
            for second in range(0, QUARTER, LOOK):
                yield midnight(day) + place * QUARTER + second, price


def run(first: date, policy: PricePolicy, days: int = 7) -> Week:
    """Return a week under a price signal that reads what is published each day."""
    week, clock, desk = Week(), Clock(), OrderDesk({"price": None})
    begin = midnight(first)
    desk.clock, desk.groups = clock, list(FLEET)
    paper = Paper(document(first))
    settings = PriceSettings(
        "hall-a",
        "price",
        BUDGET,
        PriceFormat("entsoe-a44", currency="EUR"),
        policy,
    )
    wall = SteadyClock(lambda: UnixTime(begin + clock.seconds()), clock.seconds)
    signal = PriceSignal(settings, paper, FixedWorth(HASHPRICE), clock, wall)
    signal.start(desk)
    shed = set(desk.market.shed)
    for at, price in seconds_of(first, days):
        clock.advance(at - begin + LOOK - clock.seconds())
        local = datetime.fromtimestamp(at, BERLIN)
        if (local.hour, local.minute, local.second) == (13, 0, 0):
            paper.data = document(local.date() + timedelta(days=1))
        now = set(desk.market.shed)
        week.starts += sum(g.count for g in FLEET if g.model in shed - now)
        shed = now
        for group in FLEET:
            if group.model in now:
                continue
            mwh = group.count * group.watts / 1e6 * LOOK / 3600.0
            week.mwh += mwh
            week.cost += mwh * price
            income = earned(group.count * group.hash_hs, HASHPRICE) * LOOK / 3600.0
            week.earned += income
            if price > breakeven(group.hash_hs, group.watts, HASHPRICE):
                week.dear_mwh += mwh
    assert desk.market.price is not None
    return week


def always(first: date) -> Week:
    week = Week()
    for n in range(7):
        for price in prices(first + timedelta(days=n)):
            for group in FLEET:
                mwh = group.count * group.watts / 1e6 * QUARTER / 3600.0
                week.mwh += mwh
                week.cost += mwh * price
                income = earned(group.count * group.hash_hs, HASHPRICE)
                week.earned += income * QUARTER / 3600.0
    return week


def tell(first: date, name: str, week: Week) -> None:
    _log.info(
        "%s, %s: %.0f MWh, cost %.0f, earned %.0f, net %.0f EUR, %d starts of"
        " machines, %.1f MWh above breakeven",
        *(first, name, week.mwh, week.cost, week.earned),
        *(week.earned - week.cost, week.starts, week.dear_mwh),
    )


@pytest.mark.parametrize(
    ("first", "count"), [(SPRING, 7 * 96 - 4), (AUTUMN, 7 * 96 + 4)]
)
def test_a_week_earns_more_than_without_a_price(first: date, count: int) -> None:
    assert sum(quarters(first + timedelta(days=n)) for n in range(7)) == count

    plain, steered = always(first), run(first, PricePolicy())

    tell(first, "no price", plain)
    tell(first, "price", steered)
    assert steered.mwh < plain.mwh
    assert steered.earned - steered.cost > plain.earned - plain.cost
    # What runs above its breakeven is what least times keep on, and a look's delay.
    assert steered.dear_mwh < 0.02 * steered.mwh


def test_least_times_and_hysteresis_spare_starts() -> None:
    calm = run(AUTUMN, PricePolicy(), days=2)
    nervous = run(AUTUMN, PricePolicy(0.0, Seconds(0.0), Seconds(0.0)), days=2)

    assert calm.starts < nervous.starts
    assert calm.earned - calm.cost > 0.95 * (nervous.earned - nervous.cost)
