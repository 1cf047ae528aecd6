"""The ledger: every share, durable before its miner hears of it."""

import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from attrs import define, field
from twisted.logger import Logger

from protocol.units import Seconds, UnixTime
from protocol.work.share import JudgedShare, Verdict
from proxy.shares.rollup import Rollup

MAX_UNWRITTEN = 100_000
"""Rows held while the disk will not take them; beyond it shares go unrecorded."""

MAX_REJECTS_PER_MINUTE = 6000
"""Rejected shares of a site stored row by row; a flood is only counted."""

_INSERT_SHARE = (
    "INSERT INTO share (at, site, worker, job, difficulty, verdict, hash)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_UPSTREAM = (
    "INSERT INTO upstream (id, at, site, pool, worker, job, hash, difficulty)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_SETTLE = "UPDATE upstream SET verdict = ?, reason = ?, settled_at = ? WHERE id = ?"
_EXPIRE = (
    "DELETE FROM share WHERE id IN"
    " (SELECT id FROM share WHERE at < ? ORDER BY id LIMIT ?)"
)

_ShareRow = tuple[float, str, str, str, float, str, str]
_UpstreamRow = tuple[int, float, str, str, str, str, str, float]
_Statement = tuple[str, tuple[object, ...]]


@define(eq=False)
class SqliteLedger:
    """Writes on the reactor thread: a batch is one transaction of microseconds.

    Attributes:
        keep: How long share rows are kept.
        max_bytes: Size of the file beyond which rows go before their time.
        on_alarm: Told once when the disk stops taking rows, and once when it does.
        state: `ok`, or `degraded` while rows wait for the disk.
        unrecorded: Shares that could not be kept at all.
    """

    _log = Logger()

    _db: sqlite3.Connection
    keep: Seconds
    max_bytes: int
    wall_clock: Callable[[], UnixTime]
    on_alarm: Callable[[str], None]
    state: str = field(default="ok", init=False)
    unrecorded: int = field(default=0, init=False)
    _token: int = field(init=False)
    _rollup: Rollup = field(init=False)
    _shares: list[_ShareRow] = field(factory=list, init=False)
    _upstream: list[_UpstreamRow] = field(factory=list, init=False)
    _queued: deque[_Statement] = field(factory=deque, init=False)
    _oldest: float = field(default=0.0, init=False)
    _reject_minute: int = field(default=0, init=False)
    _rejects: int = field(default=0, init=False)
    _retry_at: float = field(default=0.0, init=False)
    _is_too_big: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._db.execute(
            "UPDATE upstream SET verdict = 'lost', reason = 'restart', settled_at = ?"
            " WHERE verdict = 'pending'",
            (self.wall_clock(),),
        )
        row = self._db.execute("SELECT max(id) FROM upstream").fetchone()
        self._token = row[0] or 0
        self._rollup = Rollup(self._db)
        self._rollup.rebuild()

    def next_token(self) -> int:
        """Return a number that no forwarded share has had."""
        self._token += 1
        return self._token

    def commit(
        self, batch: Sequence[JudgedShare], forwards: Sequence[tuple[int, JudgedShare]]
    ) -> None:
        """Make `batch` durable, and that `forwards` are about to be sent.

        Never raises for the disk's sake: what it does not take waits in memory.
        """
        at = batch[-1].at if batch else self.wall_clock()
        self._shares += self._rows_of(batch, at)
        self._upstream += [_upstream_row(token, share) for token, share in forwards]
        if self.state == "degraded" and at < self._retry_at:
            self._bound()
            return
        self._write(at)

    def settle(self, token: int, verdict: str, reason: str) -> None:
        """Note what became of a forwarded share; durable with the next batch."""
        self._queue(_SETTLE, (verdict, reason, self.wall_clock(), token))

    def record_block(self, share: JudgedShare) -> None:
        """Note a block found, and write at once."""
        source = share.job.work.source if share.job else ""
        row = (share.hash[::-1].hex(), share.at, share.site, share.worker, source)
        self._queue(
            "INSERT OR IGNORE INTO block (hash, at, site, worker, source)"
            " VALUES (?, ?, ?, ?, ?)",
            row,
        )
        self.flush()

    def settle_block(self, block_hash: str, verdict: str) -> None:
        """Note what became of a block, and write at once."""
        self._queue(
            "UPDATE block SET verdict = ? WHERE hash = ?", (verdict, block_hash)
        )
        self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._shares or self._upstream or self._queued:
            self._write(self.wall_clock())

    def roll_up(self) -> None:
        """Move finished minutes into the roll-ups; called now and then."""
        if self.state != "ok":
            return
        try:
            self._rollup.flush(self.wall_clock())
            self._is_too_big = self._bytes_used() > self.max_bytes
        except sqlite3.Error as error:
            self._degrade(error, self.wall_clock())

    def close(self) -> None:
        """Write what waits and close the file."""
        self.flush()
        self._rollup.flush(self.wall_clock(), force=True)
        self._db.close()

    def _queue(self, sql: str, values: tuple[object, ...]) -> None:
        if len(self._queued) < MAX_UNWRITTEN:
            self._queued.append((sql, values))

    def _rows_of(self, batch: Sequence[JudgedShare], at: float) -> Iterable[_ShareRow]:
        minute = int(at // 60)
        if minute != self._reject_minute:
            self._reject_minute, self._rejects = minute, 0
        rows = []
        accepted = Verdict.ACCEPTED
        for share in batch:
            good = share.verdict is accepted
            self._rejects += not good
            if good or self._rejects <= MAX_REJECTS_PER_MINUTE:
                rows.append(_share_row(share))
            self._rollup.count(share.site, share.worker, minute, share.difficulty, good)
        return rows

    def _write(self, at: float) -> None:
        db = self._db
        try:
            db.execute("BEGIN IMMEDIATE")
            db.executemany(_INSERT_SHARE, self._shares)
            if self._upstream:
                db.executemany(_INSERT_UPSTREAM, self._upstream)
            for sql, values in self._queued:
                db.execute(sql, values)
            self._expire(at, len(self._shares))
            db.execute("COMMIT")
        except sqlite3.Error as error:
            self._degrade(error, at)
            return
        self._shares, self._upstream = [], []
        self._queued.clear()
        if self.state == "degraded":
            self.state = "ok"
            self.on_alarm("ledger: the disk takes shares again")

    def _expire(self, at: float, inserted: int) -> None:
        """Delete as many expired rows as were inserted; twice as many if too big."""
        cutoff = at if self._is_too_big else at - self.keep
        if not inserted or self._oldest >= cutoff:
            return
        self._db.execute(_EXPIRE, (cutoff, inserted * (1 + self._is_too_big)))
        row = self._db.execute("SELECT at FROM share ORDER BY id LIMIT 1").fetchone()
        self._oldest = row[0] if row else at

    def _bytes_used(self) -> int:
        """Return the size of what is in the file, free pages not counted."""
        pages, free, size = (
            int(self._db.execute(f"PRAGMA {what}").fetchone()[0])
            for what in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size

    def _degrade(self, error: sqlite3.Error, at: float) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
        self._retry_at = at + 1.0
        self._bound()
        if self.state == "ok":
            self.state = "degraded"
            self.on_alarm(f"ledger: shares are not on disk: {error}")

    def _bound(self) -> None:
        over = len(self._shares) - MAX_UNWRITTEN
        if over > 0:
            self.unrecorded += over
            del self._shares[:over]


def _share_row(share: JudgedShare) -> _ShareRow:
    return (
        share.at,
        share.site,
        share.worker,
        share.job_id,
        share.difficulty,
        share.verdict.value,
        share.hash[::-1].hex(),
    )


def _upstream_row(token: int, share: JudgedShare) -> _UpstreamRow:
    work = share.job.work if share.job else None
    return (
        token,
        share.at,
        share.site,
        work.source if work else "",
        share.worker,
        share.job_id,
        share.hash[::-1].hex(),
        work.difficulty if work else share.difficulty,
    )
