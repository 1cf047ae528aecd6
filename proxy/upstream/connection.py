"""One TCP connection to a pool: bytes to events, nothing decided here."""

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

from protocol.errors import RemoteError
from protocol.pool_events import PoolEvent
from proxy.upstream.pool_protocol import Session


class PoolConnection(Protocol):
    """Moves bytes between a socket and a `Session`.

    Attributes:
        session: What has been agreed with the pool.
    """

    _log = Logger()

    def __init__(
        self,
        session: Session,
        on_event: Callable[[PoolEvent], None],
        on_data: Callable[[], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self.session = session
        self._on_event = on_event
        self._on_data = on_data
        self._on_lost = on_lost
        self._why = ""

    @override
    def connectionMade(self) -> None:
        transport = ITCPTransport(self.transport, None)
        if transport is not None:
            transport.setTcpNoDelay(True)  # a share held back by Nagle may be late
            transport.setTcpKeepAlive(True)
        self.send(self.session.start())

    @override
    def dataReceived(self, data: bytes) -> None:
        self._on_data()
        # a failure of ours costs this pool its connection, and nobody else anything
        with self._log.failuresHandled(
            "what a pool sent could not be dealt with"
        ) as op:
            self._take(data)
        if op.failed:
            self.drop("we failed at what it sent")

    def _take(self, data: bytes) -> None:
        try:
            for event in self.session.receive(data):
                self._on_event(event)
            self.send(self.session.outgoing())
        except RemoteError as error:
            self.drop(str(error))

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._on_lost(self._why or reason.getErrorMessage())

    def send(self, data: bytes) -> None:
        """Write `data`, if there is any."""
        if data and self.transport is not None:
            self.transport.write(data)

    def drop(self, why: str) -> None:
        """Close the connection for a reason of ours."""
        self._why = self._why or why
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection()
