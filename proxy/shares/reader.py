"""Ask the ledger what it holds, away from the thread that writes it."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from protocol.units import UnixTime
from proxy.runtime.database_file import reading
from proxy.runtime.file_watch import FileWatch

MAX_ROWS = 10_000
"""Rows that one question may bring back."""

LOOKED_BACK = 200_000
"""Newest shares that are looked through for a worker's: 0.1 s; there is no index."""

BUSY_SECONDS = 1.0

T = TypeVar("T")

# By when a share was judged, not settled: so each counts in one hour.
_RECONCILE = (
    "SELECT CAST(at / 3600 AS INTEGER) * 3600, pool, verdict, reason, count(*),"
    " sum(difficulty) FROM upstream WHERE at >= ? AND at < ? GROUP BY 1, 2, 3, 4"
    " ORDER BY 1, 2"
)
_WORK_MINUTE = (
    "SELECT site, worker, minute * 60, accepted, rejected, work FROM work_minute"
    " WHERE minute >= ? / 60 AND minute < ? / 60 AND site = ? AND worker GLOB ?"
    " ORDER BY minute, worker LIMIT ?"
)
_WORK_HOUR = (
    "SELECT site, worker, hour * 3600, accepted, rejected, work FROM work_hour"
    " WHERE hour >= ? / 3600 AND hour < ? / 3600 AND site = ? AND worker GLOB ?"
    " ORDER BY hour, worker LIMIT ?"
)
_RECENT_SHARES = (
    "SELECT at, site, worker, job, difficulty, verdict, hash FROM share"
    " ORDER BY id DESC LIMIT ?"
)
_RECENT_REJECTS = (
    "SELECT at, site, worker, job, difficulty, verdict, hash FROM (SELECT * FROM share"
    " ORDER BY id DESC LIMIT ?) WHERE worker = ? AND verdict != 'accepted' LIMIT ?"
)
_RECENT_BLOCKS = (
    "SELECT at, site, worker, source, hash, verdict, height, reason FROM block"
    " ORDER BY at DESC LIMIT ?"
)


class PoolHour(msgspec.Struct, kw_only=True):
    """What became of the shares sent to a pool in one hour.

    Attributes:
        hour: Its first second, Unix time.
        forwarded: All of them; the sum of the counts below.
        pending: The pool has not answered yet.
        rejected: By the pool's reason.
        lost: By ours.
        work: Accepted, in units of difficulty 1.
    """

    hour: int
    pool: str
    forwarded: int = 0
    accepted: int = 0
    pending: int = 0
    rejected: dict[str, int] = {}
    lost: dict[str, int] = {}
    work: float = 0.0


class WorkerWork(msgspec.Struct, frozen=True):
    """What a worker did in one minute or hour; `start` is its first second."""

    site: str
    worker: str
    start: int
    accepted: int
    rejected: int
    work: float


class RecordedShare(msgspec.Struct, frozen=True):
    """A row of `share`; `hash` is in display order."""

    at: UnixTime
    site: str
    worker: str
    job: str
    difficulty: float
    verdict: str
    hash: str


class RecordedBlock(msgspec.Struct, frozen=True):
    """A row of `block`; `hash` is in display order.

    Attributes:
        height: None where its coinbase does not say (BIP 34), or an older release
            wrote the row.
        reason: Of a verdict that is not good.
    """

    at: UnixTime
    site: str
    worker: str
    source: str
    hash: str
    verdict: str
    height: int | None = None
    reason: str = ""


class Runner(Protocol):
    """Runs a function where it may take its time: on a thread, if not in a test."""

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]:
        """Return what `work` returns."""


class LedgerReader:
    """Reads the file through connections of its own, which cannot write.

    Every method raises sqlite3.Error if the file cannot be read.
    """

    def __init__(self, path: Path, run: Runner) -> None:
        self._path = path
        self._watch = FileWatch(path)
        self._run = run

    async def reconcile(self, since: UnixTime, until: UnixTime) -> list[PoolHour]:
        """Return each pool's hours, oldest first, of shares judged in the span."""
        return await self._run(lambda: _hours(self._ask(_RECONCILE, since, until)))

    async def minutes(
        self, site: str, workers: str, since: UnixTime, until: UnixTime
    ) -> list[WorkerWork]:
        """Return the minutes of the workers that match the glob `workers`."""
        return await self._work(_WORK_MINUTE, site, workers, since, until)

    async def hours(
        self, site: str, workers: str, since: UnixTime, until: UnixTime
    ) -> list[WorkerWork]:
        """Return the hours of the workers that match the glob `workers`."""
        return await self._work(_WORK_HOUR, site, workers, since, until)

    async def recent_shares(self, limit: int) -> list[RecordedShare]:
        """Return the newest shares, newest first, at most `MAX_ROWS`."""
        return await self._run(
            lambda: [
                RecordedShare(*row)
                for row in self._ask(_RECENT_SHARES, min(limit, MAX_ROWS))
            ]
        )

    async def recent_rejects(self, worker: str, limit: int) -> list[RecordedShare]:
        """Return a worker's newest rejected shares, newest first."""
        wanted = (LOOKED_BACK, worker, min(limit, MAX_ROWS))
        return await self._run(
            lambda: [RecordedShare(*row) for row in self._ask(_RECENT_REJECTS, *wanted)]
        )

    async def recent_blocks(self, limit: int) -> list[RecordedBlock]:
        """Return the newest blocks, newest first, at most `MAX_ROWS`."""
        return await self._run(
            lambda: [
                RecordedBlock(*row)
                for row in self._ask(_RECENT_BLOCKS, min(limit, MAX_ROWS))
            ]
        )

    async def _work(
        self, sql: str, site: str, workers: str, since: UnixTime, until: UnixTime
    ) -> list[WorkerWork]:
        span = (int(since), int(until))
        return await self._run(
            lambda: [
                WorkerWork(*row)
                for row in self._ask(sql, *span, site, workers, MAX_ROWS)
            ]
        )

    def _ask(self, sql: str, *values: object) -> list[Any]:
        # Otherwise SQLite would read the file that stands there now, which may be
        # another.
        if fault := self._watch.fault():
            raise sqlite3.OperationalError(fault)
        with closing(reading(self._path, BUSY_SECONDS)) as connection:
            return connection.execute(sql, values).fetchall()


def _hours(rows: list[tuple[int, str, str, str, int, float]]) -> list[PoolHour]:
    hours: dict[tuple[int, str], PoolHour] = {}
    for start, pool, verdict, reason, number, work in rows:
        hour = hours.setdefault((start, pool), PoolHour(hour=start, pool=pool))
        hour.forwarded += number
        match verdict:
            case "accepted":
                hour.accepted += number
                hour.work += work
            case "rejected":
                hour.rejected[reason] = number
            case "lost":
                hour.lost[reason] = number
            case _:
                hour.pending += number
    return list(hours.values())
