"""Write to a connection at once where that is possible, and never without end."""

from typing import Any

from twisted.internet.interfaces import IPullProducer, ITCPTransport
from zope.interface import implementer

MAX_UNSENT_BYTES = 65536
"""A miner this far behind has not read for about 40 jobs: it is dropped."""


@implementer(IPullProducer)
class Outbox:
    """The way out to one peer.

    A line goes straight to the socket while nothing is waiting, which saves two
    epoll calls and a turn of the reactor; what the kernel does not take is left to
    the transport. A peer that does not read is dropped, not buffered.
    """

    def __init__(self, transport: ITCPTransport) -> None:
        self._transport = transport
        self._unsent = 0
        # TLS and in-memory transports have no socket that may be written to
        direct = getattr(transport, "TLS", True) is False
        self._socket: Any = transport.getHandle() if direct else None
        self.is_open = True

    def write(self, data: bytes) -> None:
        """Send `data`, or drop the peer if it has stopped reading."""
        if not self.is_open:
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

    def resumeProducing(self) -> None:  # noqa: N802  (IPullProducer)
        """All that was waiting has been sent."""
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
        if self._unsent + len(data) > MAX_UNSENT_BYTES:
            self.is_open = False
            self._transport.abortConnection()
            return
        if not self._unsent:
            self._transport.registerProducer(self, False)
        self._unsent += len(data)
        self._transport.write(data)
