from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from protocol.units import UnixTime
from proxy.power.control.wall_clock import SteadyClock
from proxy.signals.schedule import ScheduleError
from proxy.signals.schedule_source import (
    AHEAD,
    LOOK_EVERY,
    MAX_GIVEN,
    RENEW,
    RETRY,
    ScheduleFile,
    ScheduleSource,
)
from tests.fakes.signal_listener import FakeListener

NOON = 1_764_000_000.0 - 1_764_000_000.0 % 86_400 + 43_200
DAILY = '[[weekly]]\nstart = "17:00:00"\nend = "20:00:00"\nwatts = {}\n'


class Desk:
    """A schedule in a file, and who listens to it."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        path.write_text(text)
        self.clock = Clock()
        self.listener = FakeListener()
        self.wall_clock = SteadyClock(self.now, self.clock.seconds)
        self.source = ScheduleSource(
            "hall-a",
            "plan",
            ScheduleFile(path),
            self.clock,
            self.wall_clock,
        )

    def now(self) -> UnixTime:
        return UnixTime(NOON + self.clock.seconds())

    def start(self) -> None:
        self.source.start(self.listener)

    def stop(self) -> None:
        self.stopped = Deferred.fromCoroutine(self.source.stop())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "plan.toml", DAILY.format(2e6))


def test_a_schedule_is_handed_on_as_orders_with_their_times(desk: Desk) -> None:
    desk.start()
    desk.stop()

    assert desk.listener.watts_at(NOON + 4 * 3600) is None
    assert desk.listener.watts_at(NOON + 6 * 3600) == 2e6
    assert desk.listener.watts_at(NOON + 30 * 3600) == 2e6
    assert {o.source for o in desk.listener.orders} == {"plan"}
    assert {o.lease_s for o in desk.listener.orders} == {None}
    assert desk.source.lease_s is None


@pytest.mark.parametrize("offset", ["", "-05:00"])
def test_a_schedule_may_hold_until_the_last_day_of_all_calendars(
    tmp_path: Path, offset: str
) -> None:
    text = (
        'time_zone = "America/New_York"\n[[entries]]\nstart = "2020-01-01T00:00:00"\n'
        f'end = "9999-12-31T23:59:59{offset}"\nwatts = 2e6\n'
    )
    desk = Desk(tmp_path / "plan.toml", text)
    desk.start()
    desk.stop()

    assert desk.listener.watts_at(NOON) == 2e6


def test_a_changed_file_replaces_what_was_said(desk: Desk) -> None:
    desk.start()
    desk.path.write_text(DAILY.format(1e6))
    desk.clock.pump([LOOK_EVERY] * 2)
    desk.stop()

    assert {o.watts for o in desk.listener.orders} == {1e6}


def test_a_file_that_breaks_changes_nothing_and_is_read_once_it_is_mended(
    desk: Desk,
) -> None:
    desk.start()
    before = desk.listener.orders
    desk.path.write_text("watts = everything")
    desk.clock.pump([LOOK_EVERY] * 3)
    broken = desk.listener.orders
    desk.path.unlink()
    desk.clock.advance(LOOK_EVERY)
    gone = desk.listener.orders
    desk.path.write_text(DAILY.format(1e6))
    desk.clock.pump([LOOK_EVERY] * 2)
    desk.stop()

    assert broken == before
    assert gone == before
    assert {o.watts for o in desk.listener.orders} == {1e6}


def test_a_file_that_is_being_written_is_left_until_it_is_done(desk: Desk) -> None:
    desk.start()
    before = desk.listener.orders
    whole = DAILY.format(1e6) + DAILY.format(5e5)
    for size in (0, len(whole) // 2, len(whole)):
        desk.path.write_text(whole[:size])
        desk.clock.advance(LOOK_EVERY)
    written = desk.listener.orders
    desk.clock.advance(LOOK_EVERY)
    desk.stop()

    assert written == before
    assert {o.watts for o in desk.listener.orders} == {5e5}


@pytest.mark.parametrize("text", ["", "# nothing yet\n", 'time_zone = "UTC"\n'])
def test_an_empty_file_changes_nothing(desk: Desk, text: str) -> None:
    desk.start()
    before = desk.listener.orders
    desk.path.write_text(text)
    desk.clock.pump([LOOK_EVERY] * 3)
    desk.stop()

    assert desk.listener.orders == before


def test_a_file_that_says_that_there_is_nothing_is_believed(desk: Desk) -> None:
    desk.start()
    desk.path.write_text("entries = []\n")
    desk.clock.pump([LOOK_EVERY] * 2)
    desk.stop()

    assert desk.listener.orders == []


def test_a_schedule_that_is_refused_leaves_what_was_said_and_is_given_again(
    desk: Desk,
) -> None:
    desk.start()
    before = desk.listener.orders
    desk.listener.refuses = "it could not be written down"
    desk.path.write_text(DAILY.format(1e6))
    desk.clock.pump([LOOK_EVERY] * 3)
    refused = desk.listener.orders
    desk.listener.refuses = ""
    desk.clock.pump([LOOK_EVERY] * int(RETRY / LOOK_EVERY + 1))
    desk.stop()

    assert refused == before
    assert {o.watts for o in desk.listener.orders} == {1e6}


def test_of_a_dense_schedule_no_more_is_given_than_is_taken(desk: Desk) -> None:
    times = [NOON + at * 15 for at in range(2 * MAX_GIVEN)]
    zulu = [datetime.fromtimestamp(t, UTC).isoformat() for t in times]
    rows = [f"{a},{b},{n}" for n, (a, b) in enumerate(pairwise(zulu))]
    path = desk.path.with_suffix(".csv")
    dense = Desk(path, "\n".join(["start,end,watts", *rows]))
    dense.start()
    at_first = len(dense.listener.orders)
    dense.clock.pump([3600.0] * 16)
    ahead = [o for o in dense.listener.orders if not o.has_ended(dense.now())]
    dense.clock.pump([3600.0] * 16)
    dense.stop()

    assert at_first == len(ahead) == MAX_GIVEN
    for n in (0, MAX_GIVEN, len(rows) - 1):
        assert dense.listener.watts_at(NOON + n * 15) == n


def test_time_passing_brings_new_orders_and_replaces_none(desk: Desk) -> None:
    desk.start()
    desk.clock.pump([3600.0] * 24 * 6)
    desk.stop()

    assert desk.listener.replaced == ["plan"]  # at the start alone
    for day in range(7):
        assert desk.listener.watts_at(NOON + day * 86_400 + 6 * 3600) == 2e6
    seqs = [o.seq for o in desk.listener.orders]
    assert seqs == sorted(set(seqs))
    last = max(o.expires or 0.0 for o in desk.listener.orders)
    assert last > desk.now() + RENEW - 24 * 3600
    assert last <= desk.now() + AHEAD


def test_in_doubt_of_the_time_a_schedule_is_given_for_both(desk: Desk) -> None:
    far = 100 * 86_400.0
    desk.wall_clock.never_before(UnixTime(NOON + far))
    desk.start()
    desk.clock.pump([3600.0] * 24 * 3)
    desk.stop()

    for begin in (NOON, NOON + far):
        at = begin + 3 * 86_400
        assert desk.listener.watts_at(at + 6 * 3600) == 2e6
        assert desk.listener.watts_at(at + 9 * 3600) is None
    assert len(desk.listener.orders) <= 6, "those of days ago are not kept"


def test_a_source_that_starts_again_gives_orders_that_are_taken(desk: Desk) -> None:
    desk.start()
    desk.stop()
    desk.clock.advance(60)
    again = ScheduleSource(
        "hall-a",
        "plan",
        ScheduleFile(desk.path),
        desk.clock,
        desk.wall_clock,
    )
    again.start(desk.listener)
    stopped = Deferred.fromCoroutine(again.stop())
    assert stopped.called

    assert desk.listener.watts_at(NOON + 6 * 3600) == 2e6


def test_a_stopped_source_says_nothing_more(desk: Desk) -> None:
    desk.start()
    desk.stop()
    before = desk.listener.orders
    desk.path.write_text(DAILY.format(1e6))
    desk.clock.advance(100)

    assert desk.listener.orders == before
    assert not desk.clock.getDelayedCalls()


def test_an_unusable_file_stops_the_start_and_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScheduleError, match=r"plan\.toml: No such file"):
        ScheduleSource(
            "hall-a",
            "plan",
            ScheduleFile(tmp_path / "plan.toml"),
            Clock(),
            SteadyClock(lambda: UnixTime(NOON), lambda: 0.0),
        )
