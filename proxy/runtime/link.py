"""Typed messages between two processes over one stream."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec
from twisted.internet.interfaces import IAddress, IPushProducer
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from protocol.errors import MalformedMessageError, RemoteError
from protocol.framing import LineFramer
from protocol.unreadable import UNREADABLE

MAX_UNSENT_BYTES = 8 << 20
"""What may wait for a peer that does not read; beyond it the link is dropped."""

Heard = TypeVar("Heard")

_encode = msgspec.json.encode


@implementer(IPushProducer)
class LinkConnection(Protocol, Generic[Heard]):
    """One end of a link: messages in, messages out, one a line.

    Attributes:
        is_open: Messages can be sent.
    """

    _log = Logger()

    def __init__(self, factory: "LinkFactory[Heard]") -> None:
        self._factory = factory
        self._framer = LineFramer(factory.max_line_bytes)
        self._is_full = False
        self._unsent = 0
        self.is_open = False

    @override
    def connectionMade(self) -> None:
        self.is_open = True
        # As a push producer we are told when the transport's buffer is full, and when
        # it is empty.
        self._transport.registerProducer(self, True)
        self._factory.opened(self)

    @override
    def dataReceived(self, data: bytes) -> None:
        try:
            for line in self._framer.feed(data):
                # A message may have had us hang up: the rest of what came with it is
                # nobody's.
                if self.is_open:
                    self._factory.received(self._read(line))
        except RemoteError as error:
            self.drop(str(error))

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.is_open = False
        self._factory.lost(self)

    def is_full(self) -> bool:
        """Return whether the peer has yet to read: what is no hurry may wait."""
        return self._is_full

    def send(self, message: msgspec.Struct) -> None:
        """Send `message`, or drop the link if its peer has stopped reading."""
        if not self.is_open:
            return
        line = _encode(message) + b"\n"
        if self._is_full:
            # Counted from when it was full: a bound on what is added, since Twisted
            # does not tell what waits.
            self._unsent += len(line)
            if self._unsent > MAX_UNSENT_BYTES:
                self.drop(f"more than {MAX_UNSENT_BYTES} B are waiting")
                return
        self._transport.write(line)

    def drop(self, why: str) -> None:
        """Hang up now."""
        if self.is_open:
            # First: a listener that is told of the loss must not send.
            self.is_open = False
            self._log.warn("link: hanging up: {why}", why=why)
            self._transport.abortConnection()

    def pauseProducing(self) -> None:  # noqa: N802  (IPushProducer)
        """Count from now on what the peer has not read."""
        self._is_full = True

    def resumeProducing(self) -> None:  # noqa: N802  (IPushProducer)
        """Note that the peer has read it all."""
        self._is_full = False
        self._unsent = 0
        self._factory.drained(self)

    def stopProducing(self) -> None:  # noqa: N802  (IPushProducer)
        """Note that the link is gone."""
        self.is_open = False

    def _read(self, line: bytes) -> Heard:
        try:
            return self._factory.decode(line)
        except UNREADABLE as error:
            raise MalformedMessageError(f"not a message: {error}") from error

    @property
    def _transport(self) -> Any:
        return self.transport


class LinkFactory(Factory, Generic[Heard]):
    """Makes one end of a link, and knows who is interested in it.

    Args:
        decode: Reads a line; raises one of `UNREADABLE`.
        max_line_bytes: Longest line taken.
        opened: Called with the connection once messages can be sent.
        received: Called with each message.
        lost: Called with the connection when it is gone.

    Attributes:
        drained: Called with the connection when its peer has read all it was sent.
    """

    noisy = False

    def __init__(
        self,
        decode: Callable[[bytes], Heard],
        max_line_bytes: int,
        *,
        opened: Callable[[LinkConnection[Heard]], None],
        received: Callable[[Heard], None],
        lost: Callable[[LinkConnection[Heard]], None],
    ) -> None:
        self.decode = decode
        self.max_line_bytes = max_line_bytes
        self.opened = opened
        self.received = received
        self.lost = lost
        self.drained: Callable[[LinkConnection[Heard]], None] = lambda _: None

    @override
    def buildProtocol(self, addr: IAddress | None) -> LinkConnection[Heard]:
        return LinkConnection(self)
