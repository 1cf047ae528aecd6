"""A web site where those who ask nothing give way to those who do.

| who        | may                                             | else                |
|------------|-------------------------------------------------|---------------------|
| anybody    | take `headers_within`, from the connection or   | hung up on          |
|            | the first byte of a request to its blank line   |                     |
| anybody    | take `body_within` from there to the last byte  | hung up on          |
| a stranger | have so many connections from an address of     | its oldest goes     |
|            | IPv4 or a /64 of IPv6                           |                     |
| all        | have so many                                    | the oldest stranger |
|            |                                                 | of who has most     |
| anybody    | ask on once what was answered has been taken    | hung up on          |

Nobody goes before `HEARD_WITHIN`: a flood that is taken in one turn of the reactor
would else send away who has just come, before what he sent was read. For that there is
room for `MAX_UNHEARD` more, and where half of that is taken no more are accepted
(`http_listener`). Who is no stranger says the request: `signals/http_limits`,
`web/site`.
"""

from collections.abc import Callable, Iterable
from typing import Any, cast

from attrs import define
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IPushProducer,
    IReactorTime,
)
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.web.server import Request, Site
from typing_extensions import override
from zope.interface import implementer

from protocol.hosts import neighbourhood
from protocol.units import Seconds
from proxy.runtime.http_visitors import HttpLimits, Visitors

MAX_BODY_BYTES = 8192
MAX_IGNORED_BYTES = 65536
"""Of a body that is too large, read before the connection is dropped."""

IDLE = Seconds(15.0)
"""A connection that says nothing for so long is hung up on."""


class LimitedRequest(Request):
    """A request whose body has a limit, however it is sent."""

    _taken = 0

    @property
    def is_too_large(self) -> bool:
        """Its body went beyond the limit, and was not kept."""
        return self._taken > MAX_BODY_BYTES

    @property
    def connection(self) -> "LimitedConnection":
        """What it came by."""
        channel: Any = self.channel
        return cast("LimitedConnection", channel.transport)

    @override
    def gotLength(self, length: int | None) -> None:
        """All headers are here, and nothing else is."""
        super().gotLength(min(length or 0, MAX_BODY_BYTES))  # a buffer, never a file
        self.connection.heard_headers()

    @override
    def handleContentChunk(self, data: bytes) -> None:
        self._taken += len(data)
        if not self.is_too_large:
            super().handleContentChunk(data)
        # Up to there it is read and thrown away, so that the caller gets to see its
        # 413.
        elif self._taken > MAX_IGNORED_BYTES:
            self.connection.hang_up()

    @override
    def process(self) -> None:
        if self.connection.is_full:
            # Requests in a row, 64 KiB of them in one read, would have as many answers
            # wait for who reads none.
            self.connection.hang_up()
            return
        self.connection.heard_request()
        super().process()


class QuietSite(Site):
    """Writes no access log: nobody would read it, and each line costs."""

    noisy = False

    @override
    def log(self, request: object) -> None:
        """Write nothing."""


@implementer(IPushProducer)
@define(eq=False, repr=False)
class _Noting:
    """Notes on a connection whether its producer is held back."""

    connection: "LimitedConnection"
    producer: IPushProducer

    def pauseProducing(self) -> None:  # noqa: N802  (twisted's name)
        self.connection.is_full = True
        self.producer.pauseProducing()

    def resumeProducing(self) -> None:  # noqa: N802
        self.connection.is_full = False
        self.producer.resumeProducing()

    def stopProducing(self) -> None:  # noqa: N802
        self.producer.stopProducing()


class LimitedConnection(ProtocolWrapper):
    """One connection: a deadline for each part of a request.

    Attributes:
        is_full: What was answered waits to be read.
    """

    factory: "LimitedSite"
    is_full = False

    def __init__(self, factory: "LimitedSite", wrapped: Any, host: str) -> None:
        super().__init__(cast("Any", factory), wrapped)  # typed as its own kind's only
        self.host = host
        self._deadline: IDelayedCall | None = None

    @override
    def connectionMade(self) -> None:
        super().connectionMade()
        self._within(self.factory.limits.headers_within)

    @override
    def registerProducer(self, producer: Any, streaming: bool) -> None:
        super().registerProducer(_Noting(self, producer), streaming)

    @override
    def dataReceived(self, data: bytes) -> None:
        if self._deadline is None:  # the next request begins
            # Begun with the first byte, not moved by the next ones: one byte a second
            # is no way to stay.
            self._within(self.factory.limits.headers_within)
        super().dataReceived(data)

    @override
    def connectionLost(self, reason: Any = None) -> None:
        self._stop()
        self.factory.visitors.left(self)
        super().connectionLost(reason)

    def heard_headers(self) -> None:
        """Take note that the headers of a request ended."""
        self._within(self.factory.limits.body_within)

    def heard_request(self) -> None:
        """Take note that all of a request has come."""
        self._stop()

    def hang_up(self) -> None:
        """End the connection at once."""
        transport: Any = self.transport
        transport.abortConnection()

    def _within(self, seconds: Seconds) -> None:
        self._stop()
        self._deadline = self.factory.clock.callLater(seconds, self._too_late)

    def _stop(self) -> None:
        deadline, self._deadline = self._deadline, None
        if deadline is not None and deadline.active():
            deadline.cancel()

    def _too_late(self) -> None:
        self._deadline = None
        self.hang_up()


class LimitedSite(WrappingFactory):
    """A web site that takes so many connections and no more.

    Args:
        site: What it serves; its requests are `LimitedRequest`s.
        clock: For its deadlines.
        limits: What it bears.

    Attributes:
        crowded: Called where many have come of whom nothing was read yet.
    """

    noisy = False

    def __init__(self, site: Site, clock: IReactorTime, limits: HttpLimits) -> None:
        super().__init__(site)
        self.clock = clock
        self.limits = limits
        self.visitors = Visitors(limits, clock)
        self.crowded: Callable[[], None] | None = None

    @override
    def buildProtocol(self, addr: IAddress | None) -> Any:
        host = neighbourhood(str(getattr(addr, "host", "")))
        if not self.visitors.has_room(host):
            return None  # which hangs up
        wrapped = self.wrappedFactory.buildProtocol(addr)
        connection = LimitedConnection(self, wrapped, host)
        self.visitors.came(connection)
        if self.crowded is not None and self.visitors.is_crowded:
            self.crowded()
        return connection

    def hang_up(self) -> None:
        """End every connection, once what was answered on it has been sent.

        Whoever asks again connects again, and so to whom the port is now.
        """
        # A copy: each that is lost takes itself out.
        connections: Iterable[Any] = list(self.protocols)
        for connection in connections:
            connection.loseConnection()
