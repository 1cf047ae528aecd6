"""A web site where strangers cannot spend what those who hold the token need.

| who        | may                                               | else             |
|------------|---------------------------------------------------|------------------|
| anybody    | take `HEADERS_WITHIN`, from the connection or the | hung up on       |
|            | first byte of a request to its blank line         |                  |
| anybody    | take `BODY_WITHIN` from there to the last byte    | hung up on       |
| a stranger | have `MAX_STRANGERS` connections from an address  | its oldest goes  |
| all        | have `MAX_CONNECTIONS`                            | the oldest       |
|            |                                                   | stranger goes    |

A stranger is who has not shown the token on that connection. It is looked at when the
headers end: without it nothing of the body is read.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, cast

from attrs import define, field
from twisted.internet.interfaces import IAddress, IDelayedCall, IReactorTime
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.web.resource import Resource
from twisted.web.server import Request, Site
from typing_extensions import override

from protocol.units import Seconds

MAX_BODY_BYTES = 8192
MAX_IGNORED_BYTES = 65536
"""Of a body that is too large, read before the connection is dropped."""

MAX_CONNECTIONS = 64
MAX_STRANGERS = 8
"""Of one address; who has shown the token is none."""

HEADERS_WITHIN = Seconds(3.0)
BODY_WITHIN = Seconds(5.0)
"""In all, however slowly they come: 8 KiB over the worst of lines."""

IDLE = Seconds(15.0)
"""A connection that says nothing for so long is hung up on."""

IsKnown = Callable[[str | None], bool]
"""Tells whether an Authorization header holds the token."""


class LimitedRequest(Request):
    """A request whose body has a limit, however it is sent."""

    _taken = 0
    _is_refused = False

    @property
    def is_too_large(self) -> bool:
        """Its body went beyond the limit, and was not kept."""
        return self._taken > MAX_BODY_BYTES

    @override
    def gotLength(self, length: int | None) -> None:
        """Look at who asks: all headers are here, and nothing else is."""
        super().gotLength(min(length or 0, MAX_BODY_BYTES))  # a buffer, never a file
        channel: Any = self.channel
        if channel.site.is_known(self.getHeader("authorization")):
            channel.transport.showed_token()
            return
        self._is_refused = True
        # Past the request: an answer through it would wait until the body has been
        # read.
        channel.transport.write(channel.site.refusal)
        channel.loseConnection()

    @override
    def handleContentChunk(self, data: bytes) -> None:
        self._taken += len(data)
        if self._is_refused:
            return
        if not self.is_too_large:
            super().handleContentChunk(data)
        # Up to there it is read and thrown away, so that the caller gets to see its
        # 413.
        elif self._taken > MAX_IGNORED_BYTES:
            channel: Any = self.channel
            channel.transport.abortConnection()

    @override
    def process(self) -> None:
        if not self._is_refused:
            channel: Any = self.channel
            channel.transport.heard_request()
            super().process()


class _QuietSite(Site):
    """Writes no access log: nobody would read it, and each line costs."""

    noisy = False

    def __init__(
        self, resource: Resource, clock: IReactorTime, is_known: IsKnown, refusal: bytes
    ) -> None:
        super().__init__(
            resource, requestFactory=LimitedRequest, timeout=IDLE, reactor=clock
        )
        self.is_known = is_known
        self.refusal = refusal

    @override
    def log(self, request: object) -> None:
        """Write nothing."""


class LimitedConnection(ProtocolWrapper):
    """One connection: a deadline for each part of a request."""

    factory: "LimitedSite"

    def __init__(self, factory: "LimitedSite", wrapped: Any, host: str) -> None:
        super().__init__(cast("Any", factory), wrapped)  # typed as its own kind's only
        self.host = host
        self._deadline: IDelayedCall | None = None

    @override
    def connectionMade(self) -> None:
        super().connectionMade()
        self._within(HEADERS_WITHIN)

    @override
    def dataReceived(self, data: bytes) -> None:
        if self._deadline is None:  # the next request begins
            # Begun with the first byte, not moved by the next ones: one byte a second
            # is no way to stay.
            self._within(HEADERS_WITHIN)
        super().dataReceived(data)

    @override
    def connectionLost(self, reason: Any = None) -> None:
        self._stop()
        self.factory.visitors.left(self)
        super().connectionLost(reason)

    def showed_token(self) -> None:
        """Take note that its headers ended, and that they held the token."""
        self.factory.visitors.known(self)
        self._within(BODY_WITHIN)

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


@define(eq=False, repr=False)
class Visitors:
    """Who is connected, those that have not shown the token in the order they came."""

    _strangers: dict[LimitedConnection, None] = field(factory=dict, init=False)
    _known: set[LimitedConnection] = field(factory=set, init=False)
    _addresses: Counter[str] = field(factory=Counter, init=False)  # of strangers

    def has_room(self, host: str) -> bool:
        """Tell whether one more may come from `host`, once an old stranger has gone."""
        # Its own oldest: an address that floods takes nothing from others.
        if self._addresses[host] >= MAX_STRANGERS:
            self._send_away(host)
        elif len(self._strangers) + len(self._known) >= MAX_CONNECTIONS:
            if not self._strangers:
                return False
            # Of the address that has most of them.
            self._send_away(self._addresses.most_common(1)[0][0])
        return True

    def came(self, connection: LimitedConnection) -> None:
        """Count in a stranger."""
        self._strangers[connection] = None
        self._addresses[connection.host] += 1

    def known(self, connection: LimitedConnection) -> None:
        """Take note that one has shown the token."""
        if self._forget(connection):
            self._known.add(connection)

    def left(self, connection: LimitedConnection) -> None:
        """Count one out."""
        self._forget(connection)
        self._known.discard(connection)

    def _send_away(self, host: str) -> None:
        oldest = next(c for c in self._strangers if c.host == host)
        # Before it is hung up on: its place is free now, and not when the kernel says
        # so.
        self._forget(oldest)
        oldest.hang_up()

    def _forget(self, connection: LimitedConnection) -> bool:
        if connection not in self._strangers:
            return False
        del self._strangers[connection]
        self._addresses[connection.host] -= 1
        if not self._addresses[connection.host]:
            del self._addresses[connection.host]
        return True


class LimitedSite(WrappingFactory):
    """A web site that takes so many connections and no more.

    Args:
        resource: What it serves to those who show the token.
        clock: For its deadlines.
        is_known: Tells who shows it.
        refusal: What is sent to whoever does not, a whole answer.
    """

    noisy = False

    def __init__(
        self, resource: Resource, clock: IReactorTime, is_known: IsKnown, refusal: bytes
    ) -> None:
        super().__init__(_QuietSite(resource, clock, is_known, refusal))
        self.clock = clock
        self.visitors = Visitors()

    @override
    def buildProtocol(self, addr: IAddress | None) -> Any:
        host = str(getattr(addr, "host", ""))
        if not self.visitors.has_room(host):
            return None  # which hangs up
        wrapped = self.wrappedFactory.buildProtocol(addr)
        connection = LimitedConnection(self, wrapped, host)
        self.visitors.came(connection)
        return connection

    def hang_up(self) -> None:
        """End every connection, once what was answered on it has been sent.

        Whoever asks again connects again, and so to whom the port is now.
        """
        # A copy: each that is lost takes itself out.
        for connection in list(self.protocols):
            connection.loseConnection()
