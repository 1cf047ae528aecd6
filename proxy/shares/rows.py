"""Shares as rows of the ledger's tables."""

import sqlite3
from collections.abc import Iterator
from typing import cast

from protocol.bitcoin.coinbase import height_in_coinbase
from protocol.work.share import JudgedShare

INSERT_UPSTREAM = (
    "INSERT OR IGNORE INTO upstream"
    " (id, at, site, pool, worker, job, hash, difficulty)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
INSERT_BLOCK = (
    "INSERT OR IGNORE INTO block (hash, at, site, worker, source, height)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
SETTLE = "UPDATE upstream SET verdict = ?, reason = ?, settled_at = ? WHERE id = ?"
SETTLE_BLOCK = "UPDATE block SET verdict = ?, reason = ?, settled_at = ? WHERE hash = ?"
LOSE_PENDING = (
    "UPDATE upstream SET verdict = 'lost', reason = 'restart', settled_at = ?"
    " WHERE verdict = 'pending'"
)

NEWEST_SHARE = "SELECT coalesce(max(id), 0) FROM share"
NEWEST_UPSTREAM = "SELECT coalesce(max(id), 0) FROM upstream"

ShareRow = tuple[float, str, str, str, float, str, str]
"""at, site, worker, job, difficulty, verdict, hash: the cells of a row of `share`."""

Cells = list[float | str]
"""Rows of `share`, one behind the other: SQLite takes many in one statement."""

CELLS = 7
"""Of a row."""

_INSERT_SHARES = (
    "INSERT INTO share (at, site, worker, job, difficulty, verdict, hash) VALUES "
)
_STATEMENTS = [
    (CELLS * rows, _INSERT_SHARES + ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * rows))
    # The text of a statement is compiled once for each size and found in sqlite3's
    # cache.
    for rows in (64, 8, 1)
]
INSERT_SHARE = _STATEMENTS[-1][1]

UNFIT = (
    UnicodeError,  # a lone surrogate
    OverflowError,  # beyond 64 bits
    sqlite3.IntegrityError,  # NULL, which a NaN becomes
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,  # a type that it does not know
)
"""What SQLite says of a row that no disk would take."""

UpstreamRow = tuple[int, float, str, str, str, str, str, float]
BlockRow = tuple[str, float, str, str, str, int | None]


def insert_shares(db: sqlite3.Connection, cells: Cells) -> None:
    """Insert rows: 0.8 us each, where `executemany` takes 1.3 us.

    Raises:
        sqlite3.Error: From the disk, or a cell that SQLite cannot take.
    """
    start = 0
    for step, statement in _STATEMENTS:
        while start + step <= len(cells):
            db.execute(statement, cells[start : start + step])
            start += step


def rows_of(cells: Cells) -> Iterator[ShareRow]:
    """Yield row by row."""
    for start in range(0, len(cells), CELLS):
        yield cast(ShareRow, tuple(cells[start : start + CELLS]))


def upstream_row(token: int, share: JudgedShare) -> UpstreamRow:
    """Return the row of a forwarded share; its difficulty is its source's."""
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


def block_row(share: JudgedShare) -> BlockRow:
    """Return the row of a block; its height is what its coinbase begins with."""
    work = share.job.work if share.job else None
    source = work.source if work else ""
    height = height_in_coinbase(work.coinb1) if work else None
    block = share.hash[::-1].hex()
    return (block, share.at, share.site, share.worker, source, height)
