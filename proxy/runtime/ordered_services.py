"""Stop services one after the other, the last started first."""

from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred, maybeDeferred
from typing_extensions import override


class OrderedServices(MultiService):
    """Services that each need those before them until they have stopped.

    `MultiService` starts every stop at once: a database would close while those
    who write to it are still saying their last words.
    """

    @override
    def stopService(self) -> "Deferred[None]":
        """Return what a shutdown trigger of the reactor waits for: no coroutine."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        # Past MultiService's own, which would stop all of them at once.
        Service.stopService(self)
        for service in reversed(list(self)):
            await maybeDeferred(service.stopService)
