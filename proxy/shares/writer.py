"""Write rows of the ledger: a transaction at a time, and old ones go for new ones."""

import sqlite3
import sys
from collections.abc import Callable

from attrs import define, field
from twisted.logger import Logger

from proxy.shares import rows
from proxy.shares.backlog import Backlog, statements
from proxy.shares.retention import Retention
from proxy.shares.room import Room


@define(eq=False, repr=False)
class Refused:
    """Rows that no disk would take: the ids that shares would have had, and others."""

    shares: list[int] = field(factory=list)
    others: int = 0


@define(eq=False, repr=False)
class Writer:
    """The one who writes shares, what became of them, and blocks.

    Attributes:
        room: What goes because the file is too big.
        last_id: Of the newest share row.
    """

    _log = Logger()

    _db: sqlite3.Connection
    room: Room
    last_id: int = field(init=False)
    _shares: Retention = field(init=False)
    _upstream: Retention = field(init=False)

    def __attrs_post_init__(self) -> None:
        (self.last_id,) = self._db.execute(rows.NEWEST_SHARE).fetchone()
        self._shares = Retention(self._db, "share")
        self._upstream = Retention(self._db, "upstream")

    def write(self, piece: Backlog, keep_from: float, reached: int) -> Refused:
        """Write `piece` as one transaction; return what cannot be in any.

        Args:
            piece: Rows.
            keep_from: Unix time of the oldest rows that stay, if there is room.
            reached: Shares up to this id are in the sums already.

        Raises:
            sqlite3.Error: The disk did not take it; nothing was written.
        """
        try:
            refused = self._transact(piece, keep_from, reached, self._insert_all)
        # No fault of the disk: tried again row by row, so that one bad row costs itself
        # alone.
        except rows.UNFIT as error:
            self.roll_back()
            self._log.critical("a row that SQLite cannot take: {error}", error=error)
            refused = self._transact(piece, keep_from, reached, self._insert_each)
        self.last_id += piece.share_rows - len(refused.shares)
        return refused

    def make_room(self, now: float, max_bytes: int, reached: int) -> None:
        """Let go of what is too much, a slice of it; call each second."""
        try:
            self.room.look(now, max_bytes, self._shares, self._upstream, reached)
        except sqlite3.Error:  # no room to delete in: the next row tells of it
            self.roll_back()

    def roll_back(self) -> None:
        """Leave a transaction that failed."""
        self._shares.reset()
        self._upstream.reset()
        try:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
        except sqlite3.Error as error:
            self._log.warn("ledger: no rollback: {error}", error=error)

    def _transact(
        self,
        piece: Backlog,
        keep_from: float,
        reached: int,
        insert: Callable[[Backlog], Refused],
    ) -> Refused:
        # The lock is taken here, and not at the first INSERT of many (SQLite, BEGIN).
        self._db.execute("BEGIN IMMEDIATE")
        refused = insert(piece)
        # In the same transaction: a kill cannot leave the file growing.
        self._expire(piece, keep_from, reached)
        self._db.execute("COMMIT")
        return refused

    def _expire(self, piece: Backlog, keep_from: float, reached: int) -> None:
        factor = 1 + self.room.is_short
        self._shares.expire(keep_from, reached, piece.share_rows, factor)
        self._upstream.expire(keep_from, sys.maxsize, len(piece.upstream), factor)

    def _insert_all(self, piece: Backlog) -> Refused:
        rows.insert_shares(self._db, piece.shares)
        if piece.upstream:
            self._db.executemany(rows.INSERT_UPSTREAM, piece.upstream)
        if piece.settled:
            self._db.executemany(rows.SETTLE, piece.settled)
        for sql, values in piece.blocks:
            self._db.execute(sql, values)
        return Refused()

    def _insert_each(self, piece: Backlog) -> Refused:
        """Leave out the rows that no disk would take."""
        # Ids are given in order by this one writer: the id that each would have is
        # known.
        refused, share_id = Refused(), self.last_id + 1
        for row in rows.rows_of(piece.shares):
            if self._is_taken(rows.INSERT_SHARE, row):
                share_id += 1
            else:
                refused.shares.append(share_id)
        for sql, values in statements(piece):
            refused.others += not self._is_taken(sql, values)
        return refused

    def _is_taken(self, sql: str, values: tuple[object, ...]) -> bool:
        try:
            self._db.execute(sql, values)
        except rows.UNFIT:
            return False
        return True
