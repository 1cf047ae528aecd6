"""Own the coroutines that run in the background."""

from collections.abc import Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.logger import Logger

T = TypeVar("T")


class Tasks:
    """Coroutines that live no longer than their owner and never fail unseen."""

    _log = Logger()

    def __init__(self) -> None:
        self._running: set[Deferred[Any]] = set()

    def start(self, what: str, coroutine: Coroutine[Deferred[Any], Any, None]) -> None:
        """Run `coroutine`; a failure is logged as "`what` failed"."""
        self._keep(Deferred.fromCoroutine(self._guard(what, coroutine)))

    async def outlive(self, coroutine: Coroutine[Deferred[Any], Any, T]) -> T:
        """Return what `coroutine` does, which goes on if the caller is cancelled."""
        task = Deferred.fromCoroutine(coroutine)
        self._keep(task)
        result: Deferred[T] = Deferred()
        # A Deferred of its own for the caller: cancelling that one leaves the task
        # alone.
        _ = task.chainDeferred(result)
        return await result

    async def cancel_all(self) -> None:
        """Cancel what still runs and wait until it has unwound."""
        for task in list(self._running):  # one may start another as it ends
            task.cancel()
        await DeferredList(list(self._running))

    def _keep(self, task: Deferred[T]) -> None:
        self._running.add(task)
        _ = task.addBoth(self._ended, task)

    def _ended(self, result: T, task: Deferred[T]) -> T:
        self._running.discard(task)
        return result

    async def _guard(
        self, what: str, coroutine: Coroutine[Deferred[Any], Any, None]
    ) -> None:
        with self._log.failuresHandled("{what} failed", what=what):
            try:
                await coroutine
            except CancelledError:
                self._log.debug("{what} cancelled", what=what)
