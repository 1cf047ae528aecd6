"""SIGHUP: a daemon reloads, what was started at a terminal ends with it."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proxy.runtime.hangup import has_terminal, take_hangups


class Reactor:
    """Calls at once, and notes that it was stopped."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def stop(self) -> None:
        self.calls.append("stop")

    def reload(self) -> None:
        self.calls.append("reload")

    def callFromThread(self, call: Callable[[], None]) -> None:  # noqa: N802
        call()


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = signal.getsignal(signal.SIGHUP)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(("terminal", "does"), [(True, "stop"), (False, "reload")])
def test_a_terminal_takes_it_along(
    terminal: bool,  # noqa: FBT001
    does: str,
) -> None:
    reactor = Reactor()
    take_hangups(reactor, reactor.reload, at_terminal=terminal)

    os.kill(os.getpid(), signal.SIGHUP)

    assert reactor.calls == [does]


def test_nohup_is_respected() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    reactor = Reactor()
    take_hangups(reactor, reactor.reload, at_terminal=False)

    os.kill(os.getpid(), signal.SIGHUP)

    assert reactor.calls == []


def test_a_process_without_a_terminal_cannot_open_one(tmp_path: Path) -> None:
    openable = tmp_path / "tty"
    openable.touch()

    assert has_terminal(str(openable))
    assert not has_terminal(str(tmp_path / "none"))
