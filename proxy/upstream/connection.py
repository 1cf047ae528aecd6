"""One TCP connection to a pool: bytes to events, nothing decided here."""

from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from typing_extensions import override

from protocol.errors import RemoteError
from protocol.units import UnixTime
from protocol.work.pool_events import PoolEvent
from proxy.runtime.inflow import Inflow, Turns
from proxy.runtime.outbox import Outbox
from proxy.upstream.pool_protocol import Session

LAST_WORDS = 4096
"""Messages that are taken of a pool that is gone: verdicts on what was forwarded."""


UNSENT_LIKE_MINERS = 16
"""A pool may be as far behind as so many miners, 1 MiB: 7,000 shares, and before them
what the kernel holds."""


class PoolConnection(Protocol):
    """Moves bytes between a socket and a `Session`.

    Attributes:
        session: What has been agreed with the pool.
    """

    def __init__(
        self,
        session: Session,
        on_event: Callable[[PoolEvent], None],
        on_data: Callable[[], None],
        on_lost: Callable[[str], None],
        turns: Turns,
    ) -> None:
        self.session = session
        self._on_event = on_event
        self._on_data = on_data
        self._on_lost = on_lost
        self._turns = turns
        self._inflow: Inflow | None = None
        self._outbox: Outbox | None = None
        self._why = ""

    @override
    def connectionMade(self) -> None:
        transport = ITCPTransport(self.transport, None)
        if transport is not None:
            transport.setTcpNoDelay(True)  # a share held back by Nagle may be late
            transport.setTcpKeepAlive(True)
        wire: Any = self.transport
        self._inflow = Inflow(self._turns, self, wire)
        self._outbox = Outbox(wire)
        self._outbox.miners = UNSENT_LIKE_MINERS
        self.send(self.session.start())

    @override
    def dataReceived(self, data: bytes) -> None:
        self._on_data()
        if self._inflow is not None:
            self._inflow.receive(data)

    def read(self, data: bytes) -> Iterator[None]:
        """Take what `data` completes, one message with each step."""
        try:
            for events in self.session.receive_each(data):
                for event in events:
                    self._on_event(event)
                yield
        except RemoteError as error:
            self.hang_up(str(error))

    def flush(self) -> None:
        """Send the session's answers."""
        self.send(self.session.outgoing())

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        inflow, self._inflow = self._inflow, None
        if inflow is not None:
            # Before the loss is told: verdicts that came with the last bytes settle
            # shares that would be called lost otherwise, however many pools go at once.
            inflow.end(LAST_WORDS, LAST_WORDS)
        outbox, self._outbox = self._outbox, None
        if outbox is not None and outbox.fell_behind:
            self._why = "it does not read what it is sent"
        self._on_lost(self._why or reason.getErrorMessage())

    def send(self, data: bytes) -> None:
        """Write `data`, if there is any; drop the pool if it has stopped reading."""
        if self._outbox is not None:
            self._outbox.write(data)

    def hang_up(self, why: str) -> None:
        """Close the connection, and take nothing more of what came on it."""
        if self._inflow is not None:
            self._inflow.forget()
        self.drop(why)

    @property
    def is_dropped(self) -> bool:
        """It was hung up on by us."""
        return bool(self._why)

    def certificate_until(self) -> UnixTime | None:
        """Return when the certificate ends that the pool has shown; None: none was."""
        shown = getattr(self.transport, "getPeerCertificate", lambda: None)()
        if shown is None:
            return None
        try:
            until = shown.to_cryptography().not_valid_after_utc
        except ValueError:  # a pinned one may say what it likes
            return None
        return UnixTime(until.timestamp())

    def drop(self, why: str) -> None:
        """Close the connection for a reason of ours."""
        self._why = self._why or why
        transport: Any = self.transport
        if transport is not None:
            # loseConnection waits until all is sent, for a peer that may have stopped
            # reading.
            transport.abortConnection()
