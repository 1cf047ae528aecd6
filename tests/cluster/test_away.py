"""The database is away: shares go on, halls are at their floors, no row is missing."""

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from proxy.cluster.migrate import migrate
from proxy.shares.database import LEDGER_FILE
from tests.cluster.postgres import Postgres
from tests.cluster.proxy_process import (
    ProxyProcess,
    end_pool,
    start_pool,
    until,
)

LONG = os.environ.get("LONG", "0") != "0"
AWAY_S = 300.0 if LONG else 15.0
NOISE_MS = 20.0
"""What a busy machine adds to the slowest of a hundred shares."""


@pytest.fixture
def hall(postgres: Postgres, folder: Path) -> Iterator[ProxyProcess]:
    migrate(postgres.url, ["plant"])
    pool, port = start_pool()
    proxy = ProxyProcess(folder, "hall-a", postgres.url, port)
    proxy.start()
    until("up", lambda: proxy.ask("status") is not None)
    yield proxy
    proxy.stop()
    end_pool(pool)


def rows_here(hall: ProxyProcess) -> int:
    path = hall.folder / hall.name / LEDGER_FILE
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        return int(db.execute("SELECT count(*) FROM share").fetchone()[0])


def rows_there(url: str) -> tuple[int, int]:
    with psycopg.connect(url, options="-c search_path=baseload") as connection:
        found = connection.execute(
            "SELECT count(*), count(DISTINCT id) FROM share"
        ).fetchone()
    assert found is not None
    return found[0], found[1]


def test_a_database_that_is_away_delays_no_share_and_loses_none(
    postgres: Postgres, hall: ProxyProcess
) -> None:
    until("granted", lambda: hall.is_granted)
    with_it = hall.shares(min(AWAY_S, 30.0))
    postgres.kill()
    until("at its floor", lambda: hall.has_lapsed)
    without = hall.shares(AWAY_S)
    is_at_floor = hall.has_lapsed
    postgres.start()
    back = until("granted again", lambda: not hall.has_lapsed)
    here = rows_here(hall)
    copied = until("copied", lambda: rows_there(postgres.url)[0] >= here)

    sys.stderr.write(
        f"\n{AWAY_S:.0f} s away: p99 {with_it.p99_ms:.2f} ms with the database,"
        f" {without.p99_ms:.2f} without; {here} shares; granted again after"
        f" {back:.1f} s, all copied {copied:.1f} s later\n"
    )
    assert without.unanswered == 0
    assert without.sent == without.accepted
    assert without.p99_ms < with_it.p99_ms + NOISE_MS
    assert is_at_floor
    assert rows_there(postgres.url) == (here, here)
