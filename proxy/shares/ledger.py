"""The ledger: every share, durable before its miner hears of it."""

import sqlite3
from collections.abc import Callable, Sequence

from attrs import define, field
from twisted.logger import Logger

from protocol.units import Seconds, UnixTime
from protocol.work.share import JudgedShare
from proxy.shares import rows
from proxy.shares.counted import CountedBatch
from proxy.shares.intake import Intake
from proxy.shares.retention import Retention, bytes_used

MAX_UNWRITTEN = 100_000
"""Rows of a kind held while the disk will not take them; more go unrecorded."""

RETRY_SECONDS = (1.0, 15.0)
"""First and longest wait before a disk that failed is tried again."""

_Statement = tuple[str, tuple[object, ...]]
_Settlement = tuple[str, str, float, int]
_UNFIT = (UnicodeError, OverflowError, sqlite3.InterfaceError, sqlite3.ProgrammingError)


@define(eq=False)
class SqliteLedger:
    """Writes on the reactor thread: a batch is one transaction of microseconds.

    Attributes:
        keep: How long share rows are kept.
        max_bytes: Size of the file beyond which rows go before their time.
        on_alarm: Told once when the disk stops taking rows, and once when it does.
        state: `ok`, or `degraded` while rows wait for the disk.
        reason: What the disk said, while `degraded`; else empty.
        unrecorded: Rows that could not be kept at all.
    """

    _log = Logger()

    _db: sqlite3.Connection
    keep: Seconds
    max_bytes: int
    wall_clock: Callable[[], UnixTime]
    on_alarm: Callable[[str], None]
    state: str = field(default="ok", init=False)
    reason: str = field(default="", init=False)
    unrecorded: int = field(default=0, init=False)
    _token: int = field(init=False)
    _last_id: int = field(init=False)
    _intake: Intake = field(init=False)
    _kept: tuple[Retention, Retention] = field(init=False)
    _shares: rows.Cells = field(factory=list, init=False)
    _upstream: list[rows.UpstreamRow] = field(factory=list, init=False)
    _settled: list[_Settlement] = field(factory=list, init=False)
    _blocks: list[_Statement] = field(factory=list, init=False)
    _early_tokens: set[int] = field(factory=set, init=False)
    _is_too_big: bool = field(default=False, init=False)
    _retry_at: float = field(default=0.0, init=False)
    _retry_after: float = field(default=RETRY_SECONDS[0], init=False)

    def __attrs_post_init__(self) -> None:
        self._db.execute(rows.LOSE_PENDING, (self.wall_clock(),))
        (self._token,) = self._db.execute(rows.NEWEST_UPSTREAM).fetchone()
        (self._last_id,) = self._db.execute(rows.NEWEST_SHARE).fetchone()
        self._kept = (
            Retention(self._db, "share"),
            Retention(self._db, "upstream"),
        )
        self._intake = Intake(self._db)
        self._intake.rollup.rebuild(self._last_id)

    def next_token(self) -> int:
        """Return a number that no forwarded share has had."""
        self._token += 1
        self._early_tokens.add(self._token)  # until its commit: moments
        return self._token

    def commit(
        self, batch: Sequence[JudgedShare], forwards: Sequence[tuple[int, JudgedShare]]
    ) -> None:
        """Make `batch` durable, and that `forwards` are about to be sent.

        Never raises for the disk's sake: what it does not take waits in memory.
        """
        at = batch[-1].at if batch else self.wall_clock()
        self._turn_minute(at)
        self._shares += self._intake.take(batch)
        self._commit(at, forwards)

    def commit_counted(
        self, batch: CountedBatch, forwards: Sequence[tuple[int, JudgedShare]]
    ) -> None:
        """Do the same for verdicts that come counted."""
        self._turn_minute(batch.at)
        self._shares += self._intake.take_counted(batch)
        self._commit(batch.at, forwards)

    def _commit(self, at: float, forwards: Sequence[tuple[int, JudgedShare]]) -> None:
        if forwards:
            self._upstream += [rows.upstream_row(*forward) for forward in forwards]
            self._early_tokens.difference_update(token for token, _ in forwards)
        if self.state == "ok" or at >= self._retry_at:
            self._write(at)
        else:
            self._bound()

    def settle(self, token: int, verdict: str, reason: str) -> None:
        """Note what became of a forwarded share; durable with the next batch."""
        if len(self._settled) < MAX_UNWRITTEN:
            self._settled.append((verdict, reason, self.wall_clock(), token))
        else:
            self.unrecorded += 1

    def record_block(self, share: JudgedShare, height: int | None = None) -> None:
        """Note a block found, and write at once; `height` is None if not known."""
        self._block(rows.INSERT_BLOCK, rows.block_row(share, height))

    def settle_block(self, block_hash: str, verdict: str, reason: str = "") -> None:
        """Note what became of a block, by its hash in display order; write at once."""
        values = (verdict, reason, self.wall_clock(), block_hash)
        self._block(rows.SETTLE_BLOCK, values)

    def flush(self) -> None:
        """Write what waits, unless the disk failed a moment ago."""
        now = self.wall_clock()
        waits = self._shares or self._upstream or self._settled or self._blocks
        if waits and (self.state == "ok" or now >= self._retry_at):
            self._write(now)

    def roll_up(self) -> None:
        """Move a slice of the finished minutes into the roll-ups; call each second."""
        now = self.wall_clock()
        if self._intake.is_over(now):
            self._turn_minute(now)
        if self.state != "ok":
            return
        try:
            self._intake.rollup.flush(now)
            self._is_too_big = bytes_used(self._db) > self.max_bytes
        except sqlite3.Error as error:
            self._degrade(error, now)

    def close(self) -> None:
        """Write what waits and close the file."""
        now = self.wall_clock()
        self._write(now)
        try:
            if self.state == "ok":
                self._intake.rollup.finish(now, self._last_id)
        except sqlite3.Error as error:
            self._degrade(error, now)
        self._db.close()

    def _turn_minute(self, at: float) -> None:
        """Close the minute before a batch is counted that is not in it.

        Rows that wait for the disk will have the ids after the last: nobody else
        writes, and if memory is full it is the newest that are dropped.
        """
        self._intake.turn_minute(at, self._last_id + len(self._shares) // rows.CELLS)

    def _block(self, sql: str, values: tuple[object, ...]) -> None:
        del self._blocks[: -MAX_UNWRITTEN + 1]
        self._blocks.append((sql, values))
        self.flush()

    def _write(self, at: float) -> None:
        """Write all that waits as one transaction, or keep it."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            stored, later = self._write_rows(at)
            self._db.execute("COMMIT")
        except _UNFIT as error:
            self._drop(error)
        except sqlite3.Error as error:
            self._degrade(error, at)
        else:
            self._last_id += stored
            self.unrecorded += len(self._shares) // rows.CELLS - stored
            self._shares, self._upstream, self._settled = [], [], later
            self._blocks.clear()
            self._recover()

    def _write_rows(self, at: float) -> tuple[int, list[_Settlement]]:
        """Return how many share rows were stored, and settlements that come later."""
        db = self._db
        stored = 0
        later: list[_Settlement] = []
        cutoff = at if self._is_too_big else at - self.keep
        factor = 1 + self._is_too_big
        if self._shares:
            stored = rows.insert_shares(db, self._shares)
            self._kept[0].expire(cutoff, stored, factor)
        if self._upstream:
            db.executemany(rows.INSERT_UPSTREAM, self._upstream)
            self._kept[1].expire(cutoff, len(self._upstream), factor)
        if self._settled:
            early = self._early_tokens  # blocks, sent ahead of their batch
            later = [s for s in self._settled if s[3] in early]
            db.executemany(rows.SETTLE, [s for s in self._settled if s[3] not in early])
        for sql, values in self._blocks:
            db.execute(sql, values)
        return stored, later

    def _recover(self) -> None:
        if self.state == "ok":
            return
        self.state, self.reason = "ok", ""
        self._retry_after = RETRY_SECONDS[0]
        self.on_alarm("ledger: the disk takes shares again")

    def _degrade(self, error: sqlite3.Error, at: float) -> None:
        self._roll_back()
        self._retry_at = at + self._retry_after
        self._retry_after = min(2 * self._retry_after, RETRY_SECONDS[1])
        self._bound()
        self.reason = str(error)
        if self.state == "ok":
            self.state = "degraded"
            self.on_alarm(f"ledger: shares are not on disk: {error}")

    def _drop(self, error: Exception) -> None:
        """Give up rows that no disk would take: else they would block all others."""
        self._roll_back()
        shares = len(self._shares) // rows.CELLS
        self.unrecorded += shares + len(self._upstream) + len(self._blocks)
        self._shares, self._upstream = [], []
        self._blocks.clear()
        self._log.critical("rows that SQLite cannot take: {error}", error=error)

    def _roll_back(self) -> None:
        for kept in self._kept:
            kept.reset()
        try:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
        except sqlite3.Error as error:
            self._log.warn("ledger: no rollback: {error}", error=error)

    def _bound(self) -> None:
        shares, most = len(self._shares) // rows.CELLS, MAX_UNWRITTEN
        self.unrecorded += max(0, shares - most) + max(0, len(self._upstream) - most)
        del self._shares[most * rows.CELLS :]
        del self._upstream[most:]
