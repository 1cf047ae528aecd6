"""The body of an HTTP request, at hand as a whole."""

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer


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
