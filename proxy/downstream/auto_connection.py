"""A connection whose protocol its first bytes will tell."""

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from typing_extensions import override

from protocol.dialect import Dialect, tell_dialect
from protocol.units import Seconds
from proxy.downstream.connection_host import ConnectionHost
from proxy.downstream.miner_protocol import MinerProtocol
from proxy.downstream.waiting_connection import WaitingConnection

SPEAK_WITHIN = Seconds(15.0)


class AutoConnection(WaitingConnection):
    """Waits until it is known which version of Stratum is spoken.

    Args:
        host: Who counts it.
        protocol_of: Makes the protocol that takes over.
        clock: Limits the wait.
    """

    def __init__(
        self,
        host: ConnectionHost,
        protocol_of: Callable[[Dialect], MinerProtocol],
        clock: IReactorTime,
    ) -> None:
        super().__init__(host, clock)
        self._protocol_of = protocol_of
        self._first = b""

    @override
    def connectionMade(self) -> None:
        address = self._host.admit(self._transport)
        if address is not None:
            why = f"nothing said in {SPEAK_WITHIN:g} s"
            self.wait(address, SPEAK_WITHIN, why)

    @override
    def first_bytes(self, data: bytes) -> None:
        self._first += data
        dialect = tell_dialect(self._first)
        if dialect is None:
            return
        self.stop_waiting()
        self._protocol = self._protocol_of(dialect)
        self._protocol.name_rule = self.name_rule
        self._protocol.makeConnection(self._transport)
        first, self._first = self._first, b""
        self._protocol.dataReceived(first)
