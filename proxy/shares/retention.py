"""Delete old rows as fast as new ones come, and never faster than a batch can bear."""

import math
import sqlite3

from attrs import define, field

STEP = 2
"""Rows that come before old ones are looked at."""

_EXPIRE = (
    "DELETE FROM {table} WHERE id IN (SELECT id FROM {table} ORDER BY id LIMIT ?)"
    " AND at < ? AND id < (SELECT max(id) FROM {table})"
)
_OLDEST = "SELECT at FROM {table} ORDER BY id LIMIT 1"


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


@define(eq=False)
class Retention:
    """Which rows of one table may go. The newest stays, so ids are never reused."""

    _db: sqlite3.Connection
    _table: str
    _oldest: float = field(default=-math.inf, init=False)
    _inserted: int = field(default=0, init=False)

    def expire(self, cutoff: float, inserted: int, factor: int) -> None:
        """Delete rows from before `cutoff`, within the transaction that inserted.

        Args:
            cutoff: Unix seconds.
            inserted: Rows that came.
            factor: How many old rows may go for each new one.

        Raises:
            sqlite3.Error: From the disk; call `reset` after the rollback.
        """
        self._inserted += inserted
        if self._inserted < STEP:
            return
        due, self._inserted = self._inserted, 0
        if self._oldest >= cutoff:
            return
        self._db.execute(_EXPIRE.format(table=self._table), (factor * due, cutoff))
        row = self._db.execute(_OLDEST.format(table=self._table)).fetchone()
        self._oldest = row[0] if row else -math.inf

    def reset(self) -> None:
        """Forget what was deleted: it was rolled back."""
        self._oldest = -math.inf
