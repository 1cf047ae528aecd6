"""Copy the ledger upward, each row once: `baseload ship`, a process of its own.

The ledger in `state_dir` stays what shares are answered from. Its rows go to PostgreSQL
in order; how far they have come is moved in the same transaction as they are, by
compare-and-set, so that a kill on either side leaves both or neither, and a second
shipper of the same proxy ends as soon as the first has moved the mark. A failover that
loses a commit loses rows and mark, and they are copied again.

Rows that the ledger lost before they were copied (`max_bytes`) are named in `ship_gap`
and in the state file, which `status` and the alarms read.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from attrs import define, field
from psycopg import sql
from psycopg.conninfo import make_conninfo
from twisted.logger import Logger

from proxy.cluster.migrate import SCHEMA, first_line
from proxy.cluster.ship_tables import (
    BLOCK_COLUMNS,
    BLOCKS,
    BY_DAY,
    Kind,
    Rows,
    due_rows,
    kinds_of,
)
from proxy.cluster.ship_told import Shipped, ShipSetup, tell
from proxy.runtime.database_file import reading
from proxy.shares.database import LEDGER_FILE

EVERY = 1.0
"""Seconds between two looks where nothing is due."""

LONGEST_PAUSE = 30.0
"""Seconds until a database that fails is tried again."""

BLOCKS_BACK = 7 * 86400.0
"""Blocks so young are looked at for new verdicts: a pool answers within seconds, a node
that was away within days."""

DROP_EVERY = 3600.0
"""Seconds between two looks for days that are too old."""

MAX_DAYS = 1000
"""That are known to have a partition: more are asked for again."""

MAX_GAPS = 100

Connection = psycopg.Connection[tuple[Any, ...]]


class ShipError(Exception):
    """Nothing can be copied until somebody has looked; the message says why."""


@define(eq=False, repr=False)
class Shipper:
    """Copies one ledger.

    Attributes:
        setup: What, and where to.
        wall_clock: Unix seconds.
        shipped: How far it has come.
    """

    _log = Logger()

    setup: ShipSetup
    wall_clock: Callable[[], float]
    shipped: Shipped = field(factory=Shipped, init=False)
    _blocks: dict[str, tuple[Any, ...]] = field(factory=dict, init=False)
    _marks: dict[str, int] = field(factory=dict, init=False)
    _has_days: bool = field(default=False, init=False)
    _days: set[tuple[str, int]] = field(factory=set, init=False)
    _dropped_at: float = field(default=0.0, init=False)

    def run(self, goes_on: Callable[[float], bool]) -> None:
        """Copy until `goes_on`, which waits for so many seconds, says no.

        Raises:
            ShipError: The ledger was replaced, or the proxy is not known there.
        """
        pause, is_over = 0.0, False
        while not is_over and goes_on(pause):
            try:
                self._session(goes_on)
                is_over = True
            except (psycopg.Error, OSError) as error:
                self._failed(first_line(error))
            except sqlite3.Error as error:
                self._failed(f"the ledger: {error}")
            pause = min(LONGEST_PAUSE, max(1.0, 2 * pause))

    def _session(self, goes_on: Callable[[float], bool]) -> None:
        """Copy over one connection until it breaks."""
        path = Path(self.setup.state_dir) / LEDGER_FILE
        with (
            psycopg.connect(_conninfo(self.setup.url), autocommit=True) as there,
            closing(reading(path)) as here,
        ):
            self._begin(there, here)
            pause = 0.0
            while goes_on(pause):
                pause = 0.0 if self.step(there, here) else EVERY

    def _begin(self, there: Connection, here: sqlite3.Connection) -> None:
        """Make the proxy known, and find how far its rows have come.

        Raises:
            ShipError: See `run`.
        """
        name, number = self.setup.member, self.setup.instance
        there.execute(
            "INSERT INTO proxy VALUES (%s, %s) ON CONFLICT DO NOTHING", (number, name)
        )
        row = there.execute(
            "SELECT 1 FROM proxy WHERE id = %s AND name = %s", (number, name)
        ).fetchone()
        if row is None:
            raise ShipError(
                f"instance {number} or the name {name!r} is another proxy's: set"
                " [proxy] instance and [cluster] member to its own"
            )
        for kind in kinds_of(self.setup.mode):
            self._marks[kind.name] = self._mark(there, here, kind)
        # tables of the release before have no days
        days = there.execute(
            "SELECT to_regprocedure('drop_days(text, date)') IS NOT NULL"
        ).fetchone()
        self._has_days = days is not None and bool(days[0])

    def _mark(self, there: Connection, here: sqlite3.Connection, kind: Kind) -> int:
        key = (self.setup.instance, kind.name)
        found = there.execute(
            'SELECT last_id FROM shipped WHERE proxy = %s AND "table" = %s', key
        ).fetchone()
        if found is None:
            # what went before there was a cluster is no gap
            oldest = here.execute(kind.oldest).fetchone()
            mark = 0 if oldest is None else int(oldest[0]) - 1
            there.execute(
                "INSERT INTO shipped VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                (*key, mark),
            )
            return mark
        mark = int(found[0])
        newest = here.execute(
            f"SELECT coalesce(max({kind.mark}), 0) FROM {kind.name}"  # noqa: S608
        ).fetchone()[0]
        if kind.is_dense and newest < mark:
            raise ShipError(
                f"the ledger ends with {kind.name} {newest}, and {mark} was copied: it"
                " was replaced. If that is meant, delete this proxy's rows of shipped"
            )
        return mark

    def step(self, there: Connection, here: sqlite3.Connection) -> bool:
        """Copy a batch of each table; return whether more may be due.

        Raises:
            psycopg.Error, sqlite3.Error: It stands as before.
        """
        now, is_more = self.wall_clock(), False
        oldest = now
        for kind in kinds_of(self.setup.mode):
            is_more |= self._copy(there, here, kind, now)
            asked = {"mark": self._marks[kind.name], "now": now}
            first = here.execute(kind.lag, asked).fetchone()
            oldest = min(oldest, now if first is None else float(first[0]))
        self._copy_blocks(there, here, now)
        self._drop_days(there, now)
        self.shipped.fault, self.shipped.at = "", now
        self.shipped.lag_s = now - oldest
        self.shipped.share_id = self._marks.get("share")
        tell(Path(self.setup.state_dir), self.shipped)
        return is_more

    def _copy(
        self, there: Connection, here: sqlite3.Connection, kind: Kind, now: float
    ) -> bool:
        mark = self._marks[kind.name]
        rows = due_rows(here, kind, mark, now)
        if not rows:
            return False
        place = kind.columns.index(kind.mark)
        last, number = int(rows[-1][place]), self.setup.instance
        first = int(rows[0][place])
        self._make_days(there, kind, rows)
        with there.transaction():
            moved = there.execute(
                "UPDATE shipped SET last_id = %s"
                ' WHERE proxy = %s AND "table" = %s AND last_id = %s',
                (last, number, kind.name, mark),
            )
            if moved.rowcount != 1:
                raise ShipError(
                    f"another shipper copies the ledger of {self.setup.member!r}"
                )
            if kind.is_dense and first > mark + 1:
                self._say_gap(there, kind, mark + 1, first - 1)
            with there.cursor().copy(_copy_of(kind.name, kind.columns)) as copy:
                for row in rows:
                    copy.write_row((number, *row))
        self._marks[kind.name] = last
        return True

    def _make_days(self, there: Connection, kind: Kind, rows: Rows) -> None:
        """Have a partition for each day that rows are of, before they are copied."""
        days = {(kind.name, day) for day in kind.days_of(rows)} - self._days
        if not self._has_days or not days:
            return
        for name, day in days:
            there.execute("SELECT make_day(%s, DATE 'epoch' + %s)", (name, day))
        known = self._days if len(self._days) < MAX_DAYS else set()
        self._days = known | days

    def _drop_days(self, there: Connection, now: float) -> None:
        """Have what is too old go."""
        if not self._has_days or now - self._dropped_at < DROP_EVERY:
            return
        self._dropped_at = now
        before = int(now // 86_400) - self.setup.keep_days
        for name in BY_DAY:
            there.execute("SELECT drop_days(%s, DATE 'epoch' + %s)", (name, before))

    def _say_gap(self, there: Connection, kind: Kind, begin: int, end: int) -> None:
        there.execute(
            "INSERT INTO ship_gap VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (self.setup.instance, kind.name, begin, end),
        )
        text = f"{kind.name} {begin} to {end} went before they were copied"
        self._log.error("{gap}", gap=text)
        self.shipped.gaps = [*self.shipped.gaps, text][-MAX_GAPS:]

    def _copy_blocks(
        self, there: Connection, here: sqlite3.Connection, now: float
    ) -> None:
        found = here.execute(BLOCKS, {"since": now - BLOCKS_BACK}).fetchall()
        new = [row for row in found if self._blocks.get(row[0]) != row]
        if not new:
            return
        with there.transaction():
            for row in new:
                there.execute(_PUT_BLOCK, (self.setup.instance, *row))
        self._blocks = {row[0]: row for row in found}

    def stopped(self, why: str) -> None:
        """Say why nothing is copied until somebody has looked."""
        self.shipped.fault, self.shipped.at = why, self.wall_clock()
        tell(Path(self.setup.state_dir), self.shipped)

    def _failed(self, why: str) -> None:
        if why != self.shipped.fault:
            self._log.warn("nothing is copied: {why}", why=why)
        self.shipped.fault, self.shipped.at = why, self.wall_clock()
        tell(Path(self.setup.state_dir), self.shipped)


_PUT_BLOCK = sql.SQL(
    "INSERT INTO block (proxy, {columns}) VALUES ({values})"
    " ON CONFLICT (proxy, hash) DO UPDATE SET verdict = excluded.verdict,"
    " reason = excluded.reason, settled_at = excluded.settled_at,"
    " height = excluded.height"
).format(
    columns=sql.SQL(", ").join(map(sql.Identifier, BLOCK_COLUMNS)),
    values=sql.SQL(", ").join([sql.Placeholder()] * (1 + len(BLOCK_COLUMNS))),
)


def _copy_of(table: str, columns: tuple[str, ...]) -> sql.Composed:
    return sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, ("proxy", *columns))),
    )


def _conninfo(url: str) -> str:
    options = f"-c search_path={SCHEMA} -c statement_timeout=30s"
    return make_conninfo(
        url,
        options=options,
        application_name="baseload ship",
        connect_timeout=5,
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
        tcp_user_timeout=20_000,
    )


def sleeping(seconds: float) -> bool:
    """Wait, and go on: for a shipper that runs until it is ended."""
    time.sleep(seconds)
    return True
