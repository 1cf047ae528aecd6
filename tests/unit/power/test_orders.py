"""Orders taken, refused, repeated; a wall clock that is stepped."""

import pytest
from attrs import evolve

from protocol.units import Seconds, UnixTime, Watts
from proxy.power.control.wall_clock import WallClock
from proxy.power.orders.budget import Envelope, Rule
from proxy.power.orders.order import Order
from proxy.power.orders.orders import MAX_ORDERS, OrderBook

NOW = Seconds(1000.0)
AT = UnixTime(1_700_000_000.0)
ENVELOPE = Envelope(Watts(100.0), Watts(10.0))


def a_book(lease_s: float | None = 30.0) -> OrderBook:
    lease = None if lease_s is None else Seconds(lease_s)
    return OrderBook("hall-a", ENVELOPE, {"grid": lease})


def an_order(**changes: object) -> Order:
    return evolve(Order("hall-a", Watts(50.0), 1, "grid", AT, AT), **changes)  # type: ignore[arg-type]


def take(book: OrderBook, *orders: Order, now: Seconds = NOW) -> str:
    receipt = book.take(orders, now, (AT,))
    assert receipt.is_taken is (receipt.reason == "")
    return receipt.reason


def too_many() -> list[Order]:
    """Return one order more than a source may have, all of them to come."""
    return [
        an_order(seq=n, not_before=UnixTime(AT + n)) for n in range(1, MAX_ORDERS + 2)
    ]


def test_the_order_with_the_highest_seq_rules() -> None:
    book = a_book()
    take(book, an_order(), an_order(seq=2, watts=Watts(40.0)))

    assert book.budget(NOW, (AT,)).watts == 40.0


def test_the_same_order_again_is_taken_and_changes_nothing() -> None:
    book = a_book()
    take(book, an_order())
    before = book.orders

    assert take(book, an_order(received_at=UnixTime(AT + 5))) == ""
    assert book.orders == before


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"watts": 60.0}, "seq 1 is used"),
        ({"seq": 0}, "seq 0 is used"),
        ({"site": "hall-b", "seq": 9}, "is for 'hall-b'"),
        ({"seq": 9, "expires": AT}, "ended already"),
        ({"seq": 9, "watts": -1.0}, "not a power"),
        ({"seq": 9, "watts": float("nan")}, "not a power"),
        ({"seq": 9, "watts": float("inf")}, "not a power"),
    ],
)
def test_what_is_refused_changes_nothing(changes: dict[str, object], why: str) -> None:
    book = a_book()
    take(book, an_order())
    before = book.orders

    assert why in take(book, an_order(seq=8), an_order(**changes))
    assert book.orders == before


def test_a_withdrawn_source_may_begin_anew() -> None:
    book = a_book(lease_s=None)
    take(book, an_order(seq=7))

    assert book.withdraw("grid") == 1
    assert book.budget(NOW, (AT,)).rule is Rule.CONTRACT
    assert take(book, an_order(seq=1)) == ""


def test_orders_that_replace_others_leave_them_if_they_are_refused() -> None:
    book = a_book(lease_s=None)
    take(book, an_order(seq=7), an_order(seq=1, source="plan"))
    before = book.orders

    assert not book.take(too_many(), NOW, (AT,), instead_of="grid").is_taken
    assert book.orders == before
    newer = an_order(seq=1, watts=Watts(40.0))
    assert book.take([newer], NOW, (AT,), instead_of="grid").is_taken
    assert set(book.orders) == {newer, before[1]}


def test_there_is_a_limit_to_orders() -> None:
    book = a_book()

    assert "more than 10000 orders of grid" in take(book, *too_many())


def test_a_source_with_no_more_room_can_still_lower_the_budget_and_others_too() -> None:
    book = a_book()
    assert take(book, *too_many()[:-1]) == ""

    assert take(book, an_order(seq=MAX_ORDERS, source="plan")) == ""
    lower = an_order(seq=MAX_ORDERS + 9, not_before=AT, watts=Watts(5.0))
    assert take(book, lower, now=Seconds(NOW + 1)) == ""
    assert book.budget(NOW, (AT,)).watts == 5.0


def test_orders_without_an_end_do_not_pile_up() -> None:
    book = a_book()
    for n in range(1, 100):
        assert take(book, an_order(seq=n, watts=Watts(100.0 - n))) == ""

    assert [o.seq for o in book.orders] == [99]
    assert "seq 98 is used" in take(book, an_order(seq=98))


def test_the_seq_of_an_order_that_has_ended_is_not_taken_again() -> None:
    book = a_book()
    take(book, an_order(), an_order(seq=9, expires=UnixTime(AT + 60)))
    later = (UnixTime(AT + 61),)
    book.take([an_order(source="plan")], Seconds(NOW + 61), later)

    receipt = book.take([an_order(seq=8)], Seconds(NOW + 61), later)

    assert receipt.reason == "seq 8 is used: grid has given up to 9"


def test_a_renewal_keeps_a_lease_alive_and_silence_is_a_part_of_it() -> None:
    book = a_book()
    take(book, an_order())
    book.renew("grid", Seconds(NOW + 20))

    assert book.budget(Seconds(NOW + 35), (AT,)).silence == 0.5
    assert not book.budget(Seconds(NOW + 49), (AT,)).lapsed
    assert book.budget(Seconds(NOW + 51), (AT,)).lapsed == ("grid",)


def test_only_configured_signals_have_leases_to_renew() -> None:
    book = a_book()
    book.renew("stranger", NOW)

    assert book.budget(Seconds(NOW + 99), (AT,)).silence == 0.0


def test_what_is_restored_from_the_future_counts_as_now() -> None:
    book = a_book()
    book.restore([an_order()], {"grid": -500.0}, NOW)

    assert book.budget(Seconds(NOW + 15), (AT,)).silence == 0.5


# the wall clock


def test_a_steady_clock_is_believed() -> None:
    wall = WallClock()

    for second in range(100):
        at = UnixTime(AT + second + 0.001 * second)
        assert wall.moments(Seconds(NOW + second), at) == (at,)


@pytest.mark.parametrize("step", [600.0, -600.0])
def test_for_as_long_as_it_was_stepped_both_times_count(step: float) -> None:
    wall = WallClock()
    wall.moments(NOW, AT)

    seen = [
        wall.moments(Seconds(NOW + s), UnixTime(AT + s + step))
        for s in (1.0, 599.0, 602.0)
    ]

    assert seen[0] == (AT + 1.0 + step, AT + 1.0)
    assert seen[1] == (AT + 599.0 + step, AT + 599.0)
    assert seen[2] == (AT + 602.0 + step,)


def test_a_clock_stepped_there_and_back_is_believed_again() -> None:
    wall = WallClock()
    wall.moments(NOW, AT)
    wall.moments(Seconds(NOW + 1), UnixTime(AT + 1 + 600))

    assert wall.moments(Seconds(NOW + 2), UnixTime(AT + 2)) == (AT + 2,)


def test_the_lower_budget_of_both_times_rules() -> None:
    book = a_book(lease_s=None)
    take(book, an_order(expires=UnixTime(AT + 100)))
    moments = (UnixTime(AT + 3600), AT)

    assert book.budget(NOW, moments).watts == 50.0
    assert book.budget(NOW, moments[:1]).watts == 100.0


def test_an_order_that_only_a_stepped_clock_has_ended_is_kept() -> None:
    book = a_book(lease_s=None)
    take(book, an_order(expires=UnixTime(AT + 100)))

    book.take([an_order(seq=2, source="plan")], NOW, (UnixTime(AT + 3600), AT))

    assert len(book.orders) == 2
