"""Each row of the ledger arrives once, whoever is killed while it is copied."""

import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from proxy.cluster.migrate import migrate
from proxy.cluster.ship import ShipError, Shipper
from proxy.cluster.ship_told import ShipSetup, told
from proxy.shares.database import LEDGER_FILE, open_database
from tests.cluster.postgres import Postgres
from tests.support import PATIENCE

ROWS, KILLS = 60_000, 8
RUN = (
    "import sys, time; from proxy.cluster.ship import Shipper, sleeping;"
    " from proxy.cluster.ship_told import ShipSetup;"
    " Shipper(ShipSetup(sys.argv[1], 'a', 7, sys.argv[2], 'shares'), time.time)"
    ".run(sleeping)"
)

_SHARE = (
    "INSERT INTO share (at, site, worker, job, difficulty, verdict, hash)"
    " VALUES (?, 'hall', ?, 'j', 65536.0, 'accepted', ?)"
)


def ledger(folder: Path) -> sqlite3.Connection:
    return open_database(folder / LEDGER_FILE, durability="process")


def add_shares(db: sqlite3.Connection, count: int, at: float) -> None:
    rows = ((at, f"rig.{n % 100}", f"{n:064x}") for n in range(count))
    with db:
        db.executemany(_SHARE, rows)


def ask(url: str, sql: str) -> Any:
    with psycopg.connect(url, options="-c search_path=baseload") as connection:
        row = connection.execute(sql.encode()).fetchone()
        assert row is not None
        return row


def once(shipper: Shipper) -> None:
    """Copy all that is due."""
    left = iter([0.0] * 50)
    shipper.run(lambda _: next(left, None) is not None)


def test_killed_shippers_and_servers_lose_nothing_and_repeat_nothing(
    postgres: Postgres, folder: Path
) -> None:
    migrate(postgres.url, [])
    chance = random.Random(3)  # noqa: S311
    with closing(ledger(folder)) as db:
        command = [sys.executable, "-c", RUN, postgres.url, str(folder)]
        add_shares(db, 1, time.time())
        shipper = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        for n in range(KILLS):
            add_shares(db, ROWS // KILLS, time.time())
            time.sleep(chance.uniform(0.2, 1.2))
            if n % 3 == 2:
                postgres.kill()
                postgres.start()
            else:
                shipper.kill()
                shipper.wait()
                shipper = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        total = ROWS // KILLS * KILLS + 1
        deadline = time.monotonic() + PATIENCE
        there = "SELECT count(*), count(DISTINCT id) FROM share"
        while ask(postgres.url, there)[0] < total and time.monotonic() < deadline:
            time.sleep(0.3)
        shipper.kill()
        shipper.wait()

    assert ask(postgres.url, there) == (total, total)
    assert ask(postgres.url, "SELECT count(*) FROM ship_gap") == (0,)


def test_rows_that_went_before_they_were_copied_are_named(
    postgres: Postgres, folder: Path
) -> None:
    migrate(postgres.url, [])
    setup = ShipSetup(postgres.url, "a", 7, str(folder), "shares")
    with closing(ledger(folder)) as db:
        add_shares(db, 10, time.time())
        once(Shipper(setup, time.time))
        add_shares(db, 10, time.time())
        with db:
            db.execute("DELETE FROM share WHERE id < 16")
        once(Shipper(setup, time.time))

    assert ask(postgres.url, "SELECT from_id, to_id FROM ship_gap") == (11, 15)
    assert ask(postgres.url, "SELECT count(*) FROM share") == (15,)
    shipped = told(folder)
    assert shipped is not None
    assert shipped.share_id == 20
    assert "share 11 to 15" in shipped.gaps[0]


def test_sums_are_copied_when_their_time_is_over(
    postgres: Postgres, folder: Path
) -> None:
    migrate(postgres.url, [])
    setup = ShipSetup(postgres.url, "a", 7, str(folder), "work")
    now = time.time()
    minute = int(now // 60)
    with closing(ledger(folder)) as db, db:
        for unit, per in (("minute", 1), ("hour", 60), ("day", 1440)):
            for back in (0, 2, 3000):
                db.execute(
                    f"INSERT INTO work_{unit} VALUES ('h', 'w', ?, 1, 0, 5.0)"  # noqa: S608
                    " ON CONFLICT DO NOTHING",
                    ((minute - 10 - back) // per,),
                )
        db.execute("INSERT INTO work_minute VALUES ('h', 'w', ?, 1, 0, 5.0)", (minute,))
    once(Shipper(setup, time.time))
    once(Shipper(setup, time.time))

    assert ask(postgres.url, "SELECT count(*), max(minute) FROM work_minute") == (
        3,
        minute - 10,
    )
    assert ask(postgres.url, "SELECT count(*) FROM work_day")[0] >= 1


def test_a_share_in_no_sum_yet_holds_its_minute_back(
    postgres: Postgres, folder: Path
) -> None:
    migrate(postgres.url, [])
    setup = ShipSetup(postgres.url, "a", 7, str(folder), "work")
    now = time.time()
    minute = int(now // 60) - 60
    with closing(ledger(folder)) as db:
        add_shares(db, 1, minute * 60.0 + 1)  # and rolled_up says: none is in
        with db:
            for n in (minute - 1, minute):
                db.execute(
                    "INSERT INTO work_minute VALUES ('h', 'w', ?, 1, 0, 5.0)", (n,)
                )
        once(Shipper(setup, time.time))

    assert ask(postgres.url, "SELECT max(minute) FROM work_minute") == (minute - 1,)


def test_what_a_pool_said_of_a_block_is_copied_later(
    postgres: Postgres, folder: Path
) -> None:
    migrate(postgres.url, [])
    setup = ShipSetup(postgres.url, "a", 7, str(folder), "work")
    shipper = Shipper(setup, time.time)
    with closing(ledger(folder)) as db:
        with db:
            db.execute(
                "INSERT INTO block (hash, at, site, worker, source)"
                " VALUES ('00', ?, 'h', 'w', 'core')",
                (time.time(),),
            )
        once(shipper)
        with db:
            db.execute("UPDATE block SET verdict = 'accepted'")
        once(shipper)

    assert ask(postgres.url, "SELECT count(*), max(verdict) FROM block") == (
        1,
        "accepted",
    )


def test_a_second_shipper_ends(postgres: Postgres, folder: Path) -> None:
    migrate(postgres.url, [])
    setup = ShipSetup(postgres.url, "a", 7, str(folder), "shares")
    with closing(ledger(folder)) as db:
        add_shares(db, 5, time.time())
        second = Shipper(setup, time.time)
        calls = 0

        def interrupted(_: float) -> bool:
            nonlocal calls
            calls += 1
            if calls == 2:  # it has read the mark: the first one goes on
                once(Shipper(setup, time.time))
            return calls < 5

        with pytest.raises(ShipError, match="another shipper"):
            second.run(interrupted)

    assert ask(postgres.url, "SELECT count(*) FROM share") == (5,)


def test_a_ledger_that_was_replaced_is_not_copied(
    postgres: Postgres, folder: Path
) -> None:
    migrate(postgres.url, [])
    setup = ShipSetup(postgres.url, "a", 7, str(folder), "shares")
    with closing(ledger(folder)) as db:
        add_shares(db, 5, time.time())
        once(Shipper(setup, time.time))
        with db:
            db.execute("DELETE FROM share WHERE id > 2")

        with pytest.raises(ShipError, match="it was replaced"):
            once(Shipper(setup, time.time))


def test_the_instance_of_another_is_refused(postgres: Postgres, folder: Path) -> None:
    migrate(postgres.url, [])
    with closing(ledger(folder)):
        once(Shipper(ShipSetup(postgres.url, "a", 7, str(folder), "work"), time.time))

        with pytest.raises(ShipError, match="another proxy's"):
            once(
                Shipper(ShipSetup(postgres.url, "b", 7, str(folder), "work"), time.time)
            )


def test_tables_are_made_once_and_by_one(postgres: Postgres) -> None:
    first, second = migrate(postgres.url, ["plant"]), migrate(postgres.url, ["plant"])

    assert (first.before, first.after) == (0, second.before)
    assert ask(postgres.url, "SELECT count(*) FROM leader") == (1,)
