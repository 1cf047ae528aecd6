"""A web site with limits: connections, the body of a request, idle time."""

from typing import Any

from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.web.resource import Resource
from twisted.web.server import Request, Site
from typing_extensions import override

from protocol.units import Seconds
from proxy.web.asked import MAX_BODY_BYTES

MAX_CONNECTIONS = 256
"""Four times the viewers: pages, scrapers and those who act."""

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

    @override
    def gotLength(self, length: int | None) -> None:
        super().gotLength(min(length or 0, MAX_BODY_BYTES))  # a buffer, never a file

    @override
    def handleContentChunk(self, data: bytes) -> None:
        self._taken += len(data)
        if not self.is_too_large:
            super().handleContentChunk(data)
        elif self._taken > MAX_IGNORED_BYTES:
            channel: Any = self.channel
            channel.transport.abortConnection()


class WebSite(Site):
    """Takes `MAX_CONNECTIONS`; writes no access log, which nobody would read."""

    noisy = False

    def __init__(self, resource: Resource, clock: IReactorTime) -> None:
        super().__init__(
            resource, requestFactory=LimitedRequest, timeout=IDLE, reactor=clock
        )
        self.connections: set[Any] = set()

    @override
    def buildProtocol(self, addr: IAddress | None) -> Any:
        if len(self.connections) >= MAX_CONNECTIONS:
            return None  # which hangs up
        protocol: Any = super().buildProtocol(addr)
        lost = protocol.connectionLost
        self.connections.add(protocol)

        def connection_lost(reason: Any) -> None:
            self.connections.discard(protocol)
            lost(reason)

        protocol.connectionLost = connection_lost
        return protocol

    @override
    def log(self, request: object) -> None:
        """Write nothing."""
