"""Run a function every so often, for as long as a service runs."""

from collections.abc import Awaitable, Callable

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from typing_extensions import override

from protocol.units import Seconds


class PeriodicService(Service):
    """Call `work` every `interval`; one failed call never ends the series.

    `LoopingCall` alone stops for good at the first exception.
    """

    _log = Logger()

    def __init__(
        self,
        interval: Seconds,
        work: Callable[[], Awaitable[None]],
        clock: IReactorTime,
    ) -> None:
        self._interval = interval
        self._work = work
        self._loop = LoopingCall(self._work_once)
        self._loop.clock = clock

    @override
    def startService(self) -> None:
        """Make the first call now and the next after the interval."""
        super().startService()
        self._running = self._loop.start(self._interval)

    @override
    async def stopService(self) -> None:
        """Stop, and wait for a call that is under way."""
        super().stopService()
        self._loop.stop()
        await self._running

    async def _work_once(self) -> None:
        with self._log.failuresHandled("{work} failed", work=self._work):
            await self._work()
