"""Run a coroutine test on the real reactor, with a deadline and no leftovers."""

import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ParamSpec

import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

P = ParamSpec("P")
CoroutineTest = Callable[P, Coroutine[Deferred[Any], Any, None]]


def on_reactor(test: CoroutineTest[P]) -> Callable[P, Awaitable[None]]:
    """Fail `test` after 5 s, or if it leaves a timer, port or connection open.

    pytest-timeout cannot do this: the reactor logs its exception and goes on.
    """

    @functools.wraps(test)
    async def run(*args: P.args, **kwargs: P.kwargs) -> None:
        from twisted.internet import reactor  # noqa: PLC0415, TID251

        def open_now() -> set[object]:
            sockets = {*reactor.getReaders(), *reactor.getWriters()}
            return sockets | set(reactor.getDelayedCalls())

        before = open_now()
        await Deferred.fromCoroutine(test(*args, **kwargs)).addTimeout(5.0, reactor)
        for _ in range(50):
            if open_now() <= before:
                return
            await deferLater(reactor, 0.01)
        assert open_now() <= before

    marked: Callable[P, Awaitable[None]] = pytest_twisted.ensureDeferred(run)
    return marked
