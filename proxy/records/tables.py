"""Rows of the databases, streamed: a chunk at a time, each read by itself.

A read that lasted for the whole of 70 GB would keep the write-ahead log from being cut
short for as long. A chunk begins after the key that the one before ended with, so rows
that come or go meanwhile repeat nothing and lose nothing.
"""

import math
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from attrs import field, frozen

from proxy.power.journal.database import STORE_FILE
from proxy.records.error import RecordsError
from proxy.records.tenants import Tenants
from proxy.runtime.database_file import reading
from proxy.shares.database import LEDGER_FILE

CHUNK = 10_000
"""Rows of one read: 10 to 20 ms."""

SLACK_S = 60.0
"""Ids grow with time but for this: a wall clock may be set back a little."""

SPANS = {"minute": 60, "hour": 3600, "day": 86400}
"""Seconds of what sums are kept by."""

Cells = tuple[Any, ...]


@frozen
class Wanted:
    """Which rows.

    Attributes:
        since: Unix seconds, of the first.
        until: Unix seconds; from here on none.
        tenant: Whose; None: everybody's.
        site: Of which site; None: of each.
        by: Of sums: `minute`, `hour` or `day`.
    """

    since: float
    until: float
    tenant: str | None = None
    site: str | None = None
    by: str = "hour"


@frozen
class Exported:
    """A table as it is exported.

    Attributes:
        file: The database's, in the state folder.
        columns: Names with the types of their cells.
        chunks: Yields its rows, a list at a time.
        spans: What its sums are kept by; empty: it has single rows.
    """

    file: str
    columns: dict[str, type]
    chunks: Callable[[sqlite3.Connection, Wanted], Iterator[list[Cells]]]
    spans: tuple[str, ...] = ()
    worker_at: int | None = field(init=False)

    def __attrs_post_init__(self) -> None:
        names = list(self.columns)
        at = names.index("tenant") - 1 if "worker" in names else None
        object.__setattr__(self, "worker_at", at)

    def rows(
        self, state: Path, wanted: Wanted, tenants: Tenants
    ) -> Iterator[list[Cells]]:
        """Yield lists of rows that are wanted, none of them empty.

        Raises:
            RecordsError: They cannot be read.
        """
        path = state / self.file
        if not path.exists():
            raise RecordsError(f"{path} is not there: nothing was recorded yet")
        try:
            with closing(reading(path)) as db:
                for chunk in self.chunks(db, wanted):
                    if kept := list(self._kept(chunk, wanted, tenants)):
                        yield kept
        except sqlite3.Error as error:
            raise RecordsError(f"{path} cannot be read: {error}") from error

    def _kept(
        self, chunk: list[Cells], wanted: Wanted, tenants: Tenants
    ) -> Iterator[Cells]:
        names = list(self.columns)
        site_at, tenant_at = names.index("site"), names.index("tenant")
        for row in chunk:
            if wanted.site not in {None, row[site_at]}:
                continue
            cells = row
            if self.worker_at is not None:
                at = self.worker_at
                tenant = tenants.of_worker(row[site_at], row[at])
                cells = (*row[: at + 1], tenant, *row[at + 1 :])
            if wanted.tenant in {None, cells[tenant_at]}:
                yield cells


def _by_id(table: str, columns: str) -> Callable[..., Iterator[list[Cells]]]:
    sql = (
        f"SELECT id, at, {columns} FROM {table} WHERE id > ?"  # noqa: S608  (our own names)
        f" ORDER BY id LIMIT {CHUNK}"
    )

    def chunks(db: sqlite3.Connection, wanted: Wanted) -> Iterator[list[Cells]]:
        last = _first_id(db, table, wanted.since - SLACK_S) - 1
        while rows := db.execute(sql, (last,)).fetchall():
            last = rows[-1][0]
            yield [r for r in rows if wanted.since <= r[1] < wanted.until]
            if rows[0][1] >= wanted.until + SLACK_S:
                return

    return chunks


def _first_id(db: sqlite3.Connection, table: str, since: float) -> int:
    """Return an id from which on all rows are of `since` or later: ids grow with it."""
    span = f"SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM {table}"  # noqa: S608
    at = f"SELECT at FROM {table} WHERE id >= ? ORDER BY id LIMIT 1"  # noqa: S608
    low, high = db.execute(span).fetchone()
    while low < high:
        middle = (low + high) // 2
        found = db.execute(at, (middle,)).fetchone()
        if found is None or found[0] >= since:
            high = middle
        else:
            low = middle + 1
    return int(low)


def _by_span(
    table: str, name: str, columns: str
) -> Callable[..., Iterator[list[Cells]]]:
    def chunks(db: sqlite3.Connection, wanted: Wanted) -> Iterator[list[Cells]]:
        by, length = wanted.by, SPANS[wanted.by]
        sql = (
            f"SELECT {by} * {length}, site, {name}, {columns} FROM {table}_{by}"  # noqa: S608
            f" WHERE ({by}, site, {name}) > (?, ?, ?) AND {by} < ?"
            f" ORDER BY {by}, site, {name} LIMIT {CHUNK}"
        )
        until = math.ceil(wanted.until / length)
        key: Cells = (math.ceil(wanted.since / length), "", "")
        while rows := db.execute(sql, (*key, until)).fetchall():
            start, site, one = rows[-1][:3]
            key = (start // length, site, one)
            yield rows

    return chunks


EXPORTS = {
    "shares": Exported(
        LEDGER_FILE,
        {
            "id": int,
            "at": float,
            "site": str,
            "worker": str,
            "tenant": str,
            "job": str,
            "difficulty": float,
            "verdict": str,
            "hash": str,
        },
        _by_id("share", "site, worker, job, difficulty, verdict, hash"),
    ),
    "work": Exported(
        LEDGER_FILE,
        {
            "start": int,
            "site": str,
            "worker": str,
            "tenant": str,
            "accepted": int,
            "rejected": int,
            "work": float,
        },
        _by_span("work", "worker", "accepted, rejected, work"),
        spans=("minute", "hour", "day"),
    ),
    "energy": Exported(
        STORE_FILE,
        {
            "start": int,
            "site": str,
            "tenant": str,
            "wh": float,
            "source": str,
            "budget_wh": float,
            "curtailed_wh": float,
            "machine_s_down": float,
            "machine_wh": float,
            "seconds": float,
            "metered_s": float,
        },
        _by_span(
            "energy",
            "tenant",
            "wh, source, budget_wh, curtailed_wh, machine_s_down, machine_wh, seconds,"
            " metered_s",
        ),
        spans=("minute", "hour"),
    ),
    "upstream": Exported(
        LEDGER_FILE,
        {
            "id": int,
            "at": float,
            "site": str,
            "pool": str,
            "worker": str,
            "tenant": str,
            "job": str,
            "hash": str,
            "difficulty": float,
            "verdict": str,
            "reason": str,
            "settled_at": float,
        },
        _by_id(
            "upstream",
            "site, pool, worker, job, hash, difficulty, verdict, reason, settled_at",
        ),
    ),
}
"""What can be exported, by name."""
