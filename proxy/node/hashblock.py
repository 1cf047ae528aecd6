"""A node's ZMQ `hashblock`: the fastest word of a new tip.

Source: Bitcoin Core, doc/zmq.md.
"""

from collections.abc import Callable
from typing import Any

import zmq
from attrs import frozen
from twisted.application.service import Service
from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from protocol.errors import MalformedMessageError

MAX_MESSAGES_A_TURN = 64
"""More are read in the next turn of the reactor."""
MAX_QUEUED = 1000
"""Messages that ZMQ keeps for us; what is dropped shows as a gap."""
_MAX_MESSAGE_BYTES = 1024

_TOPIC = b"hashblock"
_PARTS = 3
_HASH_BYTES = 32
_SEQUENCE_BYTES = 4


@frozen
class HashBlock:
    """One message.

    Attributes:
        tip: The new tip's hash, as displayed.
        sequence: Counts the messages of the topic, modulo 2**32.
    """

    tip: str
    sequence: int


def parse_hashblock(parts: list[bytes]) -> HashBlock:
    """Return the message in `parts`: topic, hash in display order, LE32 count.

    Raises:
        MalformedMessageError: It is no `hashblock` message.
    """
    sizes = [len(part) for part in parts]
    if parts[:1] != [_TOPIC] or sizes[1:] != [_HASH_BYTES, _SEQUENCE_BYTES]:
        raise MalformedMessageError(f"hashblock message of {sizes} B")
    # Core sends the hash in display order, unlike all that it hashes.
    return HashBlock(parts[1].hex(), int.from_bytes(parts[2], "little"))


@implementer(IReadDescriptor)
class _Reader:
    """ZMQ's file descriptor as the reactor watches it."""

    def __init__(self, fd: int, on_readable: Callable[[], None]) -> None:
        self._fd = fd
        self._on_readable = on_readable

    def fileno(self) -> int:
        return self._fd

    def doRead(self) -> None:  # noqa: N802
        self._on_readable()

    def logPrefix(self) -> str:  # noqa: N802
        return "hashblock"

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802
        """ZMQ owns the descriptor and reconnects by itself."""


class HashBlockService(Service):
    """Subscribes to one node; ZMQ connects, and connects again, by itself.

    Attributes:
        missed: Messages that never came, by the gaps in their count.
    """

    _log = Logger()

    def __init__(
        self, endpoint: str, on_block: Callable[[HashBlock], None], reactor: Any
    ) -> None:
        self._endpoint = endpoint
        self._on_block = on_block
        self._reactor = reactor
        self._last: int | None = None
        self.missed = 0

    @override
    def startService(self) -> None:
        """Subscribe.

        Raises:
            zmq.ZMQError: The endpoint is none that ZMQ knows.
        """
        super().startService()
        # Its own: destroying it at the end takes no other socket along.
        self._context = zmq.Context(io_threads=1)
        self._socket = self._context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.RCVHWM, MAX_QUEUED)
        # Before connect: options bind the connections that are made after them.
        self._socket.setsockopt(zmq.MAXMSGSIZE, _MAX_MESSAGE_BYTES)
        self._socket.setsockopt(zmq.SUBSCRIBE, _TOPIC)
        self._socket.connect(self._endpoint)
        self._reader = _Reader(int(self._socket.getsockopt(zmq.FD)), self._read)
        self._reactor.addReader(self._reader)
        # What came before the descriptor was watched has told of itself already.
        self._again = self._reactor.callLater(0, self._read)

    @override
    def stopService(self) -> None:
        """Let go of the socket."""
        super().stopService()
        self._reactor.removeReader(self._reader)
        if self._again.active():
            self._again.cancel()
        self._context.destroy(linger=0)

    def _read(self) -> None:
        """Read what there is: ZMQ's descriptor tells of it only once."""
        for _ in range(MAX_MESSAGES_A_TURN):
            # A listener may stop the service between two messages.
            if not self.running or not self._has_message():
                return
            self._take(self._socket.recv_multipart(zmq.NOBLOCK))
        if self.running and not self._again.active():
            self._again = self._reactor.callLater(0, self._read)

    def _has_message(self) -> bool:
        return bool(int(self._socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN)

    def _take(self, parts: list[bytes]) -> None:
        try:
            block = parse_hashblock(parts)
        except MalformedMessageError as error:
            self._log.info("{at}: {error}", at=self._endpoint, error=error)
            return
        if self._last is not None:
            self.missed += missed_between(self._last, block.sequence)
        self._last = block.sequence
        self._on_block(block)


def missed_between(last: int, sequence: int) -> int:
    """Return how many messages never came between two of a count of 32 bits.

    A count that goes back is a new one: the node was restarted.
    """
    ahead = (sequence - last - 1) % (1 << 32)
    return ahead if ahead < 1 << 31 else 0
