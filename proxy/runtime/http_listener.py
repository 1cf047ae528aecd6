"""A port of HTTP that takes no more callers at once than can be heard.

Twisted takes whoever waits in the kernel, a hundred and more in a turn, before it reads
what any of them sent. While many have come of whom nothing was read, the port rests,
and the others wait in the kernel's queue, who has the token among them: none of those
that are in is sent away for those that are not.
"""

from typing import Any

from twisted.internet.interfaces import (
    IDelayedCall,
    IListeningPort,
    IStreamServerEndpoint,
)
from typing_extensions import override

from protocol.units import Seconds
from proxy.runtime.http_limits import LimitedSite
from proxy.runtime.listener import ListenerService

BACKLOG = 1024
"""Callers that wait in the kernel. With Twisted's 50 it is the kernel of the caller
that tries again, after 1 s, 3 s and 7 s."""

IN_A_TURN = 32
"""Callers that are taken in a turn of the reactor: 10 ms. Twisted takes 20 more in each
turn after one that did not take all."""

REST = Seconds(0.05)
"""Until it is looked whether there is room again."""


class HttpListener(ListenerService):
    """Accepts connections for `site` while those that have come are heard."""

    def __init__(self, endpoint: IStreamServerEndpoint, site: LimitedSite) -> None:
        super().__init__(endpoint, site)
        self._site = site
        self._open: Any = None
        self._resting: IDelayedCall | None = None
        site.crowded = self._rest

    @override
    def _opened(self, port: IListeningPort) -> IListeningPort:
        self._open = port if hasattr(port, "stopReading") else None
        listening = getattr(port, "socket", None)
        if listening is not None:
            listening.listen(BACKLOG)
        return super()._opened(port)

    @override
    async def stopService(self) -> None:
        self._open, resting = None, self._resting
        self._resting = None
        if resting is not None and resting.active():
            resting.cancel()
        await super().stopService()

    def _rest(self) -> None:
        """Take nobody for a while."""
        if self._open is None or self._resting is not None:
            return
        self._open.stopReading()
        self._resting = self._site.clock.callLater(REST, self._look)

    def _look(self) -> None:
        if self._site.visitors.is_crowded:
            self._resting = self._site.clock.callLater(REST, self._look)
            return
        self._resting = None
        if self._open is not None:
            self._open.numberAccepts = IN_A_TURN
            self._open.startReading()
