"""Write to a connection at once where that is possible, and never without end."""

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.interfaces import IPullProducer, IPushProducer
from twisted.internet.tcp import Connection
from zope.interface import implementer

MAX_UNSENT_BYTES = 65536
"""A miner this far behind has not read for about 40 jobs: it is dropped."""

MOST_UNSENT_BYTES = 1 << 24
"""Of a connection, however many miners it has: two jobs for each of 8192."""

MOST_UNSENT_MESSAGES = 1 << 26
"""Besides, where single messages are large: see `unsent_limit`."""


def unsent_limit(miners: int, largest: int) -> int:
    """Return how far behind a connection with so many miners may be, in bytes.

    Besides what is for the small messages, two of the largest for each miner may wait:
    a block's first job and the one that follows at once. A legal job of a pool is as
    large as four times 65,535 B (Stratum V1), and whoever gets it is not to blame.

    Args:
        miners: 0 counts as one.
        largest: Bytes of the largest message of which something waits.
    """
    miners = max(miners, 1)
    small = min(MAX_UNSENT_BYTES * miners, MOST_UNSENT_BYTES)
    return small + min(2 * largest * miners, MOST_UNSENT_MESSAGES)


class WayOut(Protocol):
    """Where lines to one peer go: an `Outbox`, or what does the same."""

    @property
    def is_open(self) -> bool:
        """It takes what is written."""

    @property
    def fell_behind(self) -> bool:
        """It was closed because its peer does not read."""

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
        miners: How many are behind it.
        fell_behind: It was closed because its peer does not read.
        note: Is shown what is written; None: nobody is.
    """

    def __init__(self, transport: Outlet) -> None:
        self._transport = transport
        self.miners = 1
        self.fell_behind = False
        self.note: Callable[[bytes], None] | None = None
        self._unsent = 0  # since all was sent
        self._largest = 0  # of the messages in that
        self._is_full = False
        self._registering = False
        self._socket: Any = None
        self.is_open = True
        # TLS passes on every attribute of the TCP transport below it, its socket too
        real = getattr(transport, "real", transport)  # see BehindBalancer
        if isinstance(real, Connection) and not real.TLS:
            self._socket = real.socket
        if self._socket is None:
            transport.registerProducer(self, True)

    def write(self, data: bytes) -> None:
        """Send `data`, or drop the peer if it has stopped reading."""
        if not self.is_open or not data:
            return
        if self.note is not None:
            self.note(data)
        size = len(data)
        if self._socket is None:
            self._leave_to_wrapper(data)
            return
        if not self._unsent:
            data = data[self._send(data) :]
        if data:
            self._largest = max(self._largest, size)
            self._leave_to_transport(data)

    def close(self) -> None:
        """Write no more."""
        self.is_open = False

    def pauseProducing(self) -> None:  # noqa: N802  (IPushProducer)
        """Count from now on what the peer has not read: 64 KiB and a message."""
        self._is_full = True

    def resumeProducing(self) -> None:  # noqa: N802  (IPullProducer)
        """Note that all that was waiting has been sent."""
        if self._registering:
            return
        self._unsent = self._largest = 0
        self._is_full = False
        if self._socket is not None:
            self._transport.unregisterProducer()

    def stopProducing(self) -> None:  # noqa: N802  (IPullProducer)
        """Note that the connection is gone."""
        self.is_open = False

    def _send(self, data: bytes) -> int:
        try:
            return int(self._socket.send(data))
        except OSError:  # full, or broken: the transport finds out which
            return 0

    def _leave_to_wrapper(self, data: bytes) -> None:
        """Write to TLS, which tells when it holds more than it should."""
        if self._is_full:
            self._largest = max(self._largest, len(data))
            if self._is_too_much(len(data)):
                return
            self._unsent += len(data)
        self._transport.write(data)

    def _is_too_much(self, size: int) -> bool:
        """Drop the peer if it would be too far behind; return whether it was."""
        self.fell_behind = self._unsent + size > unsent_limit(
            self.miners, self._largest
        )
        if self.fell_behind:
            self.is_open = False
            self._transport.abortConnection()
        return self.fell_behind

    def _leave_to_transport(self, data: bytes) -> None:
        if self._is_too_much(len(data)):
            return
        if not self._unsent:
            self._registering = True  # a pull producer is asked at once
            self._transport.registerProducer(self, False)
            self._registering = False
        self._unsent += len(data)
        self._transport.write(data)
