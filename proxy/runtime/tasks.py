"""Own the coroutines that run in the background."""

from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.logger import Logger


class Tasks:
    """Coroutines that live no longer than their owner and never fail unseen."""

    _log = Logger()

    def __init__(self) -> None:
        self._running: set[Deferred[None]] = set()

    def start(self, what: str, coroutine: Coroutine[Deferred[Any], Any, None]) -> None:
        """Run `coroutine`; a failure is logged as "`what` failed"."""
        task = Deferred.fromCoroutine(self._guard(what, coroutine))
        self._running = {t for t in self._running if not t.called} | {task}

    async def cancel_all(self) -> None:
        """Cancel what still runs and wait until it has unwound."""
        for task in self._running:
            task.cancel()
        await DeferredList(self._running)

    async def _guard(
        self, what: str, coroutine: Coroutine[Deferred[Any], Any, None]
    ) -> None:
        with self._log.failuresHandled("{what} failed", what=what):
            try:
                await coroutine
            except CancelledError:
                self._log.debug("{what} cancelled", what=what)
