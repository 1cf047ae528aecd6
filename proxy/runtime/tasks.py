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
        # A task may start another as it ends: _keep makes a new set, so this loop is
        # not disturbed.
        for task in self._running:
            task.cancel()
        await DeferredList(self._running)

    def _keep(self, task: Deferred[Any]) -> None:
        self._running = {t for t in self._running if not t.called} | {task}

    async def _guard(
        self, what: str, coroutine: Coroutine[Deferred[Any], Any, None]
    ) -> None:
        with self._log.failuresHandled("{what} failed", what=what):
            try:
                await coroutine
            except CancelledError:
                self._log.debug("{what} cancelled", what=what)
