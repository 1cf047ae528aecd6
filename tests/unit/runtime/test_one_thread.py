"""Work on a thread is done one after the other, whoever is gone meanwhile."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from proxy.runtime.one_thread import OneThread
from tests.conftest import FlushFailures


class Threads:
    """What runs on them, until it is told to end."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ends: list[Deferred[Any]] = []
        self.got: list[Any] = []
        self.one = OneThread(self._run)

    def _run(self, work: Callable[[], Any]) -> Deferred[Any]:
        self.begun.append(work())
        self.ends.append(Deferred())
        return self.ends[-1]

    def ask(self, name: str) -> Deferred[Any]:
        asked: Deferred[Any] = Deferred.fromCoroutine(self.one.run(lambda: name))
        _ = asked.addCallbacks(self.got.append, lambda f: f.trap(CancelledError))
        return asked


def test_a_thread_whose_asker_is_gone_is_waited_for() -> None:
    threads = Threads()
    asked = [threads.ask(name) for name in ("first", "second", "third")]

    asked[0].cancel()
    asked[1].cancel()

    assert threads.begun == ["first"]
    threads.ends[0].callback("nobody's")
    assert threads.begun == ["first", "third"]
    threads.ends[1].callback("rows")
    assert threads.got == ["rows"]


def test_a_failure_is_the_askers_and_the_next_has_its_turn(
    flush_failures: FlushFailures,
) -> None:
    threads = Threads()
    failures: list[Any] = []
    asked = Deferred.fromCoroutine(threads.one.run(lambda: "first"))
    _ = asked.addErrback(failures.append)
    _ = threads.ask("second")

    threads.ends[0].errback(OSError("gone"))

    assert [type(one.value) for one in failures] == [OSError]
    assert threads.begun == ["first", "second"]
    assert flush_failures(OSError) == 0
