"""Whoever comes and goes, and whatever sources do: nobody hashes what another has.

A pool of several connections, each with an extranonce1 of its own, a node that serves
all by one coinbase, and miners on routes with and without a connection for each worker.
"""

from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from twisted.internet.task import Clock
from typing_extensions import override

from protocol.units import Seconds
from protocol.work.extranonce import Layout
from protocol.work.job import Job, Work
from proxy.jobs.board import JobBoard
from proxy.jobs.feed import Feed
from proxy.jobs.live import MAX_JOBS, MAX_WORKS
from proxy.jobs.routes import Route, Routes
from proxy.jobs.slot_allocator import SlotAllocator
from tests.builders import a_work
from tests.fakes.board import SeatedMiner
from tests.fakes.source import FakeSource

WORKERS = ["a", "b", "tenant.1", "tenant.2"]
START = 1_700_000_000

Key = tuple[str, str, int]
EXTRANONCES, SESSIONS = count(1), count(1)


class Pool(FakeSource):
    """Gives each connection an extranonce1 of its own; a node gives all the same."""

    def __init__(self, name: str, room: int, *, is_node: bool) -> None:
        super().__init__(name, room)
        self.is_node = is_node
        self.extranonces: dict[Key, bytes] = {}

    @override
    def open(self, site: str, identity: str, number: int) -> Feed:
        key = ("", "", 0) if self.is_node else (site, identity, number)
        if key not in self.feeds:
            self.extranonces[key] = next(EXTRANONCES).to_bytes(4, "big")
        return super().open(*key)

    @override
    def close(self, site: str, identity: str, number: int) -> None:
        if not self.is_node:
            super().close(site, identity, number)

    def tell(self, now: float, block: int, job: int) -> None:
        for key, feed in list(self.feeds.items()):
            fields: dict[str, Any] = {
                "source": self.name,
                "source_job": str(job),
                "prev_hash": block.to_bytes(32, "big"),
                "merkle_branch": (job.to_bytes(32, "big"),),
                "extranonce1": self.extranonces[key],
                "extranonce2_size": self.room,
                "ntime": START + int(now),
                "max_ntime": START + int(now) + 7000,
                "session": feed.session or next(SESSIONS),
                "clean": False,
            }
            if feed.work is None:
                feed.ready_since = Seconds(now)
            feed.work = Work(**self._fields(fields))
            assert self.listener is not None
            self.listener.work_arrived(feed)

    @staticmethod
    def _fields(changes: dict[str, Any]) -> dict[str, Any]:
        usual = a_work()
        names = usual.__struct_fields__
        return {name: getattr(usual, name) for name in names} | changes


class SiteLife(RuleBasedStateMachine):
    """A site of one layout; its subclasses say which."""

    layout = Layout(1, 3)

    @initialize(padded=st.booleans())
    def begin(self, *, padded: bool) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        room = self.layout.room
        self.pool = Pool("pool", room + 4 * padded, is_node=False)
        self.tenants = Pool("tenants", room, is_node=False)
        self.tenants.per_worker = True
        self.node = Pool("node", 12, is_node=True)
        self.sources = [self.pool, self.tenants, self.node]
        routes = [
            Route("tenant.*", (self.tenants, self.node)),
            Route("b", (self.node,)),
            Route("*", (self.pool, self.node)),
        ]
        self.board = JobBoard(
            "hall-a",
            Routes(routes),
            SlotAllocator(tuple(self.sources), fixed=self.layout),
            self.clock,
            Seconds(30.0),
        )
        for source in self.sources:
            source.listener = self.board
        self.board.start()
        self.block = self.job = 0
        self.miners: list[SeatedMiner] = []
        self.owners: dict[tuple[Any, ...], SeatedMiner] = {}
        self.noted: dict[SeatedMiner, int] = {}
        self.news()

    @rule()
    def news(self) -> None:
        """Each source has something new, on the same block."""
        self.job += 1
        for source in self.sources:
            source.tell(self.clock.seconds(), self.block, self.job)

    @rule(again=st.integers(1, 5))
    def the_same_once_more(self, again: int) -> None:
        for source in self.sources:
            for feed in list(source.feeds.values()):
                for _ in range(again if feed.work else 0):
                    assert source.listener is not None
                    source.listener.work_arrived(feed)

    @rule()
    def a_block(self) -> None:
        self.block += 1
        self.news()

    @rule(which=st.integers(0, 2))
    def a_source_is_lost(self, which: int) -> None:
        self.sources[which].lose()

    @rule(which=st.integers(0, 2))
    def a_source_cannot_be_used(self, which: int) -> None:
        source = self.sources[which]
        source.unusable = "" if source.unusable else "refused"

    @rule(worker=st.sampled_from(WORKERS), number=st.sampled_from([1, 1, 3, 300]))
    def miners_come(self, worker: str, number: int) -> None:
        self.miners += [SeatedMiner(self.board, worker) for _ in range(number)]

    @rule(data=st.data(), number=st.sampled_from([1, 1, 5, 400]))
    def miners_go(self, data: st.DataObject, number: int) -> None:
        for _ in range(min(number, len(self.miners))):
            index = data.draw(st.integers(0, len(self.miners) - 1)) if number < 9 else 0
            self.miners.pop(index).leave()

    @rule(worker=st.sampled_from(WORKERS), times=st.sampled_from([10, 300]))
    def one_comes_again_and_again(self, worker: str, times: int) -> None:
        for time in range(times):
            miner = SeatedMiner(self.board, worker)
            self.note(miner)
            miner.leave()
            if time % 40 == 0:
                self.time_passes(1)

    @rule()
    def somebody_wants_a_revision(self) -> None:
        for miner in self.miners[:3]:
            self.board.want_revision(miner, miner.group)

    @rule(seconds=st.sampled_from([1, 2, 12, 40, 200]))
    def time_passes(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.advance(1)
            self.board.tick()
            while self.clock.getDelayedCalls():
                self.clock.advance(0)
        if seconds > 100:
            self.news()  # no source keeps silent for ten minutes and stays in use

    @invariant()
    def nobody_hashes_what_another_has(self) -> None:
        for miner in getattr(self, "miners", ()):
            self.note(miner)

    @invariant()
    def what_a_group_keeps_is_bounded(self) -> None:
        for group in self.board.groups if hasattr(self, "board") else ():
            assert len(group.live) <= MAX_JOBS
            assert len({id(e.job.work) for e in group.live.values()}) <= MAX_WORKS

    def note(self, miner: SeatedMiner) -> None:
        for job in miner.jobs[self.noted.get(miner, 0) :]:
            place = space_of(job, miner)
            assert place not in self.owners, (
                f"{job.id}: {miner.held_slot.extranonce1.hex()}"
            )
            self.owners[place] = miner
        self.noted[miner] = len(miner.jobs)

    @override
    def teardown(self) -> None:
        if not hasattr(self, "board"):
            return
        for miner in self.miners:
            miner.leave()
        self.a_block()
        for source in self.sources:
            source.unusable = ""
        self.time_passes(12)
        self.a_block()
        self.time_passes(60)

        groups = self.board.groups
        assert len(groups) == 2, "one for each route that shares connections"
        assert not self.tenants.feeds
        assert len(self.pool.feeds) == 1
        assert not any(group.members for group in groups)


def space_of(job: Job, miner: SeatedMiner) -> tuple[Any, ...]:
    """Return what `miner` searches by `job`: no two have the same."""
    work = job.work
    return (
        work.prev_hash,
        work.merkle_branch,
        job.coinb1 + miner.held_slot.extranonce1,
        work.coinb2,
        job.ntime,
    )


class NarrowLife(SiteLife):
    pass


class MiddleLife(SiteLife):
    layout = Layout(2, 3)


class WideLife(SiteLife):
    layout = Layout(4, 4)


@pytest.mark.parametrize("life", [NarrowLife, MiddleLife, WideLife])
def test_no_two_miners_ever_search_the_same_space(life: type[SiteLife]) -> None:
    run_state_machine_as_test(
        life,
        settings=settings(
            max_examples=30,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
