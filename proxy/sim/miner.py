"""One simulated ASIC: its connection, and which of its pools it is on."""

from collections.abc import Callable
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionClosed
from twisted.internet.interfaces import (
    IDelayedCall,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

from protocol.errors import RemoteError
from protocol.framing import LineFramer
from protocol.units import Difficulty, HashesPerSecond, Seconds, WorkerName
from proxy.sim.dialect import RETRY, SILENCE, MinerDialect
from proxy.sim.session import MAX_BREACHES, Counters, MinerSession, same_domain

MAX_LINE_BYTES = 65536
MAX_BEHIND = Seconds(2.0)
"""Hashing time that a miner may be owed; what is beyond is given up."""


@frozen
class PoolSlot:
    """One of a miner's pools.

    Attributes:
        dial: Makes an endpoint for a host and port.
    """

    host: str
    port: int
    dial: Callable[[str, int], IStreamClientEndpoint]


@frozen
class SimulatedMachine:
    """What an ASIC is.

    Attributes:
        hashrate: Already scaled.
        seed: Where its searches begin; anything.
    """

    worker: WorkerName
    dialect: MinerDialect
    hashrate: HashesPerSecond
    seed: int


class SimulatedMiner:
    """An ASIC that connects, hashes in slices when told to, and fails over.

    Attributes:
        hashing: False while the machine sleeps: connected, not hashing.
        speed: Factor on its hashrate, 0 to 1 and above.
    """

    _log = Logger()

    def __init__(
        self,
        machine: SimulatedMachine,
        slots: tuple[PoolSlot, ...],
        clock: IReactorTime,
    ) -> None:
        self.worker = machine.worker
        self.hashing = True
        self.speed = 1.0
        self.counters = Counters()
        self.breaches: list[str] = []
        self.connects = 0
        self.slot = 0
        self.session: MinerSession | None = None
        self._dialect = machine.dialect
        self._hashrate = machine.hashrate
        self._slots = slots
        self._seed = machine.seed
        self._clock = clock
        self._wire: _Wire | None = None
        self._timer: IDelayedCall | None = None
        self._moved: PoolSlot | None = None
        self._owed = 0.0
        self._stopped = True
        self._leaves = False
        self._dialed: Deferred[Any] | None = None

    def start(self) -> None:
        """Connect to the first pool, and stay connected to one."""
        self._stopped = False
        self._connect()

    def stop(self) -> None:
        """Hang up for good."""
        self._stopped = True
        self._set_timer(None)
        if self._dialed is not None:
            self._dialed.cancel()
        if self._wire is not None and self._wire.transport is not None:
            self._wire.transport.loseConnection()

    def fail_over(self) -> None:
        """Leave this pool for the next one, whatever this one was worth."""
        if self._wire is not None:
            self._leaves = True
            self._wire.hang_up()

    def earn(self, elapsed: Seconds) -> float:
        """Owe the hashes of `elapsed`; return how many were given up as too late."""
        if not self.is_working:
            self._owed = 0.0
            return 0.0
        rate = self._hashrate * self.speed
        self._owed += rate * elapsed
        lost = max(self._owed - rate * MAX_BEHIND, 0.0)
        self._owed -= lost
        return lost

    @property
    def is_working(self) -> bool:
        """It has a job and its hash boards are on."""
        session = self.session
        return self.hashing and session is not None and session.search is not None

    def hash(self, limit: int) -> int:
        """Make the hashes that are owed, at most `limit`; return how many."""
        session, count = self.session, min(int(self._owed), limit)
        if not self.is_working or session is None or session.search is None:
            return 0
        self._owed -= count
        now = Seconds(self._clock.seconds())
        shares = session.search.run(count, Difficulty(session.difficulty), now)
        if shares and self._wire is not None and self._wire.transport is not None:
            self._wire.transport.write(b"".join(map(session.submit, shares)))
        return count

    def on_connected(self, wire: "_Wire") -> bytes:
        """Begin a session on `wire`."""
        self.connects += 1
        self._wire = wire
        self.session = MinerSession(
            self._dialect, self.worker, self._seed + self.connects, self.counters
        )
        self._set_timer(SILENCE)
        return self.session.begin()

    def on_line(self, line: bytes) -> bytes:
        """Take a line of the pool and return what to say.

        Raises:
            RemoteError: It is no Stratum message.
        """
        if self.session is None:
            return b""
        self._set_timer(SILENCE)
        answer = self.session.receive(line, Seconds(self._clock.seconds()))
        self._follow(self.session)
        return answer

    def on_lost(self, *, was_useful: bool) -> None:
        """Try again after a pause, on the next pool if this one was of no use."""
        if self.session is not None:
            room = MAX_BREACHES - len(self.breaches)
            self.breaches.extend(self.session.breaches[:room])
        self._wire = self.session = None
        if self._leaves or not was_useful:
            self._leaves = False
            self.slot = (self.slot + 1) % len(self._slots)
            self._moved = None
        self._set_timer(None if self._stopped else RETRY)

    def _follow(self, session: MinerSession) -> None:
        if session.is_dead and self._wire is not None:
            self._wire.hang_up()
            return
        if session.reconnect is None or not self._dialect.obeys_reconnect:
            return
        host, port = session.reconnect
        session.reconnect = None
        here = self._moved or self._slots[self.slot]
        if not same_domain(here.host, host):
            return
        self._moved = PoolSlot(host or here.host, port or here.port, here.dial)
        if self._wire is not None:
            self._wire.hang_up()

    def _connect(self) -> None:
        slot = self._moved or self._slots[self.slot]
        dialed = slot.dial(slot.host, slot.port).connect(
            Factory.forProtocol(lambda: _Wire(self))
        )
        self._dialed = dialed.addErrback(self._on_refused)

    def _on_refused(self, failure: Failure) -> None:
        self._log.debug("{worker}: {why}", worker=self.worker, why=failure.value)
        self.on_lost(was_useful=False)

    def _set_timer(self, delay: Seconds | None) -> None:
        if self._timer is not None and self._timer.active():
            if delay == SILENCE and self._wire is not None:
                self._timer.reset(delay)
                return
            self._timer.cancel()
        self._timer = None
        if delay is not None:
            self._timer = self._clock.callLater(delay, self._on_timer)

    def _on_timer(self) -> None:
        if self._wire is None:
            self._connect()
            return
        self._wire.hang_up()


class _Wire(Protocol):
    """A miner's TCP connection."""

    def __init__(self, miner: SimulatedMiner) -> None:
        self._miner = miner
        self._framer = LineFramer(MAX_LINE_BYTES)

    @override
    def connectionMade(self) -> None:
        self._write(self._miner.on_connected(self))

    @override
    def dataReceived(self, data: bytes) -> None:
        try:
            for line in self._framer.feed(data):
                self._write(self._miner.on_line(line))
        except RemoteError as error:
            self._miner.breaches.append(str(error)[:80])
            self.hang_up()

    @override
    def connectionLost(self, reason: Failure = Failure(ConnectionClosed())) -> None:  # noqa: B008
        session = self._miner.session
        useful = session is not None and session.search is not None
        self._miner.on_lost(was_useful=useful and not (session and session.is_dead))

    def hang_up(self) -> None:
        """Close the connection."""
        if self.transport is not None:
            self.transport.loseConnection()

    def _write(self, data: bytes) -> None:
        if data and self.transport is not None:
            self.transport.write(data)
