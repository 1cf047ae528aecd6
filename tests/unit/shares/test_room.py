"""`max_bytes` holds for shares and minutes together; hours and days stay."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from protocol.units import Seconds, UnixTime
from proxy.shares.database import open_database
from proxy.shares.ledger import SqliteLedger
from proxy.shares.room import MINUTES_A_SECOND, Reach, bytes_used
from tests.builders import NOW

DAY = 86400
MINUTE = int(NOW) // 60


class Shelf:
    """A ledger of a site of 200 workers that has been at work for 35 days."""

    def __init__(self, folder: Path) -> None:
        self.now = float(MINUTE * 60)
        self.alarms: list[str] = []
        self.db = open_database(folder / "ledger.sqlite3", durability="process")
        self.db.execute("BEGIN")
        self.add_minutes()
        self.add_shares()
        self.db.execute("COMMIT")
        self.ledger = SqliteLedger(
            self.db,
            Seconds(DAY),
            1 << 40,
            lambda: UnixTime(self.now),
            self.alarms.append,
        )

    def add_minutes(self) -> None:
        for table, unit, size in (("minute", "minute", 1), ("hour", "hour", 60)):
            self.db.executemany(
                f"INSERT INTO work_{table} (site, worker, {unit}, accepted, rejected,"  # noqa: S608
                " work) VALUES ('hall-a', ?, ?, 18, 0, 1.0)",
                [
                    (f"rack-a.{n:03}", (MINUTE - 1440 * day - 5) // size)
                    for day in range(1, 35)
                    for n in range(200)
                ],
            )

    def add_shares(self) -> None:
        self.db.executemany(
            "INSERT INTO share (at, site, worker, job, difficulty, verdict, hash)"
            " VALUES (?, 'hall-a', 'rig1', '1', 1.0, 'accepted', ?)",
            [(self.now - 80_000 + 8 * n, "0" * 64) for n in range(10_000)],
        )

    def seconds(self, count: int) -> None:
        for _ in range(count):
            self.now += 1
            self.ledger.flush()
            self.ledger.roll_up()

    def ask(self, sql: str) -> Any:
        return self.db.execute(sql).fetchone()[0]

    def counts(self) -> dict[str, int]:
        tables = ("share", "work_minute", "work_hour")
        return {t: self.ask(f"SELECT count(*) FROM {t}") for t in tables}  # noqa: S608


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.ledger.close()


def test_within_its_size_nothing_goes(shelf: Shelf) -> None:
    before = shelf.counts()

    shelf.seconds(30)

    assert shelf.counts() == before


def test_shares_go_first(shelf: Shelf) -> None:
    before = shelf.counts()
    shelf.ledger.max_bytes = bytes_used(shelf.db) - 500_000

    shelf.seconds(30)

    after = shelf.counts()
    assert bytes_used(shelf.db) <= shelf.ledger.max_bytes
    assert 0 < after.pop("share") < before.pop("share")
    assert after == before


def test_then_minutes_beyond_a_week(shelf: Shelf) -> None:
    before = shelf.counts()
    shelf.ledger.max_bytes = bytes_used(shelf.db) - 1_200_000

    shelf.seconds(30)

    after = shelf.counts()
    oldest = shelf.ask("SELECT min(minute) FROM work_minute")
    assert bytes_used(shelf.db) <= shelf.ledger.max_bytes
    assert after["share"] < 100  # of the last ten minutes
    assert after["work_minute"] < before["work_minute"]
    assert MINUTE - oldest > 7 * 1440
    assert after["work_hour"] == before["work_hour"]
    assert shelf.alarms == []


def test_never_a_week_of_minutes_nor_hours_and_it_is_told_once(shelf: Shelf) -> None:
    before = shelf.counts()
    shelf.ledger.max_bytes = 1

    shelf.seconds(30)

    after = shelf.counts()
    oldest = shelf.ask("SELECT min(minute) FROM work_minute")
    assert MINUTE - 7 * 1440 <= oldest < MINUTE - 6 * 1440
    assert after["work_hour"] == before["work_hour"]
    assert len(shelf.alarms) == 1
    assert "more than max_bytes" in shelf.alarms[0]


def test_one_call_deletes_a_slice(shelf: Shelf) -> None:
    shelf.ledger.max_bytes = 1

    lowest = shelf.counts()
    for _ in range(10):
        before, lowest = lowest, shelf.counts()
        shelf.seconds(1)
        assert before["share"] - lowest["share"] <= 2_000
        assert before["work_minute"] - lowest["work_minute"] <= MINUTES_A_SECOND


def test_shares_that_are_in_no_sum_yet_do_not_go(shelf: Shelf) -> None:
    shelf.db.execute("UPDATE rolled_up SET share_id = 9000")
    shelf.ledger._intake.rollup.reached = 9000
    shelf.ledger.max_bytes = 1

    shelf.seconds(30)

    assert shelf.ask("SELECT min(id) FROM share") > 9000


def test_it_is_known_how_far_back_each_reaches(shelf: Shelf) -> None:
    first = (MINUTE - 1440 * 34 - 5) * 60

    at_once = shelf.ledger.reach
    shelf.ledger.max_bytes = 1
    shelf.seconds(30)
    later = shelf.ledger.reach

    day = shelf.ask("SELECT min(day) FROM work_day") * DAY
    assert at_once.shares == MINUTE * 60 - 80_000
    assert at_once.minutes == first
    assert at_once.hours == first // 3600 * 3600
    assert at_once.days in {None, day}
    assert later.minutes is not None
    assert later.minutes > first
    assert later.hours == at_once.hours


def test_a_new_ledger_reaches_nowhere(tmp_path: Path) -> None:
    database = open_database(tmp_path / "new.sqlite3", durability="process")
    ledger = SqliteLedger(database, Seconds(DAY), 1 << 40, lambda: UnixTime(NOW), print)

    assert ledger.reach == Reach()
    ledger.close()
