"""Own the coroutines that run in the background."""

from collections.abc import Coroutine
from typing import Any, TypeVar

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

from proxy.runtime.awaiting import failures_logged

T = TypeVar("T")


class Tasks:
    """Coroutines that live no longer than their owner and never fail unseen."""

    _log = Logger()

    def __init__(self) -> None:
        self._running: set[Deferred[Any]] = set()

    def __len__(self) -> int:
        """Return how many still run."""
        return len(self._running)

    def start(self, what: str, coroutine: Coroutine[Deferred[Any], Any, None]) -> None:
        """Run `coroutine`; a failure is logged as "`what` failed"."""
        self._keep(Deferred.fromCoroutine(self._guard(what, coroutine)))

    async def outlive(
        self, what: str, coroutine: Coroutine[Deferred[Any], Any, T]
    ) -> T:
        """Return what `coroutine` does, which goes on if the caller is cancelled.

        A failure that the caller is there for is the caller's to tell of; any other
        is logged as "`what` failed".
        """
        task = Deferred.fromCoroutine(coroutine)
        self._keep(task)
        # A Deferred of its own for the caller: cancelling that one leaves the task
        # alone.
        result: Deferred[T] = Deferred()
        _ = task.addBoth(self._hand_on, what, result)
        return await result

    async def cancel_all(self) -> None:
        """Cancel what still runs and wait until it has unwound."""
        for task in list(self._running):  # one may start another as it ends
            task.cancel()
        await DeferredList(list(self._running))

    def _keep(self, task: Deferred[T]) -> None:
        self._running.add(task)
        _ = task.addBoth(self._ended, task)

    def _hand_on(self, found: T | Failure, what: str, result: Deferred[T]) -> None:
        if not result.called:
            result.callback(found)
        elif isinstance(found, Failure) and not found.check(CancelledError):
            self._log.failure("{what} failed", found, what=what)

    def _ended(self, result: T, task: Deferred[T]) -> T:
        self._running.discard(task)
        return result

    async def _guard(
        self, what: str, coroutine: Coroutine[Deferred[Any], Any, None]
    ) -> None:
        try:
            with failures_logged(self._log, "{what} failed", what=what):
                await coroutine
        except CancelledError:
            self._log.debug("{what} cancelled", what=what)


class TasksService(Service):
    """Cancels what still runs of `tasks` when it is stopped."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks

    @override
    async def stopService(self) -> None:
        super().stopService()
        await self._tasks.cancel_all()
