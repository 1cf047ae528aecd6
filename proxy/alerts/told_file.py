"""What receivers were told, in the state folder: a restart says nothing twice."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
from attrs import define, field
from twisted.logger import Logger

from protocol.unreadable import UNREADABLE
from proxy.alerts.alarm import Alarm, Key
from proxy.alerts.delivery import Told
from proxy.runtime.whole_file import write_whole

TOLD_FILE = "alerts.json"
"""In `state_dir`."""


class ToldRow(msgspec.Struct, frozen=True):
    """An alarm as a receiver knows it, and since when (Unix seconds)."""

    alarm: Alarm
    at: float


Rows = dict[str, list[ToldRow]]


@define(eq=False, repr=False)
class ToldFile:
    """Kept on each change: alarms are few, and a change sends a message anyway."""

    _log = Logger()

    path: Path
    _written: Rows = field(factory=dict, init=False)

    def read(self) -> dict[str, dict[Key, Told]]:
        """Return what was told, by receiver; nothing if the file cannot be read."""
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
        return {
            name: {row.alarm.key: Told(row.alarm, row.at) for row in told}
            for name, told in rows.items()
        }

    def write(self, told: Mapping[str, Mapping[Key, Told]]) -> None:
        """Keep what was told, if that changed."""
        rows = {
            name: [ToldRow(one.alarm, one.at) for one in known.values()]
            for name, known in told.items()
        }
        if rows == self._written:
            return
        self._written = rows
        try:
            write_whole(self.path, msgspec.json.encode(rows))
        except OSError as error:
            self._log.warn(
                "{path} cannot be written, a restart tells of alarms anew: {error}",
                path=str(self.path),
                error=error,
            )
