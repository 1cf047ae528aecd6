"""Where strangers cannot spend what those who hold the token of a signal need.

A stranger is who has not shown the token on that connection (`runtime/http_limits`). It
is looked at when the headers end: without it nothing of the body is read.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import Resource
from typing_extensions import override

from protocol.units import Seconds
from proxy.runtime.http_limits import IDLE, LimitedRequest, LimitedSite, QuietSite
from proxy.runtime.http_visitors import HttpLimits

LIMITS = HttpLimits(connections=64, strangers=8, headers_within=Seconds(3.0))

IsKnown = Callable[[str | None], bool]
"""Tells whether an Authorization header holds the token."""


class TokenRequest(LimitedRequest):
    """A request that is taken from those who show the token."""

    _is_refused = False

    @override
    def gotLength(self, length: int | None) -> None:
        """Look at who asks."""
        super().gotLength(length)
        channel: Any = self.channel
        if channel.site.is_known(self.getHeader("authorization")):
            self.connection.factory.visitors.known(self.connection)
            return
        self._is_refused = True
        # Past the request: an answer through it would wait until the body has been
        # read.
        self.connection.write(channel.site.refusal)
        channel.loseConnection()

    @override
    def handleContentChunk(self, data: bytes) -> None:
        if not self._is_refused:
            super().handleContentChunk(data)

    @override
    def process(self) -> None:
        if not self._is_refused:
            super().process()


class _TokenSite(QuietSite):
    def __init__(
        self, resource: Resource, clock: IReactorTime, is_known: IsKnown, refusal: bytes
    ) -> None:
        super().__init__(
            resource, requestFactory=TokenRequest, timeout=IDLE, reactor=clock
        )
        self.is_known = is_known
        self.refusal = refusal


def token_site(
    resource: Resource, clock: IReactorTime, is_known: IsKnown, refusal: bytes
) -> LimitedSite:
    """Return a web site for those who show a token.

    Args:
        resource: What it serves to them.
        clock: For its deadlines.
        is_known: Tells who shows it.
        refusal: What is sent to whoever does not, a whole answer.
    """
    return LimitedSite(_TokenSite(resource, clock, is_known, refusal), clock, LIMITS)
