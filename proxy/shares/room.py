"""Keep the file within its size: shares go first, then minutes, and no sums by hour."""

import sqlite3
import sys
from collections.abc import Callable

import msgspec
from attrs import define, field

from proxy.shares.retention import Retention

KEEP_MINUTES_S = 7 * 86400.0
"""Minutes of so long stay, whatever the file's size."""

KEEP_SHARES_S = 600.0
"""Shares of so long stay: a source may still answer for them."""

SHARES_A_SECOND = 2_000
MINUTES_A_SECOND = 2_500
"""Rows deleted at once: 4 and 7 ms of the reactor. New minutes of 100,000 workers are
1,700 a second; shares go with those that come, too, two for each."""

_DROP_MINUTES = (
    "DELETE FROM work_minute WHERE (minute, site, worker) IN (SELECT minute, site,"
    " worker FROM work_minute WHERE minute < ? ORDER BY minute LIMIT ?)"
)
_OLDEST = {
    "shares": "SELECT at FROM share ORDER BY id LIMIT 1",
    "minutes": "SELECT min(minute) * 60 FROM work_minute",
    "hours": "SELECT min(hour) * 3600 FROM work_hour",
    "days": "SELECT min(day) * 86400 FROM work_day",
}


class Reach(msgspec.Struct, frozen=True):
    """Since when there are rows of each kind, Unix seconds; None: there are none."""

    shares: float | None = None
    minutes: float | None = None
    hours: float | None = None
    days: float | None = None


@define(eq=False, repr=False)
class Room:
    """What of the file may go before its time.

    Attributes:
        is_short: The file is over its size; new shares push old ones out.
        reach: How far back the file goes.
    """

    _db: sqlite3.Connection
    _on_alarm: Callable[[str], None]
    is_short: bool = field(default=False, init=False)
    reach: Reach = field(init=False)
    _is_told: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self.reach = _reach(self._db)

    def look(
        self,
        now: float,
        max_bytes: int,
        shares: Retention,
        upstream: Retention,
        through: int,
    ) -> None:
        """Delete a slice of what may go, if the file is too big; call each second.

        Args:
            now: Unix seconds.
            max_bytes: The file's size.
            shares: Rows that go first.
            upstream: Rows that go with them.
            through: Shares up to this id are in the sums already.

        Raises:
            sqlite3.Error: From the disk.
        """
        self.reach = _reach(self._db)
        # Without free pages: SQLite fills these again before the file grows, and DELETE
        # does not make it smaller.
        used = bytes_used(self._db)
        self.is_short = used > max_bytes
        if not self.is_short:
            self._is_told = False
            return
        before = now - KEEP_SHARES_S
        gone = shares.trim(before, through, SHARES_A_SECOND)
        gone += upstream.trim(before, sys.maxsize, SHARES_A_SECOND)
        # Only when no share may go any more.
        if not gone:
            gone = self.drop_minutes(now - KEEP_MINUTES_S, MINUTES_A_SECOND)
        if not gone and not self._is_told:
            self._is_told = True
            self._on_alarm(
                f"ledger: {used} B of sums that are kept, more than max_bytes"
            )

    def drop_minutes(self, before: float, count: int) -> int:
        """Delete minutes from before that time, `count` at most; return how many."""
        minute = int(before // 60)
        return self._db.execute(_DROP_MINUTES, (minute, count)).rowcount


def _reach(db: sqlite3.Connection) -> Reach:
    found = {of: db.execute(sql).fetchone() for of, sql in _OLDEST.items()}
    return Reach(**{of: row[0] if row else None for of, row in found.items()})


def bytes_used(db: sqlite3.Connection) -> int:
    """Return the size of what is in the file, free pages not counted.

    Raises:
        sqlite3.Error: From the disk.
    """
    pages, free, size = (
        int(db.execute(f"PRAGMA {what}").fetchone()[0])
        for what in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size
