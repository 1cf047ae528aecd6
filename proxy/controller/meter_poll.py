"""A meter that is asked each second and never holds up who wants to know."""

from collections.abc import Callable
from typing import Any

from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from protocol.units import Seconds
from proxy.power.ports import MeterError, MeterSource
from proxy.runtime.tasks import Tasks

PATIENCE = Seconds(0.5)
"""How long a look waits for an answer; a later one is for the next look."""


class MeterPoller:
    """Asks `source`, one question at a time, in a task of its own.

    Whatever goes wrong with a meter is a reading that is not there.
    """

    _log = Logger()

    def __init__(self, source: MeterSource, clock: IReactorTime) -> None:
        self._source = source
        self._clock = clock
        self._tasks = Tasks()
        self._is_asking = False
        self._reading: float | None = None
        self._answered: Callable[[Any], None] | None = None

    async def look(self) -> float | None:
        """Return watts, NaN if the meter says so; None: it has said nothing new."""
        if not self._is_asking:
            self._is_asking = True
            self._tasks.start("meter", self._ask())
        if self._is_asking:
            await self._wait()
        reading, self._reading = self._reading, None
        return reading

    async def stop(self) -> None:
        """Hang up."""
        await self._tasks.cancel_all()
        self._source.close()

    async def _ask(self) -> None:
        try:
            self._reading = await self._source.read()
        except MeterError as error:
            self._log.debug("{error}", error=error)
        finally:
            self._is_asking = False
            if self._answered is not None:
                self._answered(None)

    async def _wait(self) -> None:
        """Wait until the question is answered, for as long as our patience lasts."""
        answer: Deferred[None] = Deferred()
        self._answered = answer.callback
        try:
            await answer.addTimeout(PATIENCE, self._clock)
        except defer.TimeoutError:
            self._log.debug("the meter takes its time")
        finally:
            self._answered = None
