"""A hall's place in its site: what it says, and when it takes a grant."""

from typing import Any

from attrs import evolve
from twisted.internet.task import Clock

from protocol.units import Seconds, UnixTime, Watts
from proxy.cluster.found import Figures, Place
from proxy.cluster.member import HallNow, Member
from proxy.power.allotment.rows import Grant, Need, Times
from tests.fakes.cluster_tables import MemberTables
from tests.fakes.signal_listener import FakeListener

TIMES = Times(Seconds(1.0), Seconds(10.0), Seconds(3.0))
FLOOR = 500
NEED = (Need(1, 18, 0, 9000),)


class Hall:
    """A member, its tables, its hall's control."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.tables = MemberTables()
        self.listener = FakeListener()
        session: Any = self.tables
        self.member = Member(
            "hall-a",
            Place("plant", "a"),
            FLOOR,
            TIMES,
            session,
            self.clock,
            lambda: UnixTime(1e9 + self.clock.seconds()),
        )
        self.committed_w = 0
        self.member.look = lambda: HallNow(
            self.committed_w, NEED, Seconds(170.0), Figures(instance=7)
        )
        self.member.start(self.listener)

    @property
    def row(self) -> dict[str, Any]:
        return self.tables.rows[-1]

    def granted(self, number: int, watts: int, answers: int | None = None) -> Grant:
        seq = self.row["seq"] if answers is None else answers
        self.tables.grant = Grant(3, number, watts, (), self.tables.lives, seq)
        return self.tables.grant

    def poll(self, count: int = 1) -> None:
        for _ in range(count):
            self.clock.advance(1.0)


def test_it_says_what_it_needs_and_may_draw() -> None:
    hall = Hall()
    hall.committed_w = 4000
    hall.poll()

    assert hall.row["need"] == [[1, 18, 0, 9000]]
    assert (hall.row["held_w"], hall.row["applied"]) == (4000, -1)
    assert (hall.row["life"], hall.row["seq"], hall.row["epoch"]) == (1, 2, -1)


def test_a_grant_is_an_order_with_a_lease_that_ends_before_it() -> None:
    hall = Hall()
    hall.granted(1, 3000)
    hall.poll()
    (order,) = hall.listener.orders

    assert (order.source, order.watts, order.revert_w) == (
        "cluster",
        Watts(3000.0),
        Watts(500.0),
    )
    assert order.lease_s == hall.member.lease_s == Seconds(8.0)
    hall.poll()
    assert (hall.row["applied"], hall.row["held_w"], hall.row["epoch"]) == (1, 3000, 3)


def test_the_same_grant_renews_and_a_small_rise_costs_no_order() -> None:
    hall = Hall()
    hall.granted(1, 3000)
    hall.poll()
    hall.granted(2, 3010)
    hall.poll()

    assert [order.watts for order in hall.listener.orders] == [3000.0]
    assert hall.listener.renewed[-1:] == ["cluster"]
    hall.poll()
    assert hall.row["held_w"] == 3010


def test_every_lowering_is_handed_on() -> None:
    hall = Hall()
    hall.granted(1, 3000)
    hall.poll()
    hall.granted(2, 2999)
    hall.poll()

    assert [order.watts for order in hall.listener.orders] == [2999.0]


def test_an_answer_to_an_old_poll_renews_nothing() -> None:
    hall = Hall()
    hall.poll(5)
    hall.granted(1, 3000, answers=hall.row["seq"] - 3)
    hall.poll()

    assert not hall.listener.orders
    hall.poll()
    assert (hall.row["applied"], hall.row["epoch"]) == (-1, 3)  # but it knows who leads


def test_a_grant_for_another_life_is_not_taken() -> None:
    hall = Hall()
    hall.tables.grant = evolve(hall.granted(1, 3000), life=99)
    hall.poll(2)

    assert not hall.listener.orders


def test_what_the_hall_cannot_keep_is_not_held() -> None:
    hall = Hall()
    hall.listener.refuses = "it could not be written down"
    hall.granted(1, 3000)
    hall.poll(2)

    assert (hall.row["applied"], hall.row["held_w"]) == (-1, FLOOR)


def test_a_database_that_is_away_is_asked_again_and_the_grant_lapses() -> None:
    hall = Hall()
    hall.granted(1, 3000)
    hall.poll()
    hall.tables.is_away = True
    hall.poll(11)
    held = hall.member.held()
    hall.tables.is_away = False
    hall.poll()

    assert held is None
    assert hall.member.silent_for < 1.0
    assert (hall.row["applied"], hall.row["held_w"]) == (-1, FLOOR)


def test_who_has_the_instance_of_another_takes_no_part() -> None:
    hall = Hall()
    other = Hall()
    other.tables.owner = "b"
    other.member.stop  # noqa: B018
    other.member._tenure = None  # a start whose first poll finds it
    other.poll()

    assert hall.member.refusal == ""
    assert "another proxy's" in other.member.refusal


def test_a_changed_grant_is_read_at_once_and_said_at_once() -> None:
    hall = Hall()
    hall.clock.advance(0.2)
    hall.granted(1, 3000)
    hall.member.poll_soon()

    assert [order.watts for order in hall.listener.orders] == [3000.0]
    hall.clock.advance(0.1)
    hall.member.poll_soon()
    assert hall.row["applied"] == 1


def test_grants_and_their_lapse_are_noted_once() -> None:
    hall = Hall()
    notes: list[str] = []
    hall.member.note = lambda kind, _, __: notes.append(kind)
    hall.granted(1, 3000)
    hall.poll(2)
    hall.tables.is_away = True
    hall.poll(15)

    assert notes == ["grant", "lapse"]
    hall.tables.is_away = False
    hall.poll()
    hall.granted(2, 4000)
    hall.poll(2)
    assert notes == ["grant", "lapse", "grant"]
