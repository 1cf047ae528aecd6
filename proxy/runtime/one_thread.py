"""Blocking work on a thread, one piece at a time."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from attrs import define, field
from twisted.internet.defer import DeferredLock

from proxy.runtime.tasks import Tasks

T = TypeVar("T")


@define(eq=False, repr=False)
class OneThread:
    """Runs functions one after the other, each to its end.

    A thread cannot be cancelled: if whoever asked is gone, the next one waits for the
    end of its work all the same. Those who are gone before their turn are passed over.

    Attributes:
        on_thread: Runs a function on some thread; fires with its result.
    """

    on_thread: Callable[[Callable[[], Any]], Awaitable[Any]]
    _lock: DeferredLock = field(factory=DeferredLock, init=False)
    _tasks: Tasks = field(factory=Tasks, init=False)

    async def run(self, work: Callable[[], T]) -> T:
        """Return what `work` returns."""
        await self._lock.acquire()
        return await self._tasks.outlive("work on a thread", self._do(work))

    async def _do(self, work: Callable[[], T]) -> T:
        try:
            result: T = await self.on_thread(work)
        finally:
            self._lock.release()
        return result
