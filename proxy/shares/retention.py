"""Delete old rows as fast as new ones come, and never faster than a batch can bear."""

import math
import sqlite3

from attrs import define, field

STEP = 2
"""Rows that come before old ones are looked at."""

# Oldest by id, the key of the table: there is no index on `at`.
_EXPIRE = (
    "DELETE FROM {table} WHERE id IN (SELECT id FROM {table} ORDER BY id LIMIT ?)"
    " AND at < ? AND id <= ? AND id < (SELECT max(id) FROM {table})"
)
_OLDEST = "SELECT at FROM {table} ORDER BY id LIMIT 1"


@define(eq=False, repr=False)
class Retention:
    """Which rows of one table may go. The newest stays, so ids are never reused."""

    _db: sqlite3.Connection
    _table: str
    _oldest: float = field(default=-math.inf, init=False)
    _inserted: int = field(default=0, init=False)

    def expire(self, cutoff: float, through: int, inserted: int, factor: int) -> None:
        """Delete rows from before `cutoff`, within the transaction that inserted.

        Args:
            cutoff: Unix seconds.
            through: Rows with a higher id stay.
            inserted: Rows that came.
            factor: How many old rows may go for each new one.

        Raises:
            sqlite3.Error: From the disk; call `reset` after the rollback.
        """
        self._inserted += inserted
        if self._inserted < STEP:
            return
        due, self._inserted = self._inserted, 0
        if self._oldest < cutoff:
            self.trim(cutoff, through, factor * due)

    def trim(self, cutoff: float, through: int, count: int) -> int:
        """Delete the oldest rows, `count` at most; return how many went.

        Raises:
            sqlite3.Error: From the disk; call `reset` after a rollback.
        """
        sql = _EXPIRE.format(table=self._table)
        gone = self._db.execute(sql, (count, cutoff, through)).rowcount
        row = self._db.execute(_OLDEST.format(table=self._table)).fetchone()
        self._oldest = row[0] if row else -math.inf
        return gone

    def reset(self) -> None:
        """Forget what was deleted: it was rolled back."""
        self._oldest = -math.inf
