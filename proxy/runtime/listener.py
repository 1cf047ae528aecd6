"""Listen on an endpoint for as long as a service runs."""

from twisted.application.service import Service
from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IStreamServerEndpoint,
)
from typing_extensions import override


class ListenerService(Service):
    """Accept connections for `factory`; `ready` tells whether the port was had.

    `StreamServerEndpointService` only logs that it was not, and runs on deaf.
    """

    def __init__(
        self, endpoint: IStreamServerEndpoint, factory: IProtocolFactory
    ) -> None:
        self._endpoint = endpoint
        self._factory = factory
        self._port: IListeningPort | None = None

    @override
    def startService(self) -> None:
        """Ask for the port; `main` awaits `ready` of every listener."""
        super().startService()
        self._listening = self._endpoint.listen(self._factory)
        # Not awaited: startService may not be a coroutine, which Twisted would drop.
        _ = self._listening.addCallback(self._opened)

    async def ready(self) -> IListeningPort:
        """Return the open port. Await it once: a Deferred has one result to give.

        Raises:
            CannotListenError: The port is taken, or may not be had.
        """
        return await self._listening

    @override
    async def stopService(self) -> None:
        """Close the port, awaited or not; connections that are open stay open."""
        super().stopService()
        _ = self._listening.addErrback(lambda _: None)  # nobody asks any more
        if self._port is not None:
            await maybeDeferred(self._port.stopListening)

    def _opened(self, port: IListeningPort) -> IListeningPort:
        self._port = port
        return port
