"""A layout that changes while groups are looked at: what it closes stays closed."""

import pytest
from twisted.internet.task import Clock

from protocol.units import Seconds, WorkerName
from protocol.work.extranonce import Layout
from proxy.jobs.board import JobBoard
from proxy.jobs.group import Group
from proxy.jobs.routes import Route, Routes
from proxy.jobs.slot_allocator import SlotAllocator
from tests.builders import a_work
from tests.fakes.board import QuietMiner, SeatedMiner, Site
from tests.fakes.source import FakeSource


class AutoSite:
    """A board that cuts by what its sources leave, with a tenant's route first."""

    def __init__(self, *sources: FakeSource) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        routes = [Route("acme.*", sources), Route("*", sources)]
        self.board = JobBoard(
            "hall-a", Routes(routes), SlotAllocator(sources), self.clock, Seconds(30.0)
        )
        for source in sources:
            source.listener = self.board
        self.board.start()

    def pass_time(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.advance(1)
            self.board.tick()
            while any(c.getTime() <= self.clock.seconds() for c in self.clock.calls):
                self.clock.advance(0)


def test_a_room_that_falls_closes_an_empty_route_and_ends_no_loop() -> None:
    source = FakeSource()
    site = AutoSite(source)
    source.post()
    miner = SeatedMiner(site.board, "rig1")
    source.room = 4
    site.board.room_known()

    source.post()

    assert site.board.source_choice.to_reconnect == [miner]
    source.post()  # to the connections of the new layout
    assert site.board.source_name == "main"


def test_what_a_look_closes_is_not_looked_at_again() -> None:
    best, backup = FakeSource("best"), FakeSource("backup")
    backup.room = None
    site = AutoSite(best, backup)
    best.post()
    site.pass_time(3)
    SeatedMiner(site.board, "acme.1")
    best.post()
    backup.room = 4
    backup.post()
    site.pass_time(3)
    best.unusable = "left"

    site.pass_time(100)  # a look that fails would be logged: the test would fail

    open_now = set(site.board.groups)
    assert set(site.board._groups._feeds) == open_now
    users = sum(backup._users.values())
    assert users == sum(len(g.sourcing.feeds) - 1 for g in open_now)


def a_proxy(board: JobBoard, source: FakeSource) -> tuple[QuietMiner, Group]:
    seat = board.slots.acquire(6, (source,))
    assert seat is not None
    found = board.find_group(seat, WorkerName("proxy"))
    assert found is not None
    miner = QuietMiner()
    board.join(miner, found[0])
    return miner, found[0]


def test_a_source_that_leaves_enough_again_asks_no_proxy_to_reconnect() -> None:
    site = Site(Layout(2, 3)).start()
    site.source.room = 8
    site.source.post()
    first, group = a_proxy(site.board, site.source)
    site.source.room = 5
    site.source.post()
    assert site.board.source_choice.to_reconnect == [first]
    site.board.source_choice.to_reconnect = []

    site.source.room = 8
    site.source.post()
    _, again = a_proxy(site.board, site.source)

    assert again is group
    assert not group.must_reconnect
    assert site.board.source_choice.to_reconnect == []


def test_stale_work_has_no_revision() -> None:
    site = Site().start()
    miner = site.miner()
    site.source.post()
    group = miner.group
    site.clock.advance(5)
    group.tip_moved(
        a_work(session=group.sourcing.feed.work.session, prev_hash=b"\7" * 32),  # type: ignore[union-attr]
        site.now,
    )
    jobs = len(miner.jobs)

    site.board.want_revision(miner, group)

    assert len(miner.jobs) == jobs


def test_a_layout_in_use_is_not_looked_at_for_each_who_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = FakeSource()
    site = AutoSite(source)
    assert site.board.layout.is_decided()
    SeatedMiner(site.board, "rig1")
    looks: list[Seconds] = []
    monkeypatch.setattr(SlotAllocator, "update", lambda _, now: looks.append(now))

    assert site.board.layout.is_decided()
    assert not looks
    site.board.tick()
    assert looks
