"""Days of the ledger as partitions: made as rows come, dropped as a whole."""

import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from proxy.cluster import schema
from proxy.cluster.migrate import migrate
from proxy.cluster.ship import Shipper
from proxy.cluster.ship_told import ShipSetup
from proxy.runtime.database_file import steps_in
from tests.cluster.postgres import Postgres
from tests.cluster.test_ship import add_shares, ask, ledger, once

DAY = 86_400.0


def named(at: float, kind: str = "share") -> str:
    return f"{kind}_{datetime.fromtimestamp(at, UTC):%Y%m%d}"


def partitions(url: str, kind: str = "share") -> dict[str, int]:
    """Return how many rows each partition has."""
    counts = {}
    with psycopg.connect(url, options="-c search_path=baseload") as connection:
        found = connection.execute(
            "SELECT relid::regclass::text FROM pg_partition_tree(%s) WHERE isleaf",
            (kind,),
        ).fetchall()
        for (name,) in found:
            count = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name))
            row = connection.execute(count).fetchone()
            assert row is not None
            counts[str(name)] = int(row[0])
    return counts


def copy_all(url: str, folder: Path) -> None:
    once(Shipper(ShipSetup(url, "a", 7, str(folder), "shares"), time.time))


def test_rows_of_each_day_go_to_a_partition_of_it(
    postgres: Postgres, folder: Path
) -> None:
    migrate(postgres.url, [])
    now = time.time()
    with closing(ledger(folder)) as db:
        for back in (2, 1, 0):
            add_shares(db, 10 + back, now - back * DAY)
        copy_all(postgres.url, folder)

    assert partitions(postgres.url) == {
        "share_rest": 0,
        **{named(now - back * DAY): 10 + back for back in (2, 1, 0)},
    }


@pytest.mark.parametrize("ahead", [-500 * DAY, 30 * DAY])
def test_rows_of_a_clock_that_is_wrong_make_no_partition(
    postgres: Postgres, folder: Path, ahead: float
) -> None:
    migrate(postgres.url, [])
    setup = ShipSetup(postgres.url, "a", 7, str(folder), "shares", keep_days=3650)
    with closing(ledger(folder)) as db:
        add_shares(db, 5, time.time() + ahead)
        once(Shipper(setup, time.time))

    assert partitions(postgres.url) == {"share_rest": 5}


def test_days_that_are_too_old_go_and_no_day_of_the_last_week(
    postgres: Postgres, folder: Path
) -> None:
    migrate(postgres.url, [])
    now = time.time()
    with closing(ledger(folder)) as db:
        for back in (40, 20, 3):
            add_shares(db, 5, now - back * DAY)
        copy_all(postgres.url, folder)  # what is too old goes with the first batch
        kept = partitions(postgres.url)
        with psycopg.connect(postgres.url) as connection:
            connection.execute("SELECT baseload.drop_days('share', current_date + 99)")

    assert kept == {"share_rest": 0, named(now - 20 * DAY): 5, named(now - 3 * DAY): 5}
    assert partitions(postgres.url) == {"share_rest": 0, named(now - 3 * DAY): 5}


def test_sums_by_minute_are_of_a_day_too(postgres: Postgres, folder: Path) -> None:
    migrate(postgres.url, [])
    minute = int(time.time() // 60) - 20
    with closing(ledger(folder)) as db:
        with db:
            row = (minute,)
            db.execute("INSERT INTO work_minute VALUES ('h', 'w', ?, 1, 0, 5.0)", row)
        copy_all(postgres.url, folder)

    assert partitions(postgres.url, "work_minute") == {
        "work_minute_rest": 0,
        named(minute * 60.0, "work_minute"): 1,
    }


def test_an_upgrade_keeps_what_is_there_and_shippers_of_before_go_on(
    postgres: Postgres, folder: Path
) -> None:
    """Tables of version 1, with rows of today: they are the rest, and rows follow."""
    with psycopg.connect(postgres.url) as connection:
        connection.execute(b"CREATE SCHEMA baseload; SET search_path TO baseload")
        connection.execute("CREATE TABLE version (number integer NOT NULL)")
        connection.execute(steps_in(schema)[1].encode())
        connection.execute("INSERT INTO version VALUES (1)")
    now = time.time()
    setup = ShipSetup(postgres.url, "a", 7, str(folder), "shares")
    with closing(ledger(folder)) as db:
        add_shares(db, 5, now)
        once(Shipper(setup, time.time))  # tables without days
        done = migrate(postgres.url, [])
        add_shares(db, 5, now)
        copy_all(postgres.url, folder)
        add_shares(db, 5, now + DAY)
        copy_all(postgres.url, folder)

    assert done.before == 1
    assert ask(postgres.url, "SELECT count(DISTINCT id) FROM share") == (15,)
    # today has rows in the rest: it gets no partition, tomorrow does
    assert partitions(postgres.url) == {"share_rest": 10, named(now + DAY): 5}
