"""Run a coroutine test on the real reactor, with a deadline and no leftovers."""

import functools
import socket
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import ExitStack
from typing import Any, ParamSpec

import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from protocol.units import Seconds

PATIENCE = Seconds(180.0)
"""Longer than anything takes on a busy machine: only what hangs takes so long."""

P = ParamSpec("P")
CoroutineTest = Callable[P, Coroutine[Deferred[Any], Any, None]]
ReactorTest = Callable[P, Awaitable[None]]


def within(deadline: Seconds) -> Callable[[CoroutineTest[P]], ReactorTest[P]]:
    """Fail a test after `deadline`, or if it leaves a timer or connection open.

    pytest-timeout cannot do this: the reactor logs its exception and goes on.
    """

    def decorate(test: CoroutineTest[P]) -> ReactorTest[P]:
        @functools.wraps(test)
        async def run(*args: P.args, **kwargs: P.kwargs) -> None:
            await _run(Deferred.fromCoroutine(test(*args, **kwargs)), deadline)

        marked: ReactorTest[P] = pytest_twisted.ensureDeferred(run)
        return marked

    return decorate


def on_reactor(test: CoroutineTest[P]) -> ReactorTest[P]:
    """Run `test` on the real reactor; it fails if it hangs."""
    return within(PATIENCE)(test)


async def _run(test: Deferred[None], deadline: Seconds) -> None:
    from twisted.internet import reactor  # noqa: PLC0415, TID251

    def open_now() -> set[object]:
        sockets = {*reactor.getReaders(), *reactor.getWriters()}
        return sockets | set(reactor.getDelayedCalls())

    before = open_now()
    fired: list[float] = []

    def late() -> None:
        fired.append(deadline)
        test.cancel()

    timer = reactor.callLater(deadline, late)
    try:
        await test
    finally:  # also where what was cancelled made nothing of it
        assert not fired, f"not done after {deadline:g} s"
        timer.cancel()
    for _ in range(50):
        if open_now() <= before:
            return
        await deferLater(reactor, 0.01)
    assert open_now() <= before


def free_port() -> int:
    """Return a TCP port of the loopback that nobody listens on just now."""
    return free_ports(1)[0]


def free_ports(number: int) -> list[int]:
    """Return so many of them, all different."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(number)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
