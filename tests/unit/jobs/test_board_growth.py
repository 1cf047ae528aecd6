"""What a block and a second cost a site with many groups, by counted work."""

from collections.abc import Callable

import pytest

from protocol.units import WorkerName
from protocol.work.extranonce import Layout
from proxy.jobs.feed import Feed
from proxy.jobs.schedule import AT_ONCE
from tests.builders import a_work
from tests.fakes.board import SeatedMiner
from tests.fakes.hall import Hall
from tests.growth import TWICE, growth, instructions


def per_worker_hall(workers: int) -> Hall:
    """Return a site whose pool wants a connection for each worker; all have work."""
    hall = Hall(Layout(4, 4), per_worker=True)
    (source,) = hall.sources
    for number in range(workers):
        SeatedMiner(hall.board, f"rig{number}")
    source.post()
    settle(hall)
    return hall


def narrow_hall(miners: int) -> Hall:
    """Return a site of 256 miners a group, on one connection."""
    hall = Hall(Layout(1, 3))
    for number in range(miners):
        SeatedMiner(hall.board, f"rig{number}")
    hall.sources[0].post()
    settle(hall)
    return hall


def settle(hall: Hall) -> None:
    """Let the board be done with what it began."""
    hall.board.tick()
    while hall.clock.getDelayedCalls():
        hall.clock.advance(0)


def feed_of(hall: Hall) -> Feed:
    return next(iter(hall.sources[0].feeds.values()))


def test_new_work_of_one_feed_costs_the_same_however_many_feeds_there_are() -> None:
    def work_of_one(hall: Hall) -> int:
        feed = feed_of(hall)
        feed.work = a_work(extranonce2_size=8, session=1, prev_hash=b"\1" * 32)
        return instructions(lambda: hall.board.work_arrived(feed))

    few, many = work_of_one(per_worker_hall(10)), work_of_one(per_worker_hall(400))

    assert many < 1.1 * few


def test_work_like_the_last_is_no_reason_to_choose_a_source_anew() -> None:
    def cost(room: int) -> int:
        hall = per_worker_hall(1)
        feed = feed_of(hall)
        feed.work = a_work(extranonce2_size=room, session=feed.session)
        return instructions(lambda: hall.board.work_arrived(feed))

    assert cost(8) < 0.8 * cost(9)


def test_a_lost_feed_costs_the_same_however_many_feeds_there_are() -> None:
    def loss_of_one(hall: Hall) -> int:
        feed = feed_of(hall)
        session, feed.work = feed.session, None
        return instructions(lambda: hall.board.feed_lost(feed, session))

    few, many = loss_of_one(per_worker_hall(10)), loss_of_one(per_worker_hall(400))

    assert many < 1.1 * few


@pytest.mark.parametrize("build", [per_worker_hall, narrow_hall])
def test_a_block_costs_twice_as_much_for_twice_as_many(
    build: Callable[[int], Hall],
) -> None:
    def a_block(size: int) -> Callable[[], None]:
        hall = build(size)
        return lambda: hall.sources[0].post(prev_hash=b"\1" * 32)

    assert growth(a_block, 256) <= TWICE


def test_a_second_costs_the_same_where_nothing_happens() -> None:
    few, many = per_worker_hall(10), per_worker_hall(400)

    assert instructions(many.board.tick) == instructions(few.board.tick)


def test_a_newcomer_costs_the_same_however_many_groups_there_are() -> None:
    def newcomer(hall: Hall) -> int:
        seat = hall.board.slots.acquire()
        assert seat is not None
        worker = WorkerName("newcomer")
        return instructions(lambda: hall.board.find_group(seat, worker))

    assert newcomer(per_worker_hall(400)) < 1.1 * newcomer(per_worker_hall(10))


def test_what_comes_due_for_many_groups_at_once_is_done_in_slices() -> None:
    hall = per_worker_hall(3 * AT_ONCE)
    hall.clock.advance(31)
    before = hall.board.last_seq
    hall.board.tick()
    at_once = hall.board.last_seq - before
    settle(hall)

    assert at_once == AT_ONCE
    assert hall.board.last_seq - before == len(hall.board.groups) == 3 * AT_ONCE
