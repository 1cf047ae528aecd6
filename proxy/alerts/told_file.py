"""What receivers know, in the state folder: a restart says nothing twice."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from attrs import define, field
from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from protocol.unreadable import UNREADABLE
from proxy.alerts.alarm import Alarm
from proxy.alerts.delivery import Known, Told
from proxy.runtime.whole_file import write_whole

TOLD_FILE = "alerts.json"
"""In `state_dir`."""


class ToldRow(msgspec.Struct, frozen=True):
    """An alarm as a receiver knows it, and since when (Unix seconds); null: not yet."""

    alarm: Alarm
    at: float | None


Rows = dict[str, list[ToldRow]]


@define(eq=False, repr=False)
class ToldFile:
    """Kept on each change: alarms are few, and a change sends a message anyway.

    Attributes:
        on_thread: Runs functions one after the other: no share waits for the disk.
    """

    _log = Logger()

    path: Path
    on_thread: Callable[[Callable[[], Any]], Awaitable[Any]]
    _written: Rows = field(factory=dict, init=False)

    def read(self) -> dict[str, Known]:
        """Return what each receiver knows; nothing if the file cannot be read."""
        try:
            rows = msgspec.json.decode(self.path.read_bytes(), type=Rows)
        except FileNotFoundError:
            return {}
        except (OSError, *UNREADABLE) as error:
            self._log.warn(
                "{path} is not read, alarms that stand are told anew: {error}",
                path=str(self.path),
                error=error,
            )
            return {}
        self._written = rows
        return {name: _known(found) for name, found in rows.items()}

    async def write(self, known: Mapping[str, Known]) -> None:
        """Keep what receivers know, if that changed."""
        rows = {name: [*_rows(one)] for name, one in known.items()}
        if rows == self._written:
            return
        self._written = rows
        try:
            data = msgspec.json.encode(rows)
            await self.on_thread(partial(write_whole, self.path, data))
        except CancelledError:
            self._written = {}  # perhaps not: the next one does
            raise
        except OSError as error:
            self._log.warn(
                "{path} cannot be written, a restart tells of alarms anew: {error}",
                path=str(self.path),
                error=error,
            )


def _known(rows: list[ToldRow]) -> Known:
    known = Known()
    for row in rows:
        if row.at is None:
            known.untold[row.alarm.key] = row.alarm
        else:
            known.told[row.alarm.key] = Told(row.alarm, row.at)
    return known


def _rows(known: Known) -> Iterator[ToldRow]:
    for told in known.told.values():
        yield ToldRow(told.alarm, told.at)
    for alarm in known.untold.values():
        yield ToldRow(alarm, None)
