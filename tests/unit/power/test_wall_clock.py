"""What time it is after a restart, and while the clock is stepped."""

import pytest
from twisted.internet.task import Clock

from protocol.units import Seconds, UnixTime, Watts
from proxy.power.control.wall_clock import MOST_BEHIND, SteadyClock, WallClock
from proxy.power.orders.budget import Envelope
from proxy.power.orders.order import Order
from proxy.power.orders.orders import OrderBook

NEWEST = UnixTime(1_700_000_000.0)


def test_a_clock_that_a_restart_finds_behind_goes_on_from_the_newest_moment() -> None:
    monotonic, host = Clock(), Clock()
    monotonic.advance(5.0)
    host.advance(NEWEST - 1200.0)
    clock = SteadyClock(lambda: UnixTime(host.seconds()), monotonic.seconds)

    assert clock.never_before(NEWEST) == 1200.0
    monotonic.advance(60.0)
    host.advance(60.0)
    assert clock() == NEWEST + 60.0
    assert clock.doubted() == host.seconds()
    host.advance(1500.0)  # NTP is there
    assert clock() == host.seconds()
    assert clock.doubted() is None


def test_a_clock_that_is_right_is_left_alone() -> None:
    clock = SteadyClock(lambda: UnixTime(NEWEST + 3.0), lambda: 5.0)

    assert clock.never_before(NEWEST) == 0.0
    assert clock() == NEWEST + 3.0
    assert clock.doubted() is None


def test_a_newest_moment_that_is_far_ahead_is_doubted_and_not_told() -> None:
    monotonic, host = Clock(), Clock()
    host.advance(NEWEST - MOST_BEHIND - 1.0)
    clock = SteadyClock(lambda: UnixTime(host.seconds()), monotonic.seconds)

    assert clock.never_before(NEWEST) == MOST_BEHIND + 1.0
    monotonic.advance(60.0)
    host.advance(60.0)
    assert clock() == host.seconds()
    assert clock.doubted() == NEWEST + 60.0
    host.advance(7200.0)  # it had been behind, and NTP is there
    assert clock() == host.seconds()
    assert clock.doubted() is None


@pytest.mark.parametrize("gap", [1200.0, 86_400.0 * 365 * 12])
@pytest.mark.parametrize("is_behind", [True, False])
def test_neither_a_clock_behind_nor_a_row_of_the_future_ends_an_order(
    gap: float,
    is_behind: bool,  # noqa: FBT001
) -> None:
    monotonic, true = Clock(), Clock()
    true.advance(NEWEST)
    behind = gap if is_behind else 0.0
    clock = SteadyClock(lambda: UnixTime(true.seconds() - behind), monotonic.seconds)
    clock.never_before(UnixTime(NEWEST if is_behind else NEWEST + gap))
    wall = WallClock(clock.doubted)
    book = OrderBook("hall-a", Envelope(Watts(100.0), Watts(10.0)), {})
    held, end = UnixTime(NEWEST - 60.0), UnixTime(NEWEST + 600.0)
    dated = Order("hall-a", Watts(20.0), 1, "cli", held, held, expires=end)
    book.restore([dated], {}, Seconds(0.0))
    given = Order("hall-a", Watts(30.0), 1, "http", UnixTime(0.0), clock(), expires=end)
    moments = wall.moments(Seconds(0.0), clock())
    assert book.take([given], Seconds(0.0), moments).is_taken

    for second in range(600):
        now = Seconds(monotonic.seconds())
        budget = book.budget(now, wall.moments(now, clock()))
        assert budget.watts == 20.0, second
        monotonic.advance(1.0)
        true.advance(1.0)


@pytest.mark.parametrize("step", [-1200.0, 1200.0])
def test_an_order_for_a_time_ends_no_sooner_because_a_clock_was_stepped(
    step: float,
) -> None:
    book = OrderBook("hall-a", Envelope(Watts(100.0), Watts(10.0)), {})
    clock = WallClock()
    clock.moments(Seconds(0.0), NEWEST)
    end = UnixTime(NEWEST + 600.0)
    order = Order("hall-a", Watts(20.0), 1, "cli", NEWEST, NEWEST, expires=end)
    assert book.take([order], Seconds(0.0), (NEWEST,)).is_taken

    budgets = {}
    for second in range(3000):
        at = UnixTime(NEWEST + second + (step if second >= 60 else 0.0))
        now = Seconds(float(second))
        budgets[second] = book.budget(now, clock.moments(now, at)).watts

    ends = next(second for second, watts in budgets.items() if watts > 20.0)
    assert ends >= 600
