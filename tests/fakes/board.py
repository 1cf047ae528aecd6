"""A board in memory: sources moved by hand, miners that note their jobs."""

from collections.abc import Callable

from twisted.internet.task import Clock
from typing_extensions import override

from protocol.units import Seconds, WorkerName
from protocol.work.extranonce import Layout
from protocol.work.job import Job
from proxy.jobs.board import JobBoard
from proxy.jobs.group import Group
from proxy.jobs.routes import Route, Routes
from proxy.jobs.slot_allocator import SlotAllocator
from proxy.jobs.space import HeldSlot
from tests.fakes.source import FakeSource


class QuietMiner:
    """A miner that notes its jobs.

    Attributes:
        on_job: Called with itself at each.
        dropped: Why it was hung up on, each time.
    """

    def __init__(self) -> None:
        self.is_granted = True
        self.last_seq: int | None = None
        self.hashrate_class = 0
        self.jobs: list[Job] = []
        self.on_job: Callable[[QuietMiner], object] = lambda _: None
        self.dropped: list[str] = []

    def assign(self, job: Job, line: bytes) -> None:
        del line
        self.last_seq = job.seq
        self.jobs.append(job)
        self.on_job(self)

    def reroute(self) -> None:
        raise AssertionError

    def ask_to_reconnect(self) -> None:
        raise AssertionError

    def drop(self, why: str) -> None:
        self.dropped.append(why)


class SeatedMiner(QuietMiner):
    """One that has a seat in a group of a board."""

    def __init__(self, board: JobBoard, worker: str) -> None:
        super().__init__()
        self.board = board
        self.worker = worker
        seat = board.slots.acquire()
        assert seat is not None
        found = board.find_group(seat, WorkerName(worker))
        assert found is not None
        self.group: Group = found[0]
        self.held_slot: HeldSlot = found[1]
        board.join(self, self.group)

    @override
    def reroute(self) -> None:
        if self.board.rerouting.is_for(self.group, WorkerName(self.worker)):
            return
        self.board.leave(self, self.group)
        found = self.board.find_group(
            self.held_slot, WorkerName(self.worker), self.last_seq
        )
        assert found is not None
        self.group, self.held_slot = found
        self.board.join(self, self.group)

    def leave(self) -> None:
        self.board.leave(self, self.group)
        self.held_slot.release(self.board.last_seq if self.jobs else None)


class Site:
    """A board, its sources and its clock.

    Args:
        layout: Pinned.
        sources: How many there are.
        tenant: Glob on the workers that mine on the last source alone; empty: nobody.
    """

    def __init__(
        self,
        layout: Layout = Layout(4, 4),  # noqa: B008
        sources: int = 1,
        tenant: str = "",
    ) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.sources = [FakeSource(f"pool{i}") for i in range(sources)]
        own = tuple(self.sources[:-1] if tenant else self.sources)
        tenants = [Route(tenant, (self.sources[-1],))] if tenant else []
        self.board = JobBoard(
            "hall-a",
            Routes([*tenants, Route("*", own)]),
            SlotAllocator(tuple(self.sources), fixed=layout),
            self.clock,
            Seconds(30.0),
        )
        for source in self.sources:
            source.listener = self.board
            source.room = max(layout.room, source.room or 0)

    @property
    def source(self) -> FakeSource:
        return self.sources[0]

    @property
    def now(self) -> Seconds:
        return Seconds(self.clock.seconds())

    def start(self) -> "Site":
        self.board.start()
        return self

    def miner(self, worker: str = "rig1") -> SeatedMiner:
        return SeatedMiner(self.board, worker)

    def pass_time(self, seconds: float) -> None:
        """Tick each second, as a site does."""
        for _ in range(int(seconds)):
            self.clock.advance(1)
            self.board.tick()
            while self.clock.getDelayedCalls():
                self.clock.advance(0)
