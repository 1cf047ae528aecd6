"""A connection of which its first bytes will tell who takes it over."""

from abc import abstractmethod
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from typing_extensions import override

from protocol.units import Seconds
from proxy.downstream.connection_host import ConnectionHost
from proxy.downstream.miner_protocol import MinerProtocol


class WaitingConnection(MinerProtocol):
    """Waits for the first bytes, then stands aside.

    While it waits it counts as a connection of its site; then its protocol does.

    Args:
        host: Who counts it.
        clock: Limits the wait.
    """

    def __init__(self, host: ConnectionHost, clock: IReactorTime) -> None:
        self._host = host
        self._clock = clock
        self._address = ""
        self._protocol: MinerProtocol | None = None  # who took over
        self._due: IDelayedCall | None = None  # it waits until then

    @property
    def is_waiting(self) -> bool:
        """Nobody has taken over, and it has not been hung up on."""
        return self._due is not None

    @abstractmethod
    def first_bytes(self, data: bytes) -> None:
        """Take what came in while it waits."""

    def wait(self, address: str, within: Seconds, why: str) -> None:
        """Begin to wait; after `within` it is hung up on, and `why` is said."""
        self._address = address
        self._host.arrived(self, address)
        self._due = self._clock.callLater(within, self.hang_up, why)

    def stop_waiting(self) -> None:
        """Count no longer as one that waits."""
        due, self._due = self._due, None
        if due is None:
            return
        self._host.departed(self)
        if due.active():
            due.cancel()

    @override
    def dataReceived(self, data: bytes) -> None:
        if self._protocol is not None:
            self._protocol.dataReceived(data)
        elif self.is_waiting:
            self.first_bytes(data)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.stop_waiting()
        if self._protocol is not None:
            self._protocol.connectionLost(reason)
        else:
            self._host.tls_failures.note(self._transport, reason)

    @override
    def hang_up(self, why: str) -> None:
        if self._protocol is not None:
            self._protocol.hang_up(why)
            return
        self.stop_waiting()  # what it sends until it is closed is not taken
        self._host.note_drop(self._address, None, why)
        self._transport.abortConnection()

    @property
    def _transport(self) -> Any:
        return self.transport
