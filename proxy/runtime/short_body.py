"""The beginning of an HTTP answer's body, and why there was no answer."""

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from typing_extensions import override


class ShortBody(Protocol):
    """A body up to a limit: what is longer is cut off, and its sender hung up on.

    Attributes:
        whole: Its bytes, once it ended or was cut off.
    """

    def __init__(self, limit: int) -> None:
        self.whole: Deferred[bytes] = Deferred(lambda _: self._hang_up())
        self._limit = limit
        self._data = b""

    @override
    def dataReceived(self, data: bytes) -> None:
        self._data += data
        if len(self._data) > self._limit:
            self._end()
            self._hang_up()

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._end()  # cut off or whole: the status is what counts

    def _end(self) -> None:
        if not self.whole.called:
            self.whole.callback(self._data[: self._limit])

    def _hang_up(self) -> None:
        if self.transport is not None:
            self.transport.loseConnection()


def why_unreached(error: Exception) -> str:
    """Return what an HTTP failure wraps, for people; never nothing."""
    reasons = getattr(error, "reasons", None)
    said = str(reasons[0].getErrorMessage()) if reasons else str(error)
    return said or "no answer in time"  # a request that was given up has no words
