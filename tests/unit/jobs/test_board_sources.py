"""Which source a board hashes for when what they offer changes."""

import pytest

from protocol.units import WorkerName
from proxy.jobs.group import Group
from tests.builders import a_work
from tests.conftest import FlushFailures
from tests.fakes.board import SeatedMiner
from tests.fakes.hall import Hall


def a_hall(sources: int) -> Hall:
    """Return a site of one group, all of whose sources have work."""
    hall = Hall(sources=sources)
    seat = hall.board.slots.acquire()
    assert seat is not None
    assert hall.board.find_group(seat, WorkerName("rig")) is not None
    for source in hall.sources:
        source.post()
    hall.board.tick()
    return hall


def source_of(hall: Hall) -> str | None:
    (group,) = hall.board.groups
    return group.sourcing.source_name


def shrink(hall: Hall) -> None:
    """Have the pool in use leave less room than the layout needs."""
    pool = hall.sources[0]
    pool.room = 4
    (feed,) = pool.feeds.values()
    feed.work = a_work(source=pool.name, session=9, extranonce2_size=4)
    hall.board.work_arrived(feed)


def test_work_with_too_little_room_moves_the_site_to_the_next_source() -> None:
    hall = a_hall(2)
    shrink(hall)

    assert source_of(hall) == "pool1"
    (group,) = hall.board.groups
    assert group.current is not None
    assert group.current.job.work.source == "pool1"


def test_work_with_too_little_room_is_not_posted_where_there_is_no_other() -> None:
    hall = a_hall(1)
    (group,) = hall.board.groups
    before = group.current
    shrink(hall)

    assert source_of(hall) is None
    assert group.current is before


def test_a_doubted_source_is_left_for_another_and_gone_back_to_afterwards() -> None:
    hall = a_hall(2)
    hall.sources[0].doubt = "refused 40 of the last 50 shares"
    hall.board.tick()
    assert source_of(hall) == "pool1"

    hall.sources[0].doubt = ""
    hall.clock.advance(31)
    hall.board.tick()
    assert source_of(hall) == "pool0"


def test_the_last_source_is_not_left_for_a_doubt() -> None:
    hall = a_hall(1)
    hall.sources[0].doubt = "refused 40 of the last 50 shares"
    hall.board.tick()

    assert source_of(hall) == "pool0"


def test_every_source_is_opened_while_the_one_in_use_is_doubted() -> None:
    hall = a_hall(3)
    hall.sources[1].lose()
    assert not hall.sources[2].feeds
    hall.sources[0].doubt = "refused 40 of the last 50 shares"
    hall.board.tick()
    assert hall.sources[2].feeds

    hall.sources[2].post()
    assert source_of(hall) == "pool2"


def test_news_of_a_source_that_cannot_be_used_any_more_are_not_posted() -> None:
    hall = a_hall(2)
    pool = hall.sources[0]
    pool.unusable = "would void rolled shares: its version mask is 00000000"
    pool.post(source_job="up2")

    assert source_of(hall) == "pool1"
    (group,) = hall.board.groups
    assert group.current is not None
    assert group.current.job.work.source == "pool1"


def test_a_job_is_handed_out_though_the_look_at_its_group_failed_later(
    monkeypatch: pytest.MonkeyPatch, flush_failures: FlushFailures
) -> None:
    hall = Hall(sources=2)
    miner = SeatedMiner(hall.board, "rig")
    for source in hall.sources:
        source.post()
    hall.board.tick()
    (group,) = [g for g in hall.board.groups if g.members]
    hall.sources[0].lose()
    had = len(miner.jobs)
    hall.sources[0].post()
    hall.clock.advance(31)
    monkeypatch.setattr(Group, "retire", lambda *_: 1 / 0)
    hall.board.tick()  # it goes back to the better source, and fails then

    assert flush_failures(ZeroDivisionError)
    assert group.current is not None
    assert miner.jobs[-1] is group.current.job
    assert len(miner.jobs) > had
