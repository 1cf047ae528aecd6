"""Connections of Modbus masters: bounded in number, in time and in bytes."""

from typing import Any, Protocol

from twisted.internet.interfaces import IAddress, IDelayedCall, IReactorTime
from twisted.internet.protocol import Factory
from twisted.internet.protocol import Protocol as Connection
from twisted.python.failure import Failure
from typing_extensions import override

from protocol.errors import MalformedMessageError
from protocol.setpoint.frames import Frame, FrameReader
from protocol.units import Seconds

MAX_CONNECTIONS = 32
"""Of one signal: with one more, the one that is silent for longest goes."""

IDLE = Seconds(60.0)
"""A master polls each few seconds; one that is gone leaves its connection."""

FRAME_WITHIN = Seconds(5.0)
"""From the first byte of a request to its last, however slowly they come."""


class Answerer(Protocol):
    """Who answers the requests of masters."""

    def may_come(self, host: str) -> bool:
        """Tell whether an address is one of those that may connect."""

    def refuse(self, host: str, why: str) -> None:
        """Take note that something of `host` was not taken."""

    def answer(self, frame: Frame, host: str) -> Frame:
        """Return what a request is answered."""


class ModbusConnection(Connection):
    """One master; requests are answered in their order."""

    def __init__(self, factory: "ModbusFactory", host: str) -> None:
        self._factory = factory
        self._host = host
        self._reader = FrameReader()
        self._deadline: IDelayedCall | None = None

    @override
    def connectionMade(self) -> None:
        wire: Any = self.transport
        wire.setTcpNoDelay(True)
        wire.setTcpKeepAlive(True)
        wire.registerProducer(self, True)
        self._factory.came(self)
        self._within(IDLE)

    @override
    def dataReceived(self, data: bytes) -> None:
        was_within = self._reader.is_within
        try:
            frames = self._reader.feed(data)
        except MalformedMessageError as error:
            self._factory.answerer.refuse(self._host, f"no Modbus: {error}")
            self.hang_up()
            return
        wire: Any = self.transport
        for frame in frames:
            wire.write(self._factory.answerer.answer(frame, self._host).encode())
        if frames:
            self._factory.heard(self)
        if self._reader.is_within:
            # Begun with the first byte, not moved by the next ones.
            if frames or not was_within:
                self._within(FRAME_WITHIN)
        elif frames:
            self._within(IDLE)

    @override
    def connectionLost(self, reason: Failure | None = None) -> None:
        self._stop()
        self._factory.left(self)

    def hang_up(self) -> None:
        """End the connection at once."""
        wire: Any = self.transport
        wire.abortConnection()

    # IPushProducer: who does not read its answers is hung up on

    def pauseProducing(self) -> None:  # noqa: N802  (Twisted's name)
        """Hang up: answers have filled the buffers."""
        self.hang_up()

    def resumeProducing(self) -> None:  # noqa: N802  (Twisted's name)
        """Do nothing: there is nothing left to do."""

    def stopProducing(self) -> None:  # noqa: N802  (Twisted's name)
        """Do nothing: the connection is lost."""

    def _within(self, seconds: Seconds) -> None:
        self._stop()
        self._deadline = self._factory.clock.callLater(seconds, self.hang_up)

    def _stop(self) -> None:
        deadline, self._deadline = self._deadline, None
        if deadline is not None and deadline.active():
            deadline.cancel()


class ModbusFactory(Factory):
    """Takes those who may come, and no more than there is room for."""

    noisy = False

    def __init__(self, answerer: Answerer, clock: IReactorTime) -> None:
        self.answerer = answerer
        self.clock = clock
        self._connections: dict[ModbusConnection, None] = {}  # silent for longest first

    @override
    def buildProtocol(self, addr: IAddress | None) -> ModbusConnection | None:
        host = str(getattr(addr, "host", ""))
        if not self.answerer.may_come(host):
            self.answerer.refuse(host, "not of the networks that may come")
            return None
        return ModbusConnection(self, host)

    def came(self, connection: ModbusConnection) -> None:
        """Take note of a connection; make room for it."""
        if len(self._connections) >= MAX_CONNECTIONS:
            next(iter(self._connections)).hang_up()
        self._connections[connection] = None

    def heard(self, connection: ModbusConnection) -> None:
        """Take note that a connection said something."""
        if connection in self._connections:
            del self._connections[connection]
            self._connections[connection] = None

    def left(self, connection: ModbusConnection) -> None:
        """Take note that a connection has ended."""
        self._connections.pop(connection, None)

    def hang_up(self) -> None:
        """End all connections."""
        for connection in list(self._connections):
            connection.hang_up()
