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

import math
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, cast

from attrs import define, field, frozen
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

MAX_BODY_BYTES = 8192
MAX_IGNORED_BYTES = 65536
"""Of a body that is too large, read before the connection is dropped."""

IDLE = Seconds(15.0)
"""A connection that says nothing for so long is hung up on."""


BODY_WITHIN = Seconds(5.0)
"""8 KiB over the worst of lines."""

HEARD_WITHIN = Seconds(0.25)
"""From a connection until its headers are here as a rule, those of TLS in 50 ms of way
each time included."""

LOOK_EVERY = Seconds(0.05)
"""How often that is looked at, while there are such."""

MAX_UNHEARD = 256
"""Connections of the last `HEARD_WITHIN` beyond all places: a thousand come in a
second."""


@frozen
class HttpLimits:
    """What a site bears.

    Attributes:
        connections: In all.
        strangers: Connections of one neighbourhood (`protocol.hosts`) that ask
            nothing.
        headers_within: In all, however slowly they come.
        body_within: Likewise.
    """

    connections: int
    strangers: int
    headers_within: Seconds
    body_within: Seconds = BODY_WITHIN


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


@define(eq=False, repr=False)
class Visitors:
    """Who is connected, strangers in the order in which they came or fell silent."""

    limits: HttpLimits
    clock: IReactorTime
    _strangers: dict[LimitedConnection, float] = field(factory=dict, init=False)
    _read_until: float = field(default=-math.inf, init=False)
    _look: IDelayedCall | None = field(default=None, init=False)
    _known: set[LimitedConnection] = field(factory=set, init=False)
    _addresses: Counter[str] = field(factory=Counter, init=False)  # of strangers

    def has_room(self, host: str) -> bool:
        """Tell whether one more may come from `host`, once old strangers have gone."""
        while (crowd := self._crowd(host)) is not None:
            oldest = next((c for c in self._strangers if c.host == crowd), None)
            if oldest is None:
                return False
            is_new = self._strangers[oldest] > self._read_until
            if is_new and len(self) < self.limits.connections + MAX_UNHEARD:
                return True
            # Before it is hung up on: its place is free now, and not when the kernel
            # says so.
            self._forget(oldest)
            oldest.hang_up()
        return True

    @property
    def is_crowded(self) -> bool:
        """Many have come of whom nothing was read yet."""
        return self._unheard >= MAX_UNHEARD // 2

    @property
    def _unheard(self) -> int:
        return sum(at > self._read_until for at in self._strangers.values())

    def __len__(self) -> int:
        return len(self._strangers) + len(self._known)

    def came(self, connection: LimitedConnection) -> None:
        """Count in a stranger of whom nothing was read yet."""
        self._add(connection, self.clock.seconds())
        if self._look is None:
            self._look = self.clock.callLater(LOOK_EVERY, self._note_read)

    def known(self, connection: LimitedConnection) -> None:
        """Take note that one is no stranger."""
        if self._forget(connection):
            self._known.add(connection)

    def heard(self, connection: LimitedConnection) -> None:
        """Have a stranger be the last that came."""
        if self._forget(connection):
            self._add(connection, -math.inf)

    def silent(self, connection: LimitedConnection) -> None:
        """Take note that one is a stranger again."""
        if connection in self._known:
            self._known.discard(connection)
            self._add(connection, -math.inf)

    def left(self, connection: LimitedConnection) -> None:
        """Count one out."""
        self._forget(connection)
        self._known.discard(connection)

    def _note_read(self) -> None:
        """Take note until when whoever came has been read, if there was anything.

        In a call of the reactor's, which it makes once it has read all sockets: however
        long a turn takes, who came in it is not yet read.
        """
        self._read_until = self.clock.seconds() - HEARD_WITHIN
        self._look = None
        if self._unheard:
            self._look = self.clock.callLater(LOOK_EVERY, self._note_read)

    def _add(self, connection: LimitedConnection, came_at: float) -> None:
        self._strangers[connection] = came_at
        self._addresses[connection.host] += 1

    def _crowd(self, host: str) -> str | None:
        """Return whose oldest stranger goes for one more of `host`; None: nobody's.

        "": there is no stranger.
        """
        # Its own oldest: an address that floods takes nothing from others.
        if self._addresses[host] >= self.limits.strangers:
            return host
        if len(self) < self.limits.connections:
            return None
        # Of the address that has most of them.
        return self._addresses.most_common(1)[0][0] if self._strangers else ""

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
