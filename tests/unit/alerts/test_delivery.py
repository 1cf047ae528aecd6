"""A receiver is told the difference between what it knows and what stands."""

from collections.abc import Sequence

import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from twisted.internet.defer import Deferred

from protocol.units import Seconds, UnixTime
from proxy.alerts.alarm import Alarm, Severity
from proxy.alerts.delivery import (
    FIRST_RETRY,
    GATHERED,
    KEPT,
    LAST_RETRY,
    MAX_KEPT,
    SETTLING,
    UNDELIVERED_AFTER,
    Delivery,
    DeliveryError,
    Notice,
    Wants,
)

WALL = 1_700_000_000.0
REPEAT = 14400.0
TRIP = Alarm("trip", "hall-a", "critical", "above the budget", (), 0, WALL)
DOWN = Alarm("pool_down", "", "warning", "a pool is away", ("main",), 1, WALL)


@define
class Inbox:
    """Takes what it is sent while it is up."""

    is_up: bool = True
    heard: list[tuple[str, str]] = field(factory=list)
    tries: int = 0
    fault: Exception | None = None

    async def send(self, notices: Sequence[Notice]) -> None:
        self.tries += 1
        if self.fault is not None:
            raise self.fault
        if not self.is_up:
            raise DeliveryError("status 503")
        self.heard += [(n.change, n.alarm.kind) for n in notices]


@define
class Desk:
    """A delivery to an inbox, and its clock."""

    inbox: Inbox = field(factory=Inbox)
    least: Severity = Severity.WARNING
    sites: frozenset[str] = frozenset()
    now: float = 0.0
    delivery: Delivery = field(init=False)

    def __attrs_post_init__(self) -> None:
        wants = Wants(self.least, self.sites, Seconds(REPEAT))
        self.delivery = Delivery("desk", wants, self.inbox, Seconds(0.0))

    def live(self, seconds: float, *standing: Alarm) -> None:
        end = self.now + seconds
        while self.now < end:
            now, wall = Seconds(self.now), UnixTime(WALL + self.now)
            notices = self.delivery.due(standing, now, wall)
            if notices:
                _ = Deferred.fromCoroutine(self.delivery.send(notices, now, wall))
            self.now += 1.0

    def end(self, alarm: Alarm) -> None:
        self.delivery.has_ended(replace(alarm, ended=WALL + self.now))


def test_what_begins_together_is_one_message_and_ends_in_another() -> None:
    desk = Desk()
    desk.live(2, TRIP)
    desk.live(20, TRIP, DOWN)
    assert desk.inbox.heard == [("begins", "trip"), ("begins", "pool_down")]
    assert desk.inbox.tries == 1
    desk.end(TRIP)
    desk.live(20, DOWN)
    assert desk.inbox.heard[2:] == [("cleared", "trip")]


def test_it_is_told_again_only_after_the_time_that_was_asked_for() -> None:
    desk = Desk()
    desk.live(REPEAT - 1, TRIP)
    assert desk.inbox.heard == [("begins", "trip")]
    desk.live(2 * GATHERED + 10, TRIP)
    assert desk.inbox.heard == [("begins", "trip"), ("still", "trip")]


def test_twice_as_many_behind_an_alarm_are_worse() -> None:
    desk = Desk()
    desk.live(10, DOWN)
    desk.live(10, replace(DOWN, names=("a", "b"), count=2))
    assert desk.inbox.heard == [("begins", "pool_down"), ("worse", "pool_down")]


@pytest.mark.parametrize(
    ("least", "sites", "heard"),
    [
        (Severity.CRITICAL, frozenset(), ["trip"]),
        (Severity.INFO, frozenset({"hall-b"}), ["pool_down"]),
        (Severity.INFO, frozenset({"hall-a"}), ["trip", "pool_down"]),
    ],
)
def test_it_hears_what_it_wants(
    least: Severity, sites: frozenset[str], heard: list[str]
) -> None:
    desk = Desk(least=least, sites=sites)
    desk.live(20, TRIP, DOWN)
    assert [kind for _, kind in desk.inbox.heard] == heard


def test_one_that_was_away_learns_how_things_are() -> None:
    desk = Desk(Inbox(is_up=False))
    desk.live(60, TRIP, DOWN)
    desk.end(TRIP)
    desk.live(3600, DOWN)
    tries = desk.inbox.tries
    assert 3660 / LAST_RETRY < tries < 3660 / LAST_RETRY + 10
    desk.inbox.is_up = True
    desk.live(LAST_RETRY + 1, DOWN)
    assert desk.inbox.heard == [("cleared", "trip"), ("begins", "pool_down")]
    assert desk.delivery.reason == ""


def test_what_is_over_for_a_day_is_let_go_and_counted() -> None:
    desk = Desk(Inbox(is_up=False))
    desk.end(TRIP)
    desk.live(10)
    desk.now += KEPT
    desk.inbox.is_up = True
    desk.live(LAST_RETRY + 10)
    assert desk.inbox.heard == []
    assert desk.delivery.dropped == 1


def test_what_is_kept_for_one_that_is_away_is_bounded() -> None:
    desk = Desk(Inbox(is_up=False))
    for n in range(MAX_KEPT + 5):
        desk.end(replace(TRIP, site=f"hall-{n}"))
    assert desk.delivery.dropped == 5
    assert len(desk.delivery.due((), Seconds(0.0), UnixTime(WALL))) == 0
    assert len(desk.delivery.due((), GATHERED, UnixTime(WALL))) == MAX_KEPT


def test_a_lost_packet_is_no_alarm_for_others_and_a_minute_is() -> None:
    desk = Desk(Inbox(is_up=False))
    desk.live(GATHERED + 2, TRIP)
    assert not desk.delivery.is_undelivered(Seconds(GATHERED + FIRST_RETRY))
    desk.live(UNDELIVERED_AFTER + GATHERED, TRIP)
    assert desk.delivery.is_undelivered(Seconds(desk.now))
    desk.inbox.is_up = True
    desk.live(LAST_RETRY, TRIP)
    assert not desk.delivery.is_undelivered(Seconds(desk.now))


def test_a_fault_of_ours_backs_off_as_well() -> None:
    desk = Desk(Inbox(fault=UnicodeError("label too long")))
    desk.live(300, TRIP)
    assert desk.inbox.tries < 10
    assert "label too long" in desk.delivery.reason
    assert desk.delivery.is_undelivered(Seconds(desk.now))


def test_after_a_restart_nothing_is_told_twice_and_what_is_over_is_said() -> None:
    first = Desk()
    first.live(20, TRIP, DOWN)
    again = Desk()
    again.delivery.told = first.delivery.told
    again.live(SETTLING - 1, TRIP)  # the pool is not known to be away yet
    assert again.inbox.heard == []
    again.live(20, TRIP)
    assert again.inbox.heard == [("cleared", "pool_down")]


spans = st.lists(
    st.tuples(st.integers(0, 400), st.integers(1, 400)), min_size=1, max_size=4
)


@given(spans, st.lists(st.booleans(), min_size=10, max_size=10))
def test_in_the_end_it_knows_what_stands(
    stands: list[tuple[int, int]], is_up: list[bool]
) -> None:
    desk = Desk()
    alarms = [replace(TRIP, site=f"hall-{n}") for n in range(len(stands))]
    for second in range(1000):
        desk.inbox.is_up = is_up[second // 100]
        now = []
        for alarm, (at, lasts) in zip(alarms, stands, strict=True):
            if at <= second < at + lasts:
                now.append(alarm)
            elif second == at + lasts:
                desk.end(alarm)
        desk.live(1, *now)
    desk.inbox.is_up = True
    desk.live(2 * LAST_RETRY)
    assert desk.delivery.told == {}
    ends = sum(change == "cleared" for change, _ in desk.inbox.heard)
    assert ends == len(stands)  # each was told, and so was its end
