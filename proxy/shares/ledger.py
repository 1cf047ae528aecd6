"""The ledger: every share, durable before its miner hears of it.

Theory of operation
    One SQLite file in write-ahead mode, written by the reactor's thread alone;
    commands read it on connections of their own. A *batch* is what was judged in
    one turn, some milliseconds: its shares, the sums that they add to
    (`work_minute`, `work_hour`, `work_day`) and the rows of those that are about to
    be forwarded are one transaction. Answers go out after it, so that a share that
    a miner was told of survives a `kill -9`. A share that is a block is sent before
    its batch: a block must not wait for a disk.

    A forwarded share has a *token*; its row in `upstream` is `pending` until the
    source's verdict settles it. What a restart finds still `pending` was on its way
    when the process ended, and becomes `lost`.

    A disk that fails degrades the ledger and stops nobody: rows wait in `Backlog`,
    which is bounded, shares are answered, an alarm says so, and `Losses` counts
    what did not fit. It is written in pieces, in order, once the disk takes
    something again, and new rows wait behind it: what a read finds has no gap that
    closes later. Alone in this state an acknowledged share can be lost, and
    `unrecorded` says how many were.

    Retention (`Room`) takes shares first, by age and when the file is at its bound,
    then minutes beyond a week, never hours and days. It deletes a bounded number of
    rows with each turn. The file itself is watched: one that was moved away or
    replaced is an alarm within a second, since what is written to it is lost.
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress

from attrs import define, field

from protocol.units import Seconds, UnixTime
from protocol.work.share import JudgedShare
from proxy.runtime.database_file import DamagedFileError, told_as
from proxy.runtime.file_watch import FileWatch, path_of
from proxy.shares import rows
from proxy.shares.backlog import Backlog
from proxy.shares.counted import CountedBatch
from proxy.shares.intake import Intake
from proxy.shares.losses import Losses
from proxy.shares.room import KEEP_SHARES_S, Reach, Room
from proxy.shares.writer import Writer

RETRY_SECONDS = (1.0, 15.0)
"""First and longest wait before a disk that failed is tried again."""

STEADY_SECONDS = 60.0
"""A disk that fails again within so long is one that has not recovered."""

CATCHING_UP_PAGES = 250
"""After so many the log is copied at once while a backlog is written, so that it does
not take the room that the file needs."""

DISPLACED_PAGES = 1
"""The same where the file was removed or replaced: the thread cannot open it."""


@define(eq=False, repr=False)
class SqliteLedger:
    """Writes on the reactor thread: a batch is one transaction of microseconds.

    While the disk takes nothing, rows wait in a bounded backlog and shares are still
    answered. It is written in pieces, in order, and new rows wait behind it; only when
    it is empty is a share durable before its answer again.

    Attributes:
        keep: How long share rows are kept.
        max_bytes: Size of the file beyond which rows go before their time.
        on_alarm: Told once when the disk stops taking rows, and once when it does,
            and each minute in which rows were lost.
        copied_through: Returns the id up to which shares were copied elsewhere: later
            ones stay, unless the file is too big. None: nobody copies them.
    """

    _db: sqlite3.Connection
    keep: Seconds
    max_bytes: int
    wall_clock: Callable[[], UnixTime]
    on_alarm: Callable[[str], None]
    copied_through: Callable[[], int | None] = lambda: None
    _token: int = field(init=False)
    _intake: Intake = field(init=False)
    _writer: Writer = field(init=False)
    _losses: Losses = field(init=False)
    _watch: FileWatch = field(init=False)
    _waiting: Backlog = field(factory=Backlog, init=False)
    _early_tokens: set[int] = field(factory=set, init=False)
    _failure: str = field(default="", init=False)
    _displaced: str = field(default="", init=False)
    _has_begun: bool = field(default=False, init=False)
    _failed_at: float = field(default=0.0, init=False)
    _retry_at: float = field(default=0.0, init=False)
    _retry_after: float = field(default=RETRY_SECONDS[0], init=False)

    def __attrs_post_init__(self) -> None:
        # Tokens are the ids of `upstream`: they go on from the newest.
        (self._token,) = self._db.execute(rows.NEWEST_UPSTREAM).fetchone()
        self._losses = Losses(self.on_alarm)
        self._writer = Writer(self._db, Room(self._db, self.on_alarm))
        self._intake = Intake(self._db)
        self._watch = FileWatch(path_of(self._db))
        # Settles what a killed process left, before any share comes.
        self._write(self.wall_clock())

    @property
    def state(self) -> str:
        """`ok`, or `degraded` while rows wait for the disk, or the file is gone."""
        return "degraded" if self.reason else "ok"

    @property
    def reason(self) -> str:
        """Why it is `degraded`; else empty."""
        return self._failure or self._displaced

    @property
    def unrecorded(self) -> int:
        """Rows that could not be kept at all, since the start."""
        return self._losses.count

    @property
    def reach(self) -> Reach:
        """How far back each table goes."""
        return self._writer.room.reach

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
        # Before the shares are counted: they belong to the minute that begins.
        self._turn_minute(at)
        self._waiting.shares += self._intake.take(batch)
        self._commit(at, forwards)

    def commit_counted(
        self, batch: CountedBatch, forwards: Sequence[tuple[int, JudgedShare]]
    ) -> None:
        """Do the same for verdicts that come counted."""
        self._turn_minute(batch.at)
        self._waiting.shares += self._intake.take_counted(batch)
        self._commit(batch.at, forwards)

    def _commit(self, at: float, forwards: Sequence[tuple[int, JudgedShare]]) -> None:
        if forwards:
            self._waiting.upstream += [rows.upstream_row(*one) for one in forwards]
            # Their rows go out with this transaction, so their verdicts may be written
            # from now on.
            self._early_tokens.difference_update(token for token, _ in forwards)
        if self._may_write(at):
            self._write(at)
        else:
            self._losses.count += self._waiting.bound()

    def settle(self, token: int, verdict: str, reason: str) -> None:
        """Note what became of a forwarded share; durable with the next batch."""
        self._waiting.settled.append((verdict, reason, self.wall_clock(), token))
        if self._failure:
            self._losses.count += self._waiting.bound()

    def record_block(self, share: JudgedShare) -> None:
        """Note a block found, and write at once."""
        self._block(rows.INSERT_BLOCK, rows.block_row(share))

    def settle_block(self, block_hash: str, verdict: str, reason: str = "") -> None:
        """Note what became of a block, by its hash in display order; write at once."""
        values = (verdict, reason, self.wall_clock(), block_hash)
        self._block(rows.SETTLE_BLOCK, values)

    def flush(self) -> None:
        """Write what waits, unless the disk failed a moment ago."""
        now = self.wall_clock()
        # After a failure even without rows: only a write that succeeds ends it.
        if self._may_write(now) and (self._failure or not self._waiting.is_empty):
            self._write(now)

    def look_at_file(self) -> None:
        """Notice that the file was removed or replaced; call each second."""
        before, self._displaced = self._displaced, self._watch.fault()
        if bool(before) == bool(self._displaced):
            return
        # Who copies the log depends on whether its file can be found by name.
        self._copy_log()
        if self._displaced:
            self.on_alarm(
                f"ledger: {self._displaced}: what is recorded is not there at the next"
                " start, unless what was there is put back before the proxy stops"
            )
        else:
            self.on_alarm("ledger: the file is in its place again")

    def roll_up(self) -> None:
        """Move a slice of the finished minutes into the roll-ups; call each second."""
        now = self.wall_clock()
        if self._intake.is_over(now):
            self._turn_minute(now)
        self._losses.tell(now)
        # The sums are closed minutes in memory: they wait with the rows that they
        # count.
        if self._failure:
            return
        try:
            self._intake.rollup.flush(now)
        except sqlite3.Error as error:
            self._degrade(error, now)
        else:
            # After the sums: only shares that are in them may go.
            self._writer.make_room(now, self.max_bytes, self._intake.rollup.reached)

    def close(self) -> None:
        """Write what waits and close the file."""
        now = self.wall_clock()
        # Once even if it has failed a moment ago: there will be no later.
        self._write(now)
        while self._may_write(now) and self._failure:
            self._write(now)
        try:
            if not self._failure:
                self._intake.rollup.finish(now, self._writer.last_id)
        except sqlite3.Error as error:
            self._degrade(error, now)
        self._losses.count += self._waiting.size
        self._losses.tell_now(now)
        self._db.close()

    def _may_write(self, at: float) -> bool:
        return not self._failure or at >= self._retry_at

    def _turn_minute(self, at: float) -> None:
        """Close the minute before a batch is counted that is not in it.

        Rows that wait for the disk will have the ids after the last: nobody else
        writes, and if memory is full it is the newest that are dropped.
        """
        self._intake.turn_minute(at, self._writer.last_id + self._waiting.share_rows)

    def _block(self, sql: str, values: tuple[object, ...]) -> None:
        self._waiting.blocks.append((sql, values))
        self._losses.count += self._waiting.bound()
        self.flush()

    def _write(self, at: float) -> None:
        """Write all that waits as one transaction, or a piece of a backlog."""
        due = self._waiting.piece if self._failure else self._waiting.all_due
        try:
            # In each write until it succeeds: at the start the disk may be full.
            self._begin(at)
            self._write_once(due(self._early_tokens), at)
            if self._failure:
                self._recover(at)
        except sqlite3.Error as error:
            self._degrade(error, at)

    def _begin(self, at: float) -> None:
        """Settle what a killed process left: once, before the first row."""
        if self._has_begun:
            return
        self._db.execute(rows.LOSE_PENDING, (at,))
        self._intake.rollup.rebuild(self._writer.last_id)
        self._has_begun = True

    def _write_once(self, piece: Backlog, at: float) -> None:
        is_short, rollup = self._writer.room.is_short, self._intake.rollup
        keep_from = at - (KEEP_SHARES_S if is_short else self.keep)
        refused = self._writer.write(piece, keep_from, self._may_go(rollup.reached))
        # The sums say by row ids how far they reach, and the ids of refused rows go to
        # those that follow.
        for share_id in refused.shares:
            rollup.skip(share_id)
        self._losses.count += len(refused.shares) + refused.others
        # After the commit alone: what raised stays and is written again.
        self._waiting.drop(piece)

    def _may_go(self, summed: int) -> int:
        """Return up to which id shares may go: they are in the sums, and copied."""
        copied = None if self._writer.room.is_short else self.copied_through()
        return summed if copied is None else min(summed, copied)

    def _recover(self, at: float) -> None:
        """Be well again once nothing waits; the sums are the proof where nothing did.

        Raises:
            sqlite3.Error: It does not take those.
        """
        self._retry_at = 0.0
        # What is not due waits for its own row, which comes with the next batch.
        if self._waiting.all_due(self._early_tokens).is_empty:
            self._intake.rollup.flush(UnixTime(at))
            self._failure = ""
            self._copy_log()
            self.on_alarm("ledger: the disk takes shares again")

    def _degrade(self, error: sqlite3.Error, at: float) -> None:
        self._writer.roll_back()
        self._losses.count += self._waiting.bound()
        # A disk that held for a while begins with the shortest wait again.
        if at > self._failed_at + STEADY_SECONDS:
            self._retry_after = RETRY_SECONDS[0]
        self._failed_at, self._retry_at = at, at + self._retry_after
        self._retry_after = min(2 * self._retry_after, RETRY_SECONDS[1])
        has_failed, self._failure = bool(self._failure), self._told(error)
        if not has_failed:
            self.on_alarm(f"ledger: shares are not on disk: {self._failure}")
            self._copy_log()

    def _told(self, error: sqlite3.Error) -> str:
        told = told_as(self._watch.path, error)
        return str(told if isinstance(told, DamagedFileError) else error)

    def _copy_log(self) -> None:
        """Copy the log where nobody else does: else that is a thread's work."""
        pages = DISPLACED_PAGES if self._displaced else CATCHING_UP_PAGES
        with suppress(sqlite3.Error):  # it was closed
            self._db.execute(f"PRAGMA wal_autocheckpoint = {pages * bool(self.reason)}")
