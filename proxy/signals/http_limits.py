"""A web site that strangers cannot fill the memory of."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.protocols.policies import WrappingFactory
from twisted.web.resource import Resource
from twisted.web.server import Request, Site
from typing_extensions import override

from protocol.units import Seconds

MAX_BODY_BYTES = 8192
MAX_IGNORED_BYTES = 65536
"""Of a body that is too large, read before the connection is dropped."""

MAX_CONNECTIONS = 64
"""Beyond it one that has not shown the token makes room for a new one."""

IDLE = Seconds(15.0)
"""A connection that says nothing for so long is hung up on."""


MayAsk = Callable[[str | None], bool]
"""Tells whether an Authorization header is good."""

_REFUSAL = (
    b"HTTP/1.1 401 Unauthorized\r\n"
    b"WWW-Authenticate: Bearer\r\n"
    b"Content-Type: application/json\r\n"
    b"Content-Length: %d\r\n"
    b"Connection: close\r\n\r\n%b"
)
_WHY = b'{"taken":false,"reason":"token?"}\n'


class LimitedRequest(Request):
    """A request whose body has a limit, and is read of who shows the token alone."""

    _taken = 0
    _is_refused = False

    @property
    def is_too_large(self) -> bool:
        """Its body went beyond the limit, and was not kept."""
        return self._taken > MAX_BODY_BYTES

    @override
    def gotLength(self, length: int | None) -> None:
        """Take note that the headers are here, and a body of `length` is to come."""
        super().gotLength(min(length or 0, MAX_BODY_BYTES))  # a buffer, never a file
        channel: Any = self.channel
        if channel.site.may_ask(self.getHeader("authorization")):
            channel.site.is_trusted(channel.transport)
        elif length != 0:
            self._is_refused = True
            channel.transport.write(_REFUSAL % (len(_WHY), _WHY))
            channel.transport.loseConnection()

    @override
    def handleContentChunk(self, data: bytes) -> None:
        self._taken += len(data)
        if not self.is_too_large and not self._is_refused:
            super().handleContentChunk(data)
        elif self._taken > MAX_IGNORED_BYTES:
            channel: Any = self.channel
            channel.transport.abortConnection()

    @override
    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        if not self._is_refused:
            super().requestReceived(command, path, version)


class _QuietSite(Site):
    """Writes no access log: nobody would read it, and each line costs.

    Attributes:
        may_ask: Tells whether a header holds the token.
        is_trusted: Told of each connection that has shown it.
    """

    noisy = False
    may_ask: MayAsk
    is_trusted: Callable[[Any], None]

    @override
    def log(self, request: object) -> None:
        """Write nothing."""


class LimitedSite(WrappingFactory):
    """A web site that takes so many connections, and lets no stranger fill them.

    Where all are taken, a new one is let in at the cost of the oldest that has not
    shown the token, of the address that has most of these.
    """

    noisy = False

    def __init__(
        self, resource: Resource, clock: IReactorTime, may_ask: MayAsk
    ) -> None:
        site = _QuietSite(
            resource, requestFactory=LimitedRequest, timeout=IDLE, reactor=clock
        )
        site.may_ask, site.is_trusted = may_ask, self._trust
        super().__init__(site)
        self._strangers: dict[Any, str] = {}  # with their addresses, oldest first

    @override
    def buildProtocol(self, addr: IAddress | None) -> Any:
        if len(self.protocols) >= MAX_CONNECTIONS and not self._make_room():
            return None  # which hangs up
        protocol = super().buildProtocol(addr)
        self._strangers[protocol] = str(getattr(addr, "host", ""))
        return protocol

    @override
    def unregisterProtocol(self, p: Any) -> None:
        self._trust(p)
        super().unregisterProtocol(p)

    def _trust(self, protocol: Any) -> None:
        self._strangers.pop(protocol, None)

    def _make_room(self) -> bool:
        """Hang up on a stranger; return whether there was one."""
        if not self._strangers:
            return False
        ((most, _),) = Counter(self._strangers.values()).most_common(1)
        oldest = next(p for p, host in self._strangers.items() if host == most)
        self._trust(oldest)
        oldest.abortConnection()
        return True
