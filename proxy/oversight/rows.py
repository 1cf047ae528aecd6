"""Rows of the controller's log, read through a connection that cannot write."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from attrs import frozen

from proxy.power.journal.chain import FIRST_HASH, leaf_of
from proxy.power.journal.event_log import EVENTS, Edge, edge, row_of
from proxy.power.journal.published import Published, all_published
from proxy.runtime.database_file import reading

MAX_AT_ONCE = 4096
"""Rows that are held at a time: 2 MB as they mostly are."""


@frozen
class LogRow:
    """One row.

    Attributes:
        hash: Of the chain (`chain`), as it is stored.
        leaf: Its bytes in the log.
    """

    id: int
    hash: bytes
    leaf: bytes


@frozen
class LogRows:
    """What one look at the database finds; nothing that is written meanwhile."""

    _db: sqlite3.Connection

    def anchor(self) -> Edge:
        """Return id and hash of the row before the oldest that is there."""
        found = edge(self._db, "SELECT id, hash FROM anchor")
        return found or (0, FIRST_HASH)

    def last(self) -> Edge:
        """Return id and hash of the newest row, the anchor where there is none."""
        sql = "SELECT id, hash FROM event ORDER BY id DESC LIMIT 1"
        return edge(self._db, sql) or self.anchor()

    def edge_at(self, number: int) -> Edge | None:
        """Return id and hash of a row, or of the anchor; None: neither is it."""
        sql = "SELECT id, hash FROM event WHERE id = ?"
        anchor = self.anchor()
        return edge(self._db, sql, (number,)) or (
            anchor if anchor[0] == number else None
        )

    def after(self, number: int) -> Iterator[LogRow]:
        """Yield the rows with a higher id, in their order."""
        while rows := self._some(number):
            yield from rows
            number = rows[-1].id

    def published(self) -> dict[str, Published]:
        """Return every log that was begun, by origin."""
        return {one.origin: one for one in all_published(self._db)}

    def _some(self, number: int) -> list[LogRow]:
        sql = f"{EVENTS} WHERE id > ? ORDER BY id LIMIT {MAX_AT_ONCE}"
        rows = [row_of(found) for found in self._db.execute(sql, (number,))]
        return [LogRow(row.id, row.hash, leaf_of(row)) for row in rows]


@contextmanager
def rows_of(database: Path) -> Iterator[LogRows]:
    """Yield one look at the controller's database.

    Raises:
        sqlite3.Error: It cannot be read.
    """
    with closing(reading(database)) as db:
        db.execute("BEGIN")
        yield LogRows(db)
