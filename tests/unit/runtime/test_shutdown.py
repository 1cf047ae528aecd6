"""Signals stop a reactor once, however many come."""

import os
import signal
from collections.abc import Callable, Iterator

import pytest
from twisted.internet.error import ReactorNotRunning

from proxy.runtime.hangup import take_hangups
from proxy.runtime.shutdown import stop_at_signals

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Reactor:
    """Takes it ill to be stopped twice, as Twisted's does."""

    def __init__(self) -> None:
        self.is_stopped = False
        self.queue: list[Callable[[], None]] = []

    def stop(self) -> None:
        if self.is_stopped:
            raise ReactorNotRunning
        self.is_stopped = True

    def callFromThread(self, call: Callable[..., None], *words: object) -> None:  # noqa: N802
        self.queue.append(lambda: call(*words))


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in NUMBERS}
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_ctrl_c_and_who_started_it_stop_it_and_its_terminal_closes() -> None:
    reactor = Reactor()
    stop_at_signals(reactor)
    take_hangups(reactor, lambda: None, at_terminal=True)

    for number in NUMBERS:
        os.kill(os.getpid(), number)

    assert not reactor.is_stopped  # from a handler it is only woken
    for call in reactor.queue:
        call()
    assert reactor.is_stopped
    assert len(reactor.queue) == len(NUMBERS)
