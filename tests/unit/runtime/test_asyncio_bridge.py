import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from protocol.units import Seconds
from proxy.runtime.asyncio_bridge import on_loop

FOREVER = Seconds(3600.0)


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def turn(loop: asyncio.AbstractEventLoop, times: int = 5) -> None:
    for _ in range(times):
        loop.call_soon(loop.stop)
        loop.run_forever()


def started(
    loop: asyncio.AbstractEventLoop,
    work: Coroutine[Any, Any, str],
    deadline: Seconds = FOREVER,
) -> tuple["Deferred[str]", list[object]]:
    awaited = Deferred.fromCoroutine(on_loop(loop, work, deadline))
    became: list[object] = []
    _ = awaited.addCallbacks(became.append, lambda f: became.append(f.type))
    return awaited, became


async def answering() -> str:
    return "done"


async def hanging() -> str:
    await asyncio.sleep(3600)
    return "late"


async def giving_up() -> str:
    raise asyncio.CancelledError


def test_what_the_work_returns_comes_back(loop: asyncio.AbstractEventLoop) -> None:
    _, became = started(loop, answering())
    turn(loop)

    assert became == ["done"]


@pytest.mark.parametrize("turns", [0, 3])
def test_a_cancelled_wait_ends_as_twisted_has_it(
    turns: int, loop: asyncio.AbstractEventLoop
) -> None:
    awaited, became = started(loop, hanging())
    turn(loop, turns)
    awaited.cancel()
    turn(loop)

    assert became == [CancelledError]


def test_a_deadline_ends_the_wait_and_the_work(loop: asyncio.AbstractEventLoop) -> None:
    _, became = started(loop, hanging(), Seconds(0.0))
    turn(loop)

    assert became == [TimeoutError]
    assert not asyncio.all_tasks(loop)


def test_a_library_that_cancels_itself_is_one_that_did_not_answer(
    loop: asyncio.AbstractEventLoop,
) -> None:
    _, became = started(loop, giving_up())
    turn(loop)

    assert became == [TimeoutError]
