"""The share engine under the reactor: it is one reader among others."""

from typing import Any

from twisted.internet.interfaces import (
    IListeningPort,
    IReadDescriptor,
    IStreamServerEndpoint,
)
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from protocol.errors import RemoteError
from proxy.downstream.batch import MAX_DELAY
from proxy.downstream.connection import Door, Hall
from proxy.downstream.floor import Floor
from proxy.downstream.miner import Miner
from proxy.downstream.native.engine import Engine, Wire
from proxy.downstream.native.miner import NativeMiner
from proxy.runtime.listener import ListenerService
from proxy.shares.counted import CountedBatch
from proxy.shares.record import Recorder

MAX_LINES = 32
"""Lines of one miner that are taken in a row, while others wait."""

MAX_ASKED = 64
"""Miners whose lines are taken in one turn: 2 or 3 ms."""


class NativeConnection:
    """A connection in the engine, as its hall commands it."""

    def __init__(self, hall: Hall, miner: NativeMiner) -> None:
        self._hall = hall
        self._miner = miner

    def dismiss(self, _miner: Miner, why: str) -> None:
        """Hang up on the one miner of the connection."""
        self.hang_up(why)

    def hang_up(self, why: str) -> None:
        """Close it for a reason of ours."""
        if self._miner.outbox.is_open:
            self._hall.note_drop(self._miner, why)
        self._miner.outbox.hang_up()


@implementer(IReadDescriptor)
class NativePort:
    """Runs one site's engine: a turn whenever the reactor finds it readable.

    Attributes:
        hall: Whose miners it takes.
        engine: What it runs.
        is_busy: There is more to do at once, whether bytes come in or not.
    """

    _log = Logger()

    def __init__(
        self, hall: Hall, recorder: Recorder, reactor: Any, threads: int = 1
    ) -> None:
        self.hall = hall
        self._recorder = recorder
        self._reactor = reactor
        self.engine = Engine(hall.floor.site, threads)
        self.is_busy = False
        self._floors: dict[int, Floor] = {}
        self._crowded = False
        self._held: CountedBatch | None = None

    def start(self) -> None:
        """Join the reactor."""
        self.engine.rest()
        self._reactor.addReader(self)

    def stop(self) -> None:
        """Leave the reactor: what was judged is answered before."""
        self._finish()
        self._reactor.removeReader(self)

    def open(self, descriptor: int, floor: Floor) -> None:
        """Take the connections of a listening socket, for the miners of `floor`."""
        self._floors[descriptor] = floor
        self.engine.listen(descriptor)

    def close(self, descriptor: int) -> None:
        """Take no more connections of it."""
        del self._floors[descriptor]
        self.engine.unlisten(descriptor)

    def listener(
        self, endpoint: IStreamServerEndpoint, door: Hall | Door
    ) -> ListenerService:
        """Return the service of a port whose connections the engine takes."""
        return NativeListener(endpoint, door, self)

    def settle(self) -> None:
        """Let miners take note of what was counted for them: call each second."""
        for miner in self.engine.touched():
            miner.settle()
        if self._crowded:
            self._crowded = False
            for descriptor in self._floors:
                self.engine.listen(descriptor)

    def fileno(self) -> int:
        """Return what the reactor shall watch."""
        return self.engine.fileno()

    def logPrefix(self) -> str:  # noqa: N802  (ILoggingContext)
        """Return who is at work."""
        return "share engine"

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802  (IReadDescriptor)
        """Nothing to do: the engine is no connection."""

    def doRead(self) -> None:  # noqa: N802  (IReadDescriptor)
        """Do a turn, unless a block is being sent ahead of the last one's batch."""
        if self._held is not None:
            return
        with self._log.failuresHandled("a turn of the share engine"):
            self._turn()

    def _turn(self) -> None:
        floor = self.hall.floor
        wall = floor.wall_clock()
        if not self.engine.run(floor.now(), wall):
            self._rest()
            return
        self._held = self.engine.batch(wall)
        blocks = [share for share in self._held.wanted if share.is_block]
        for share in blocks:
            self._recorder.block_found(share)
        if blocks:
            self._reactor.callLater(MAX_DELAY, self._finish)
        else:
            self._finish()

    def _finish(self) -> None:
        """Commit the turn's verdicts, answer them, and do what else it brought."""
        batch, self._held = self._held, None
        if batch is None:
            return
        try:
            self._recorder.record_counted(batch)
            self.engine.answer()
        finally:
            self._rest()

    def _rest(self) -> None:
        engine = self.engine
        try:
            self._take_arrivals()
            for miner in engine.due():
                miner.settle()
            self._ask_around()
            for miner in engine.lost():
                self._farewell(miner)
        finally:
            self.is_busy = engine.rest()  # or nothing would ever wake it again

    def _take_arrivals(self) -> None:
        for descriptor, listener, peer in self.engine.arrivals():
            self._welcome(descriptor, listener, peer)
        if self.engine.is_crowded and not self._crowded:
            self._crowded = True
            self._log.error(
                "{site}: no descriptor is left for a new connection",
                site=self.hall.floor.site,
            )

    def _welcome(self, descriptor: int, listener: int, peer: str) -> None:
        hall, floor = self.hall, self._floors.get(listener, self.hall.floor)
        try:
            wire = Wire(self.engine, descriptor)
        except OSError as error:
            self._log.error("{peer} cannot be watched: {error}", peer=peer, error=error)
            return
        if not hall.lets_in(peer):
            wire.hang_up()
            return
        miner = NativeMiner(
            hall.new_id(), peer, floor, floor.now(), floor.grants_at_once, wire
        )
        hall.move_in(miner, NativeConnection(hall, miner))

    def _ask_around(self) -> None:
        """Take the lines that the engine does not judge, some of each miner."""
        for _ in range(MAX_ASKED):
            miner = self.engine.next_asking()
            if miner is None:
                break
            self._ask(miner)
        self.hall.floor.batch.flush()  # so that no later share is answered before

    def _ask(self, miner: NativeMiner) -> None:
        with self._log.failuresHandled("a line of a miner") as op:
            try:
                self._take_lines(miner)
            except RemoteError as error:
                NativeConnection(self.hall, miner).hang_up(str(error))
        if op.failed:
            NativeConnection(self.hall, miner).hang_up("its line was too much for us")

    def _take_lines(self, miner: NativeMiner) -> None:
        for _ in range(MAX_LINES):
            line = miner.outbox.ask()
            if line is None:
                return
            miner.hear(line)
        miner.outbox.wait()

    def _farewell(self, miner: NativeMiner) -> None:
        miner.outbox.close()
        self.hall.farewell(miner)


class NativeListener(ListenerService):
    """A port whose connections the engine takes, once it is open."""

    def __init__(
        self, endpoint: IStreamServerEndpoint, door: Hall | Door, native: NativePort
    ) -> None:
        super().__init__(endpoint, door)
        self._door = door
        self._native = native
        self._descriptor: int | None = None

    @override
    async def ready(self) -> IListeningPort:
        port: Any = await super().ready()
        port.stopReading()
        self._descriptor = port.fileno()
        self._native.open(port.fileno(), self._door.floor)
        opened: IListeningPort = port
        return opened

    @override
    async def stopService(self) -> None:
        if self._descriptor is not None:
            self._native.close(self._descriptor)
            self._descriptor = None
        await super().stopService()
