"""The body of an HTTP answer, gathered up to a limit."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from typing_extensions import override

from proxy.node.errors import NodeUnreachableError

MAX_BODY_BYTES = 32 << 20
"""A template of a full block is about 9 MB of JSON, a block 8 MB."""


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
