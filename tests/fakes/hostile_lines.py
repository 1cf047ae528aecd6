"""How a test's miner reaches a site: through Twisted's end in memory, or the engine's.

The engine in C has one end of a socket pair and is given its turns by hand, on the
site's virtual clock: nothing waits, so a run is the same each time.
"""

import socket
from contextlib import suppress
from typing import Any, Protocol

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from proxy.config import ListenerConfig
from proxy.downstream.connection import SiteFactory
from proxy.downstream.listener_policy import ListenerPolicy

MAX_READ = 1 << 22


class Line(Protocol):
    """A miner's end of its connection."""

    @property
    def is_dropped(self) -> bool:
        """The site has hung up."""

    def send(self, data: bytes) -> None:
        """Send `data`."""

    def received(self) -> bytes:
        """Return what has come."""

    def hang_up(self) -> None:
        """Close it."""


class MemoryLine:
    """The other end is a protocol of Twisted."""

    def __init__(self, hall: SiteFactory, dialect: str) -> None:
        self._transport = StringTransport(peerAddress=IPv4Address("TCP", "10.0.0.1", 1))
        self._connection: Any = hall.enter(hall.context, dialect)
        self._connection.makeConnection(self._transport)

    @property
    def is_dropped(self) -> bool:
        return bool(self._transport.disconnecting or self._transport.disconnected)

    def send(self, data: bytes) -> None:
        if not self.is_dropped:
            self._connection.dataReceived(data)

    def received(self) -> bytes:
        data: bytes = self._transport.value()
        self._transport.clear()
        return data

    def hang_up(self) -> None:
        self._connection.connectionLost()


class EngineTurns:
    """The engine of a site, which judges when it is told to."""

    def __init__(self, hall: SiteFactory, port: Any) -> None:
        self.hall, self.port = hall, port

    def take(self, turns: Clock) -> None:
        """Let it do all that there is to do."""
        self.port.doRead()
        while self.port.is_busy or turns.getDelayedCalls():
            turns.advance(0.001)
            self.port.doRead()


class EngineLine:
    """The other end is the engine's."""

    def __init__(self, engine: EngineTurns, turns: Clock, dialect: str) -> None:
        from proxy.downstream.fast.acceptor import Acceptor  # noqa: PLC0415
        from proxy.engine.engine import Wire  # noqa: PLC0415

        self._engine, self._turns = engine, turns
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
        self._is_dropped = False
        hall = engine.hall
        listener: Any = ListenerConfig(endpoint="tcp:1", protocol=dialect)  # type: ignore[arg-type]
        acceptor = Acceptor(hall, ListenerPolicy(hall, hall.context, listener))
        acceptor.accept(Wire(engine.port.engine, theirs.detach()), "10.0.0.1")

    @property
    def is_dropped(self) -> bool:
        return self._is_dropped

    def send(self, data: bytes) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # it has been dropped
            self._socket.sendall(data)
        self._engine.take(self._turns)

    def received(self) -> bytes:
        data = b""
        with suppress(BlockingIOError, ConnectionResetError):
            while more := self._socket.recv(MAX_READ):
                data += more
            self._is_dropped = True
        return data

    def hang_up(self) -> None:
        self._socket.close()
        self._engine.take(self._turns)

    def __del__(self) -> None:
        self._socket.close()
