"""Coroutines in the background."""

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from proxy.runtime.tasks import Tasks


def test_work_goes_on_when_whoever_waits_for_it_is_cancelled() -> None:
    step: Deferred[int] = Deferred()
    done: list[int] = []

    async def work() -> None:
        done.append(await step)

    waiting = Deferred.fromCoroutine(Tasks().outlive(work()))
    failures: list[Any] = []
    _ = waiting.addErrback(failures.append)

    waiting.cancel()
    step.callback(7)

    assert failures[0].check(CancelledError)
    assert done == [7]


def test_whoever_waits_gets_the_result_or_the_failure() -> None:
    async def work(*, fails: bool) -> int:
        if fails:
            raise ValueError("no")
        return 7

    found: list[Any] = []
    for fails in (False, True):
        waiting = Deferred.fromCoroutine(Tasks().outlive(work(fails=fails)))
        _ = waiting.addBoth(found.append)

    assert found[0] == 7
    with pytest.raises(ValueError, match="no"):
        found[1].raiseException()
