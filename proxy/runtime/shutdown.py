"""End work on a signal, and let the reactor wait until it has ended."""

import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.internet.task import deferLater

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def stop(reactor: Any) -> None:
    """Stop `reactor`, if it does not stop already."""
    with suppress(ReactorNotRunning):
        reactor.stop()


def stop_at_signals(reactor: Any) -> None:
    """Stop `reactor` at SIGINT and SIGTERM, however many come.

    Twisted's own handlers take the second for a fault, and log it. It is none: Ctrl-C
    is for all processes of a terminal, and who started one of them stops it too. Call
    it when the reactor runs: it has put its own handlers there by then.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: reactor.callFromThread(stop, reactor))


async def until_shutdown(reactor: Any, work: Callable[[], Awaitable[None]]) -> None:
    """Run `work`; SIGINT, SIGTERM or SIGHUP cancels it, once.

    For the main coroutine of `task.react`. `work` sees CancelledError where it waits
    and may take its time to clean up: the reactor stops when it has ended. A trigger
    that returned nothing would let the reactor stop under it. Later signals are
    ignored: give the clean-up a deadline.
    """
    running = Deferred.fromCoroutine(_begun(reactor, work))
    ended: Deferred[None] = Deferred()

    def on_shutdown() -> Deferred[None]:
        # Ignored from now on: a second one must not cut the clean-up short.
        for number in _STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        running.cancel()
        return ended

    # Twisted takes care of SIGINT and SIGTERM, and not of this one.
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # it is not under nohup
        hung_up = lambda *_: reactor.callFromThread(stop, reactor)  # noqa: E731
        signal.signal(signal.SIGHUP, hung_up)
    reactor.addSystemEventTrigger("before", "shutdown", on_shutdown)
    try:
        await running
    except CancelledError:
        return
    finally:
        ended.callback(None)


@contextmanager
def signals_kept() -> Iterator[None]:
    """Let signals do after a reactor's run what they did before it.

    A reactor leaves its handlers behind, `until_shutdown` leaves none: a process that
    goes on would be ended by neither SIGTERM nor Ctrl-C.
    """
    before = {number: signal.getsignal(number) for number in _STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def _begun(reactor: Any, work: Callable[[], Awaitable[None]]) -> None:
    await deferLater(reactor, 0)  # its own handlers would replace ours until here
    stop_at_signals(reactor)
    await work()
