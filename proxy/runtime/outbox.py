"""Write to a connection at once where that is possible, and never without end."""

from typing import Any, Protocol

from twisted.internet.interfaces import IPullProducer, IPushProducer
from twisted.internet.tcp import Connection
from zope.interface import implementer

MAX_UNSENT_BYTES = 65536
"""A miner this far behind has not read for about 40 jobs: it is dropped."""

MOST_UNSENT_BYTES = 1 << 24
"""Of a connection, however many miners it has: two jobs for each of 8192."""


def unsent_limit(miners: int) -> int:
    """Return how far behind a connection with so many miners may be, in bytes."""
    return min(MAX_UNSENT_BYTES * max(miners, 1), MOST_UNSENT_BYTES)


class WayOut(Protocol):
    """Where lines to one peer go: an `Outbox`, or what does the same."""

    def write(self, data: bytes, /) -> None:
        """Send `data`, or drop the peer if it has stopped reading."""

    def close(self) -> None:
        """Write no more."""


class Outlet(Protocol):
    """What an outbox needs of a transport."""

    def write(self, data: bytes) -> None:
        """Buffer and send."""

    def registerProducer(self, producer: object, streaming: bool) -> None:  # noqa: FBT001, N802
        """Tell `producer` how full the buffer is."""

    def unregisterProducer(self) -> None:  # noqa: N802
        """Forget the producer."""

    def abortConnection(self) -> None:  # noqa: N802
        """Drop the connection and what was to be sent."""


@implementer(IPullProducer, IPushProducer)
class Outbox:
    """The way out to one peer.

    A line goes straight to the socket while nothing is waiting, which saves two
    epoll calls and a turn of the reactor; what the kernel does not take is left to
    the transport. A peer that does not read is dropped, not buffered.

    Attributes:
        max_unsent_bytes: How far behind it may be on a plain TCP connection.
    """

    def __init__(self, transport: Outlet) -> None:
        self._transport = transport
        self.max_unsent_bytes = MAX_UNSENT_BYTES
        self._unsent = 0
        self._registering = False
        self._socket: Any = None
        self.is_open = True
        # TLS passes on every attribute of the TCP transport below it, its socket too
        if isinstance(transport, Connection) and not transport.TLS:
            self._socket = transport.socket
        if self._socket is None:
            transport.registerProducer(self, True)

    def write(self, data: bytes) -> None:
        """Send `data`, or drop the peer if it has stopped reading."""
        if not self.is_open or not data:
            return
        if self._socket is None:
            self._transport.write(data)
            return
        if not self._unsent:
            data = data[self._send(data) :]
        if data:
            self._leave_to_transport(data)

    def close(self) -> None:
        """Write no more."""
        self.is_open = False

    def pauseProducing(self) -> None:  # noqa: N802  (IPushProducer)
        """Drop the peer: the transport holds more than it should (64 KiB)."""
        self._drop()

    def resumeProducing(self) -> None:  # noqa: N802  (IPullProducer)
        """Note that all that was waiting has been sent."""
        if self._socket is not None and not self._registering:
            self._unsent = 0
            self._transport.unregisterProducer()

    def stopProducing(self) -> None:  # noqa: N802  (IPullProducer)
        """Note that the connection is gone."""
        self.is_open = False

    def _send(self, data: bytes) -> int:
        try:
            return int(self._socket.send(data))
        except OSError:  # full, or broken: the transport finds out which
            return 0

    def _leave_to_transport(self, data: bytes) -> None:
        if self._unsent + len(data) > self.max_unsent_bytes:
            self._drop()
            return
        if not self._unsent:
            self._registering = True  # a pull producer is asked at once
            self._transport.registerProducer(self, False)
            self._registering = False
        self._unsent += len(data)
        self._transport.write(data)

    def _drop(self) -> None:
        self.is_open = False
        self._transport.abortConnection()
