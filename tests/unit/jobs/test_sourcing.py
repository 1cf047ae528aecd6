"""Which sources a group has open, and which one it hashes for."""

import pytest

from protocol.units import Seconds
from protocol.work.extranonce import Layout
from proxy.jobs.sourcing import Sourcing
from tests.builders import a_work
from tests.fakes.source import FakeSource

FAIL_BACK = Seconds(30.0)
START = Seconds(1000.0)


class Stage:
    """A group's sources, best first."""

    def __init__(self, count: int = 3, layout: Layout = Layout(4, 4)) -> None:  # noqa: B008
        self.sources = [FakeSource(f"pool{i}") for i in range(count)]
        self.sourcing = Sourcing.over(
            self.sources,
            site="hall-a",
            identity="rig1",
            space=3,
            layout=layout,
            fail_back=FAIL_BACK,
        )
        self.now = START

    def evaluate(self, after: float = 0.0) -> bool:
        self.now = Seconds(self.now + after)
        return self.sourcing.evaluate(self.now)

    def give(self, index: int, room: int = 8) -> None:
        """Let a source have work, if it is open."""
        for feed in self.sources[index].feeds.values():
            feed.work = a_work(source=f"pool{index}", extranonce2_size=room)
            feed.ready_since = self.now

    def take(self, index: int) -> None:
        for feed in self.sources[index].feeds.values():
            feed.work = None

    @property
    def open(self) -> list[bool]:
        return [bool(source.feeds) for source in self.sources]


def test_all_are_asked_until_one_has_work() -> None:
    stage = Stage()

    assert not stage.evaluate()

    assert stage.open == [True, True, True]
    assert stage.sourcing.source_name is None


def test_the_best_with_work_is_taken_and_one_kept_warm() -> None:
    stage = Stage()
    stage.evaluate()
    stage.give(0)

    assert stage.evaluate()

    assert stage.sourcing.source_name == "pool0"
    assert stage.open == [True, True, False]


def test_a_lost_one_is_left_at_once_for_the_next() -> None:
    stage = Stage()
    stage.evaluate()
    stage.give(0)
    stage.give(1)
    stage.evaluate()

    stage.take(0)

    assert stage.evaluate()
    assert stage.sourcing.source_name == "pool1"
    assert stage.open == [True, True, True]


def test_a_better_one_is_gone_back_to_once_it_has_held() -> None:
    stage = Stage(2)
    stage.evaluate()
    stage.give(1)
    stage.evaluate()
    stage.give(0)

    assert not stage.evaluate(FAIL_BACK - 1)
    assert stage.sourcing.fail_back_at == START + FAIL_BACK
    assert stage.evaluate(1)

    assert stage.sourcing.source_name == "pool0"


def test_one_that_cannot_be_used_counts_as_without_work() -> None:
    stage = Stage(2)
    stage.evaluate()
    stage.give(0)
    stage.give(1)
    stage.sources[0].unusable = "refused 40 of the last 50 shares"

    stage.evaluate()

    assert stage.sourcing.source_name == "pool1"


@pytest.mark.parametrize(("room", "fits"), [(7, False), (8, True), (12, True)])
def test_work_that_leaves_too_little_room_is_none(room: int, *, fits: bool) -> None:
    stage = Stage(1)
    stage.evaluate()
    stage.give(0, room)

    assert stage.evaluate() is fits
    assert stage.sourcing.lacks_room() is not fits


def test_the_last_one_stays_none_when_all_are_lost() -> None:
    stage = Stage(1)
    stage.evaluate()
    stage.give(0)
    stage.evaluate()
    stage.take(0)

    assert stage.evaluate()

    assert stage.sourcing.active is None
    assert stage.sourcing.feed is None
    assert stage.open == [True]


def test_only_a_source_that_wants_it_hears_the_worker() -> None:
    stage = Stage(2)
    stage.sources[1].per_worker = True
    stage.evaluate()

    identities = [key[1] for source in stage.sources for key in source.feeds]

    assert identities == ["", "rig1"]


@pytest.mark.parametrize(("room", "number"), [(4, 3), (5, 0), (8, 0)])
def test_spaces_share_a_connection_where_the_padding_tells_them_apart(
    room: int, number: int
) -> None:
    stage = Stage(1, Layout(1, 3))
    stage.sources[0].room = room
    stage.evaluate()

    assert [key[2] for key in stage.sources[0].feeds] == [number]


def test_another_room_is_another_connection() -> None:
    stage = Stage(1, Layout(1, 3))
    stage.sources[0].room = 8
    stage.evaluate()

    stage.sources[0].room = 4
    stage.evaluate()

    assert [key[2] for key in stage.sources[0].feeds] == [3]


def test_what_open_sources_offer_is_all_that_may_be_posted_again() -> None:
    stage = Stage(3)
    stage.evaluate()
    stage.give(0)
    stage.give(1)
    stage.evaluate()

    assert [work.source for work in stage.sourcing.offered()] == ["pool0", "pool1"]


def test_closing_lets_every_source_go_once() -> None:
    stage = Stage(2)
    stage.evaluate()
    stage.give(0)
    stage.evaluate()

    stage.sourcing.close_all()
    stage.sourcing.close_all()

    assert stage.open == [False, False]
    assert stage.sourcing.source_name is None
    assert stage.sourcing.feeds == ()
