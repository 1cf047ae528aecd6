"""A witness's own meter: each minute that it read, as a row of a CSV.

It is the second reader of a meter that nobody signs: `baseload verify --meter` holds
the file against what the site wrote.

| column  | says                                                                   |
|---------|------------------------------------------------------------------------|
| minute  | its first second, Unix                                                 |
| wh      | watt-hours of the seconds that were read                               |
| seconds | how many of its 60                                                     |
"""

import math
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from protocol.units import Seconds, UnixTime, Watts
from proxy.power.evidence.minutes import MinuteLog
from proxy.power.ports import MeterError, MeterSource
from proxy.runtime.periodic import PeriodicService

METER_FILE = "meter.csv"

MAX_BYTES = 64_000_000
"""Four years of minutes; then the file becomes `meter.old.csv`, in place of the one
before."""

EVERY = Seconds(1.0)

_HEAD = "minute,wh,seconds\n"
_NO_BUDGET = Watts(math.inf)
_SECONDS_IN_AN_HOUR = 3600.0


class Run(Protocol):
    """Runs what blocks on a thread, one at a time."""

    def __call__(self, work: Callable[[], Any]) -> Awaitable[Any]:
        """Return what it returns."""


@define(eq=False, repr=False)
class OwnMeter:
    """Reads a meter each second once started, and writes each minute down.

    Attributes:
        source: The meter.
        folder: Where the file is.
        clock: Gives the seconds.
        wall_clock: What time it is.
        run: Runs what blocks.
    """

    _log = Logger()

    source: MeterSource
    folder: Path
    clock: IReactorTime
    wall_clock: Callable[[], UnixTime]
    run: Run
    _rows: list[str] = field(factory=list, init=False)
    _minutes: MinuteLog = field(init=False)
    _looks: PeriodicService = field(init=False)
    _is_silent: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._minutes = MinuteLog(self._note, True, bytes)
        self._looks = PeriodicService(EVERY, self._look, self.clock)

    def start(self) -> None:
        """Begin to read."""
        self._looks.startService()

    async def stop(self) -> None:
        """Hang up, and write down the minute that is under way."""
        await self._looks.stopService()
        self.source.close()
        self._minutes.end()
        await self._write()

    async def _look(self) -> None:
        reading: float | None = None
        at = self.wall_clock()
        try:
            reading = await self.source.read()
        except MeterError as error:
            if not self._is_silent:
                self._log.warn("{error}", error=error)
        self._is_silent = reading is None
        self._minutes.second(at, reading, _NO_BUDGET)
        await self._write()

    def _note(
        self, kind: str, _: str, body: dict[str, Any], __: tuple[tuple[str, str], ...]
    ) -> None:
        if kind != "meter":
            return
        known = [w for w in body["w"] if w is not None]
        wh = sum(known) / _SECONDS_IN_AN_HOUR
        self._rows.append(f"{body['from']},{wh:.3f},{len(known)}\n")

    async def _write(self) -> None:
        if not self._rows:
            return
        rows, self._rows = self._rows, []
        try:
            await self.run(lambda: _append(self.folder / METER_FILE, "".join(rows)))
        except OSError as error:
            self._log.error("{file}: {error}", file=METER_FILE, error=error)


def _append(path: Path, text: str) -> None:
    """Add rows. Raises OSError."""
    if path.exists() and path.stat().st_size > MAX_BYTES:
        path.replace(path.with_suffix(".old.csv"))
    with path.open("a", encoding="ascii") as file:
        if not file.tell():
            file.write(_HEAD)
        file.write(text)
