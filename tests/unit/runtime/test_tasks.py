"""Coroutines in the background."""

import gc
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import capturedLogs, formatEvent

from proxy.runtime.tasks import Tasks, TasksService
from tests.conftest import FlushFailures


def test_work_goes_on_when_whoever_waits_for_it_is_cancelled() -> None:
    step: Deferred[int] = Deferred()
    done: list[int] = []

    async def work() -> None:
        done.append(await step)

    waiting = Deferred.fromCoroutine(Tasks().outlive("work", work()))
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
        waiting = Deferred.fromCoroutine(Tasks().outlive("work", work(fails=fails)))
        _ = waiting.addBoth(found.append)

    assert found[0] == 7
    with pytest.raises(ValueError, match="no"):
        found[1].raiseException()


def test_a_failure_after_the_caller_is_gone_is_logged(
    flush_failures: FlushFailures,
) -> None:
    step: Deferred[None] = Deferred()

    async def work() -> None:
        await step
        raise ValueError("half done")

    waiting = Deferred.fromCoroutine(Tasks().outlive("reload", work()))
    _ = waiting.addErrback(lambda _: None)
    waiting.cancel()
    with capturedLogs() as logged:
        step.callback(None)
        gc.collect()

    assert [formatEvent(event) for event in logged] == ["reload failed"]
    assert flush_failures(ValueError) == 1


def test_a_failure_that_the_caller_gets_is_the_callers(
    flush_failures: FlushFailures,
) -> None:
    async def work() -> None:
        raise ValueError("no")

    waiting = Deferred.fromCoroutine(Tasks().outlive("reload", work()))
    _ = waiting.addErrback(lambda _: None)

    assert flush_failures(ValueError) == 0


def test_a_stop_cancels_what_goes_on_by_itself() -> None:
    tasks, ends = Tasks(), []

    async def work() -> None:
        try:
            await Deferred[None]()
        except CancelledError:
            ends.append("cancelled")
            raise

    waiting = Deferred.fromCoroutine(tasks.outlive("reload", work()))
    _ = waiting.addErrback(lambda failure: ends.append(str(failure.type)))
    assert len(tasks) == 1

    _ = Deferred.fromCoroutine(TasksService(tasks).stopService())

    assert ends == ["cancelled", str(CancelledError)]
    assert len(tasks) == 0
