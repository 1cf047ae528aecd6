"""The bodies of HTTP: one to send at once, one to gather up to a limit."""

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IConsumer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.iweb import IBodyProducer
from typing_extensions import override
from zope.interface import implementer

from proxy.node.errors import NodeUnreachableError

MAX_BODY_BYTES = 32 << 20
"""A template of a full block is about 9 MB of JSON, a block 8 MB."""


@implementer(IBodyProducer)
class BytesProducer:
    """A body that is written in one go: the transport buffers it.

    Twisted's FileBodyProducer needs the global reactor to write by bits.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.length = len(data)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:  # noqa: N802
        """Write all of it."""
        consumer.write(self._data)
        return succeed(None)

    def pauseProducing(self) -> None:  # noqa: N802
        """Nothing is left to hold back."""

    def resumeProducing(self) -> None:  # noqa: N802
        """Nothing is left to go on with."""

    def stopProducing(self) -> None:  # noqa: N802
        """Nothing is left to stop."""


class BodyCollector(Protocol):
    """Gathers one body; `body` fires with it, or with NodeUnreachableError."""

    def __init__(self, limit: int = MAX_BODY_BYTES) -> None:
        self._limit = limit
        self._chunks: list[bytes] = []
        self._size = 0
        self.body: Deferred[bytes] = Deferred(self._cancel)

    @override
    def dataReceived(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._limit:
            self._give_up(NodeUnreachableError(f"answer over {self._limit} B"))
            return
        self._chunks.append(data)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        # It was given up: the end of the connection is our own doing.
        if self.body.called:
            return
        if reason.check(ResponseDone):
            self.body.callback(b"".join(self._chunks))
            return
        error = NodeUnreachableError(f"answer cut off: {reason.getErrorMessage()}")
        self.body.errback(error)

    def _cancel(self, _body: Deferred[bytes]) -> None:
        self._give_up(CancelledError())

    def _give_up(self, error: Exception) -> None:
        self._chunks.clear()
        if not self.body.called:
            self.body.errback(error)
        if self.transport is not None:
            self.transport.loseConnection()
