"""What time it is after a restart, and while the clock is stepped."""

import pytest
from twisted.internet.task import Clock

from protocol.units import Seconds, UnixTime, Watts
from proxy.power.control.budget import Envelope, Order
from proxy.power.control.wall_clock import SteadyClock, WallClock
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
    host.advance(1500.0)  # NTP is there
    assert clock() == host.seconds()


def test_a_clock_that_is_right_is_left_alone() -> None:
    clock = SteadyClock(lambda: UnixTime(NEWEST + 3.0), lambda: 5.0)

    assert clock.never_before(NEWEST) == 0.0
    assert clock() == NEWEST + 3.0


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
