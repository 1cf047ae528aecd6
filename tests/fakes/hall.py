"""A site in memory: a board with its sources, and miners on string transports."""

import json
import socket
from contextlib import suppress
from typing import Any, ClassVar

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from typing_extensions import override

from protocol.units import Difficulty, Seconds, UnixTime
from protocol.work.extranonce import Layout
from protocol.work.hashrate import HashrateMeter
from protocol.work.vardiff import VardiffPolicy
from proxy.config import LimitsConfig
from proxy.downstream.batch import Batch
from proxy.downstream.connection import SiteFactory
from proxy.downstream.fast.choice import EngineChoice
from proxy.downstream.site_context import Bounds, SiteContext
from proxy.downstream.sv1_miner import Sv1Miner
from proxy.jobs.board import JobBoard
from proxy.jobs.routes import Route, Routes
from proxy.jobs.slot_allocator import SlotAllocator
from proxy.runtime.outbox import Outbox
from proxy.shares.record import Recorder
from proxy.shares.totals import ProxyTotals, SiteTotals
from tests.fakes.ledger import MemoryLedger, RecordingSink
from tests.fakes.source import FakeSource

CONFIGURE = {
    "id": 1,
    "method": "mining.configure",
    "params": [["version-rolling"], {"version-rolling.mask": "ffffffff"}],
}
SUBSCRIBE = {"id": 2, "method": "mining.subscribe", "params": ["test/1"]}
AUTHORIZE = {"id": 3, "method": "mining.authorize", "params": ["rig1", "x"]}
HOUR = 3600


class HallFactory(SiteFactory):
    """A site's factory; it also answers to what programs beside the tests call."""

    move_in = SiteFactory.register


class Hall:
    """A board with its sources, and miners in memory.

    Its layout is as configured; None: by what the sources leave, which they begin by
    not telling.

    Attributes:
        engine: Who judges: `python`, or `native` where that was built.
        threads: That judge at once, of the native engine.
    """

    engine: ClassVar[str] = "python"
    threads: ClassVar[int] = 1

    def __init__(
        self,
        layout: Layout | None = Layout(4, 4),  # noqa: B008
        sources: int = 1,
        recalled: Layout | None = None,
        routes: int = 1,
        *,
        per_worker: bool = False,
    ) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.sources = [FakeSource(f"pool{i}") for i in range(sources)]
        for source in self.sources:
            source.room = source.room if layout else None
            source.per_worker = per_worker
        self.board = JobBoard(
            "hall-a",
            Routes([Route("*", tuple(self.sources))] * routes),
            SlotAllocator(tuple(self.sources), fixed=layout, recalled=recalled),
            self.clock,
            Seconds(30.0),
            EngineChoice(self.engine, "", self.threads).copies(),  # type: ignore[arg-type]
        )
        for source in self.sources:
            source.listener = self.board
        self.board.start()
        self.ledger = MemoryLedger()
        self.sink = RecordingSink()
        book = ProxyTotals({"hall-a": SiteTotals(HashrateMeter(Seconds(1000.0)))})
        sinks = {source.name: self.sink for source in self.sources}
        self.recorder = Recorder(self.ledger, book, sinks, self.clock)
        self.context = SiteContext(
            "hall-a",
            self.board,
            Batch(self.recorder, self.clock),
            Bounds(
                VardiffPolicy(18.0, Difficulty(1e-9), Difficulty(1e12)),
                Difficulty(1e-9),
            ),
            self.clock,
            lambda: UnixTime(1_700_000_000.0),
        )
        self.count = 0
        self.connections = HallFactory(self.context, LimitsConfig(), lambda: 0.5)
        self.turns = Clock()  # of its own: a turn takes no time of the site's
        self.port: Any = EngineChoice(self.engine, "", self.threads).of_site(  # type: ignore[arg-type]
            self.connections, self.recorder, self.turns
        )

    @property
    def floor(self) -> SiteContext:
        """The context, as programs beside the tests call it."""
        return self.context

    def connect(self) -> "Wire":
        self.count += 1
        return (NativeWire if self.engine == "native" else Wire)(self, self.count)

    def pass_time(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.clock.advance(1)
            self.board.tick()


class Wire:
    """A miner's end of a connection in memory."""

    def __init__(self, hall: Hall, number: int) -> None:
        self.hall = hall
        self.transport = StringTransport()
        outbox = Outbox(self.transport)
        now = hall.context.now()
        self.miner = Sv1Miner(number, "10.0.0.1", hall.context, now, True, outbox)

    def send(self, data: bytes) -> None:
        self.miner.receive(data)

    def received(self) -> bytes:
        data: bytes = self.transport.value()
        self.transport.clear()
        return data

    def say(self, *messages: dict[str, Any]) -> list[dict[str, Any]]:
        for message in messages:
            self.send(json.dumps(message).encode() + b"\n")
        return self.hear()

    def hear(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.received().splitlines()]

    def work(self) -> "Wire":
        self.say(SUBSCRIBE, AUTHORIZE)
        return self

    def submit(self, nonce: int, **changes: Any) -> dict[str, Any]:
        current = self.miner.group and self.miner.group.current
        job = changes.pop("job", current and current.job.id)
        worker = changes.pop("worker", "rig1")
        extranonce2 = changes.pop("extranonce2", "00000000")
        params = [worker, job, extranonce2, "6553f100", f"{nonce:08x}"]
        now = self.say({"id": 99, "method": "mining.submit", "params": params})
        self.hall.clock.advance(0.001)
        return next(m for m in now + self.hear() if m["id"] == 99)

    def accepted_nonce(self) -> int:
        return next(n for n in range(1000) if self.submit(n)["result"] is True)


class NativeWire(Wire):
    """The same where the engine in C holds the other end, a real socket."""

    def __init__(self, hall: Hall, number: int) -> None:
        from proxy.downstream.fast.acceptor import NativeConnection  # noqa: PLC0415
        from proxy.downstream.fast.sv1_miner import EngineSv1Miner  # noqa: PLC0415
        from proxy.engine.engine import Wire as EngineWire  # noqa: PLC0415

        self.hall = hall
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
        wire = EngineWire(hall.port.engine, theirs.detach())
        now = hall.context.now()
        self.miner = EngineSv1Miner(number, "10.0.0.1", hall.context, now, True, wire)
        real = hall.connections
        real.register(self.miner, NativeConnection(real, self.miner))

    @override
    def send(self, data: bytes) -> None:
        self.push(data)
        port, turns = self.hall.port, self.hall.turns
        port.doRead()
        while port.is_busy or turns.getDelayedCalls():
            turns.advance(0.001)
            port.doRead()
        port.settle()

    def push(self, data: bytes) -> None:
        """Send `data` and leave the engine its turn."""
        with suppress(BrokenPipeError, ConnectionResetError):  # it has been dropped
            self._socket.sendall(data)

    @override
    def received(self) -> bytes:
        with suppress(BlockingIOError, ConnectionResetError):
            return bytes(self._socket.recv(1 << 20))
        return b""

    def __del__(self) -> None:
        self._socket.close()


def methods(messages: list[dict[str, Any]]) -> list[Any]:
    return [m.get("method", m.get("id")) for m in messages]
