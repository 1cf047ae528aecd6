"""A web site that strangers cannot fill the memory of."""

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


class _QuietSite(Site):
    """Writes no access log: nobody would read it, and each line costs."""

    noisy = False

    @override
    def log(self, request: object) -> None:
        """Write nothing."""


class LimitedSite(WrappingFactory):
    """A web site that takes so many connections and no more."""

    noisy = False

    def __init__(self, resource: Resource, clock: IReactorTime) -> None:
        super().__init__(
            _QuietSite(
                resource, requestFactory=LimitedRequest, timeout=IDLE, reactor=clock
            )
        )

    @override
    def buildProtocol(self, addr: IAddress | None) -> Any:
        if len(self.protocols) >= MAX_CONNECTIONS:
            return None  # which hangs up
        return super().buildProtocol(addr)
