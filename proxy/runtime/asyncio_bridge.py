"""Await what runs on an asyncio loop, from Twisted, within a deadline."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

from protocol.units import Seconds

T = TypeVar("T")


async def on_loop(
    loop: asyncio.AbstractEventLoop,
    work: Coroutine[Any, Any, T],
    deadline: Seconds,
) -> T:
    """Return what `work` does, from a coroutine that Twisted drives.

    A library that swallows its cancellation cannot hold the caller up: it is not
    waited for.

    Args:
        loop: The one that Twisted's reactor runs on.
        work: A coroutine that awaits asyncio's futures.
        deadline: When to give up.

    Raises:
        TimeoutError: The deadline passed.
    """
    result: T = await Deferred.fromFuture(
        loop.create_task(_within(loop, work, deadline))
    )
    return result


async def _within(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T], deadline: Seconds
) -> T:
    task = loop.create_task(work)
    task.add_done_callback(_look_at)
    try:
        done, _ = await asyncio.wait({task}, timeout=deadline)
        if not done:
            raise TimeoutError(f"no answer in {deadline:g} s")
        return task.result()
    finally:
        task.cancel()


def _look_at(task: asyncio.Task[Any]) -> None:
    """Keep asyncio from reporting what came too late for anybody to hear."""
    if not task.cancelled():
        task.exception()
