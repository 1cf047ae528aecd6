"""What of the ledger is copied, table by table: which rows are due, and in what order.

Rows go in the order of one column that only grows, the mark: an id, or a minute. A
batch ends with a whole mark, so that the mark alone says what was copied.
"""
# ruff: noqa: S608  (all that is put into these statements stands here)

import sqlite3
from collections.abc import Sequence
from typing import Any

from attrs import frozen

BATCH = 5_000
"""Rows of a transaction: 60 ms at 84,000 rows/s, and as long a read of the ledger,
which holds up no writer, but the checkpoint that shortens its log."""

SETTLED_WITHIN = 600.0
"""A pool that has said nothing of a share for so long says nothing any more: its row is
copied as it is."""

CLOSED_AFTER = 300.0
"""Sums of a minute are whole by then: they are written within a minute of its end, and
at most three minutes wait for the disk (`shares/rollup`)."""

Rows = Sequence[tuple[Any, ...]]


@frozen
class Kind:
    """A table.

    Attributes:
        name: Here and there.
        columns: There, without `proxy`.
        mark: Column that orders it.
        due: SQL that returns rows above a mark, whole ones, in order; parameters are
            named `mark`, `now`, `limit`.
        oldest: SQL that returns the lowest mark that is there, and its Unix time.
        lag: SQL that returns the Unix time of the first row above `mark` that is due.
        is_dense: Marks have no holes: one that is missing was deleted.
        in_days: Column by which its days are partitions there; empty: they are not.
        per_day: Units of that column.
    """

    name: str
    columns: tuple[str, ...]
    mark: str
    due: str
    oldest: str
    lag: str
    is_dense: bool = False
    in_days: str = ""
    per_day: int = 86_400

    def days_of(self, rows: Rows) -> set[int]:
        """Return the days, since 1970 in UTC, that rows are of."""
        if not self.in_days:
            return set()
        place = self.columns.index(self.in_days)
        return {int(row[place] // self.per_day) for row in rows}


_SHARE = "id, at, site, worker, job, difficulty, verdict, hash"
SHARE = Kind(
    "share",
    ("id", "at", "site", "worker", "job", "difficulty", "verdict", "hash"),
    "id",
    f"SELECT {_SHARE} FROM share WHERE id > :mark ORDER BY id LIMIT :limit",
    "SELECT id, at FROM share ORDER BY id LIMIT 1",
    "SELECT at FROM share WHERE id > :mark ORDER BY id LIMIT 1",
    is_dense=True,
    in_days="at",
)

_UPSTREAM = (
    "id, at, site, pool, worker, job, hash, difficulty, verdict, reason, settled_at"
)
_UNSETTLED = (
    "SELECT min(id) FROM upstream WHERE id > :mark AND verdict = 'pending'"
    f" AND at > :now - {SETTLED_WITHIN}"
)
UPSTREAM = Kind(
    "upstream",
    tuple(_UPSTREAM.split(", ")),
    "id",
    f"SELECT {_UPSTREAM} FROM upstream WHERE id > :mark"
    f" AND id < coalesce(({_UNSETTLED}), 9223372036854775807)"
    " ORDER BY id LIMIT :limit",
    "SELECT id, at FROM upstream ORDER BY id LIMIT 1",
    "SELECT at FROM upstream WHERE id > :mark ORDER BY id LIMIT 1",
    in_days="at",
)


def _sums(unit: str, seconds: int) -> Kind:
    """Return a table of sums.

    A unit is whole when the time of it is over, and no share of it is in no sum yet:
    of those the first has the lowest time.
    """
    unsummed = (
        "SELECT at FROM share WHERE id > (SELECT share_id FROM rolled_up)"
        " ORDER BY id LIMIT 1"
    )
    over = (
        f"CAST((min(:now - {CLOSED_AFTER}, coalesce(({unsummed}), :now))) / {seconds}"
        " AS INTEGER)"
    )
    # as many units as have about so many rows, at least one
    last = (
        f"SELECT max({unit}) FROM (SELECT {unit} FROM work_{unit} WHERE {unit} > :mark"
        f" AND {unit} < {over} ORDER BY {unit} LIMIT :limit)"
    )
    return Kind(
        f"work_{unit}",
        ("site", "worker", unit, "accepted", "rejected", "work"),
        unit,
        f"SELECT site, worker, {unit}, accepted, rejected, work FROM work_{unit}"
        f" WHERE {unit} > :mark AND {unit} <= ({last}) ORDER BY {unit}",
        f"SELECT {unit}, {unit} * {seconds} FROM work_{unit} ORDER BY {unit} LIMIT 1",
        f"SELECT {unit} * {seconds} FROM work_{unit} WHERE {unit} > :mark"
        f" AND {unit} < {over} ORDER BY {unit} LIMIT 1",
        in_days="minute" if unit == "minute" else "",
        per_day=1440,
    )


BY_DAY = ("work_minute", "share", "upstream")
"""Tables whose days go as a whole."""

WORK = (_sums("minute", 60), _sums("hour", 3600), _sums("day", 86400))

BLOCK_COLUMNS = (
    *("hash", "at", "site", "worker", "source", "height"),
    *("verdict", "reason", "settled_at"),
)
BLOCKS = f"SELECT {', '.join(BLOCK_COLUMNS)} FROM block WHERE at > :since"
"""They change as nodes and pools answer, and are few: those of late are copied anew."""


def kinds_of(mode: str) -> tuple[Kind, ...]:
    """Return the tables that are copied."""
    return (*WORK, SHARE, UPSTREAM) if mode == "shares" else WORK


def due_rows(db: sqlite3.Connection, kind: Kind, mark: int, now: float) -> Rows:
    """Return the next rows to be copied.

    Raises:
        sqlite3.Error: The ledger cannot be read.
    """
    found = db.execute(kind.due, {"mark": mark, "now": now, "limit": BATCH}).fetchall()
    if "hash" not in kind.columns:
        return found
    place = kind.columns.index("hash")
    return [
        (*row[:place], bytes.fromhex(row[place]), *row[place + 1 :]) for row in found
    ]
