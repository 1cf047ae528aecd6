"""A connection whose protocol its first bytes will tell."""

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from typing_extensions import override

from protocol.dialect import Dialect, tell_dialect
from protocol.units import Seconds
from proxy.downstream.connection_host import ConnectionHost
from proxy.downstream.miner_protocol import MinerProtocol

SPEAK_WITHIN = Seconds(15.0)


class AutoConnection(MinerProtocol):
    """Waits for the first bytes, then stands aside.

    While it waits it counts as a connection of its site; then its protocol does.

    Args:
        porch: Who counts it.
        protocol_of: Makes the protocol that takes over.
        clock: Limits the wait.
    """

    def __init__(
        self,
        host: ConnectionHost,
        protocol_of: Callable[[Dialect], MinerProtocol],
        clock: IReactorTime,
    ) -> None:
        self._host = host
        self._protocol_of = protocol_of
        self._clock = clock
        self._first = b""
        self._address = ""
        self._protocol: MinerProtocol | None = None
        self._due: IDelayedCall | None = None  # it waits until then

    @override
    def connectionMade(self) -> None:
        address = self._host.admit(self._transport)
        if address is None:
            return
        self._address = address
        self._host.arrived(self, address)
        self._due = self._clock.callLater(SPEAK_WITHIN, self._on_time)

    @override
    def dataReceived(self, data: bytes) -> None:
        if self._protocol is not None:
            self._protocol.dataReceived(data)
            return
        self._first += data
        dialect = tell_dialect(self._first)
        if dialect is None or self._due is None:
            return
        self._stop_waiting()
        self._protocol = self._protocol_of(dialect)
        self._protocol.makeConnection(self._transport)
        first, self._first = self._first, b""
        self._protocol.dataReceived(first)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._stop_waiting()
        if self._protocol is not None:
            self._protocol.connectionLost(reason)

    @override
    def hang_up(self, why: str) -> None:
        if self._protocol is not None:
            self._protocol.hang_up(why)
            return
        self._host.note_drop(self._address, None, why)
        self._transport.abortConnection()

    def _stop_waiting(self) -> None:
        due, self._due = self._due, None
        if due is None:
            return
        self._host.departed(self)
        if due.active():
            due.cancel()

    def _on_time(self) -> None:
        self.hang_up(f"nothing said in {SPEAK_WITHIN:g} s")

    @property
    def _transport(self) -> Any:
        return self.transport
