"""A large body of an answer, sent as fast as it is taken."""

from twisted.internet.interfaces import IPushProducer
from twisted.web.server import Request
from zope.interface import implementer

PIECE_BYTES = 65_536
"""What a transport takes before it says to wait: a body of that size goes out whole."""


@implementer(IPushProducer)
class LargeBody:
    """Writes a body by pieces; those who read none of it have one between them.

    Args:
        request: What it answers; it is finished in the end.
        body: All of it.
    """

    def __init__(self, request: Request, body: bytes) -> None:
        self._request = request
        self._body = body
        self._sent = 0
        self._is_paused = False

    def start(self) -> None:
        """Write what is taken at once, and the rest as it is."""
        self._request.registerProducer(self, True)
        self.resumeProducing()

    def pauseProducing(self) -> None:  # noqa: N802  (twisted's name)
        """Write no more: the way out is full."""
        self._is_paused = True

    def resumeProducing(self) -> None:  # noqa: N802
        """Write on."""
        self._is_paused = False
        while not self._is_paused and self._sent < len(self._body):
            begin, self._sent = self._sent, self._sent + PIECE_BYTES
            self._request.write(self._body[begin : self._sent])
        if self._sent >= len(self._body) and self._body:
            self._body = b""
            self._request.unregisterProducer()
            self._request.finish()

    def stopProducing(self) -> None:  # noqa: N802
        """Take note that nobody is there any more."""
        self._is_paused, self._body = True, b""
