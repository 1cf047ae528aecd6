"""Run a function every so often, for as long as a service runs."""

from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from typing_extensions import override

from protocol.units import Seconds
from proxy.runtime.awaiting import failures_logged


class PeriodicService(Service):
    """Call `work` every `interval`; one failed call never ends the series.

    `LoopingCall` alone stops for good at the first exception.

    Args:
        interval: Between the beginnings of two calls.
        work: What to call; the next call waits for its end.
        clock: Whose time it is.
        cancels: A stop cancels the call that is under way: for one that waits for
            somebody else. Without it a stop waits for its end.
    """

    _log = Logger()

    def __init__(
        self,
        interval: Seconds,
        work: Callable[[], Coroutine[Deferred[Any], Any, None]],
        clock: IReactorTime,
        *,
        cancels: bool = False,
    ) -> None:
        self._interval = interval
        self._work = work
        self._cancels = cancels
        self._call: Deferred[None] | None = None
        self._loop = LoopingCall(self._work_once)
        self._loop.clock = clock

    @override
    def startService(self) -> None:
        """Make the first call now and the next after the interval."""
        super().startService()
        # Fires when the loop has been stopped and its last call has ended.
        self._running = self._loop.start(self._interval)

    @override
    async def stopService(self) -> None:
        """Stop, and wait for the end of a call that is under way."""
        super().stopService()
        self._loop.stop()
        # After loop.stop, so that the end of this call begins no other.
        if self._cancels and self._call is not None:
            self._call.cancel()
        await self._running

    async def _work_once(self) -> None:
        with (
            suppress(CancelledError),
            failures_logged(self._log, "{work} failed", work=self._work),
        ):
            self._call = Deferred.fromCoroutine(self._work())
            await self._call
        self._call = None
