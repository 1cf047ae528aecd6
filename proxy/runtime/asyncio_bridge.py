"""Await what runs on an asyncio loop, from Twisted, within a deadline."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred

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
        TimeoutError: The deadline passed, or the library gave up by itself.
        CancelledError: Twisted's: whoever awaited this was cancelled.
    """
    task = loop.create_task(work)
    # Whoever stops waiting leaves it behind: what it ends in is looked at here.
    task.add_done_callback(_look_at)
    try:
        # In a task of its own that waits: cancelling the Deferred cancels that one,
        # which is ours and obeys.
        result: T = await Deferred.fromFuture(loop.create_task(_within(task, deadline)))
    except asyncio.CancelledError as error:
        raise CancelledError from error
    finally:
        task.cancel()
    return result


async def _within(task: "asyncio.Task[T]", deadline: Seconds) -> T:
    # Not wait_for, which waits for the end of what it has cancelled.
    done, _ = await asyncio.wait({task}, timeout=deadline)
    if not done:
        raise TimeoutError(f"no answer in {deadline:g} s")
    if task.cancelled():  # by the library's own hand
        raise TimeoutError("its library gave up")
    return task.result()


def _look_at(task: asyncio.Task[Any]) -> None:
    """Keep asyncio from reporting what came too late for anybody to hear."""
    if not task.cancelled():
        task.exception()
