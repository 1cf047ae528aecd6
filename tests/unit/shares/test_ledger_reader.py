import sqlite3
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from twisted.internet.defer import Deferred, succeed

from protocol.units import UnixTime
from proxy.shares.database import open_database
from proxy.shares.reader import LedgerReader, PoolHour, RecordedShare, WorkerWork

T = TypeVar("T")

START = 1_699_999_200  # a full hour
FIELDS = "(at, site, pool, worker, job, hash, difficulty, verdict, reason)"


def at_once(work: Callable[[], T]) -> Deferred[T]:
    return succeed(work())


def answer(question: Coroutine[Any, Any, T]) -> T:
    results: list[T] = []
    answered = Deferred.fromCoroutine(question).addCallback(results.append)

    assert answered.called
    return results[0]


class Shelf:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.sqlite3"
        self.database = open_database(self.path, durability="process")
        self.reader = LedgerReader(self.path, at_once)

    def forwarded(self, at: float, pool: str, verdict: str, reason: str = "") -> None:
        row = (at, "hall-a", pool, "rig1", "1", "00", 8.0, verdict, reason)
        marks = ", ".join("?" * len(row))
        self.database.execute(f"INSERT INTO upstream {FIELDS} VALUES ({marks})", row)  # noqa: S608


@pytest.fixture
def shelf(tmp_path: Path) -> Any:
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.database.close()


def test_an_hour_of_a_pool_adds_up_to_what_was_forwarded(shelf: Shelf) -> None:
    for verdict, reason in (
        ("accepted", ""),
        ("accepted", ""),
        ("rejected", "stale"),
        ("rejected", "duplicate"),
        ("lost", "no_source"),
        ("pending", ""),
    ):
        shelf.forwarded(START + 5.5, "main", verdict, reason)

    hours = answer(shelf.reader.reconcile(UnixTime(START), UnixTime(START + 3600.0)))

    assert hours == [
        PoolHour(
            hour=START,
            pool="main",
            forwarded=6,
            accepted=2,
            pending=1,
            rejected={"stale": 1, "duplicate": 1},
            lost={"no_source": 1},
            work=16.0,
        )
    ]


def test_hours_and_pools_are_kept_apart_and_the_end_is_open(shelf: Shelf) -> None:
    shelf.forwarded(START, "main", "accepted")
    shelf.forwarded(START, "spare", "accepted")
    shelf.forwarded(START + 3600, "main", "accepted")
    shelf.forwarded(START + 7200, "main", "accepted")

    hours = answer(shelf.reader.reconcile(UnixTime(START), UnixTime(START + 7200.0)))

    assert [(h.hour, h.pool) for h in hours] == [
        (START, "main"),
        (START, "spare"),
        (START + 3600, "main"),
    ]


def test_reasons_of_one_hour_do_not_leak_into_another(shelf: Shelf) -> None:
    shelf.forwarded(START, "main", "lost", "restart")
    shelf.forwarded(START, "spare", "accepted")

    hours = answer(shelf.reader.reconcile(UnixTime(START), UnixTime(START + 3600.0)))

    assert [h.lost for h in hours] == [{"restart": 1}, {}]


@pytest.mark.parametrize(("unit", "length"), [("minute", 60), ("hour", 3600)])
def test_work_is_found_by_site_glob_and_time(
    shelf: Shelf, unit: str, length: int
) -> None:
    first = START // length
    for site, worker, number in (
        ("hall-a", "acme.1", first),
        ("hall-a", "acme.2", first + 1),
        ("hall-a", "other.1", first),
        ("hall-b", "acme.1", first),
        ("hall-a", "acme.3", first + 2),
    ):
        shelf.database.execute(
            f"INSERT INTO work_{unit} (site, worker, {unit}, accepted, rejected, work)"  # noqa: S608
            " VALUES (?, ?, ?, 3, 1, 24.0)",
            (site, worker, number),
        )
    ask = shelf.reader.minutes if unit == "minute" else shelf.reader.hours

    found = answer(
        ask("hall-a", "acme.*", UnixTime(START), UnixTime(START + 2.0 * length))
    )

    assert found == [
        WorkerWork("hall-a", "acme.1", START, 3, 1, 24.0),
        WorkerWork("hall-a", "acme.2", START + length, 3, 1, 24.0),
    ]


def test_the_newest_shares_come_first_and_no_more_than_asked(shelf: Shelf) -> None:
    for number in range(5):
        shelf.database.execute(
            "INSERT INTO share (at, site, worker, job, difficulty, verdict, hash)"
            " VALUES (?, 'hall-a', 'rig1', '1', 8.0, 'stale', '00')",
            (START + number,),
        )

    shares = answer(shelf.reader.recent_shares(2))

    assert [share.at for share in shares] == [START + 4.0, START + 3.0]
    assert shares[0] == RecordedShare(
        UnixTime(START + 4.0), "hall-a", "rig1", "1", 8.0, "stale", "00"
    )


def test_the_newest_blocks_come_first(shelf: Shelf) -> None:
    for number in range(3):
        shelf.database.execute(
            "INSERT INTO block (hash, at, site, worker, source)"
            " VALUES (?, ?, 'hall-a', 'rig1', 'core')",
            (f"{number:064x}", START + number),
        )

    blocks = answer(shelf.reader.recent_blocks(2))

    assert [block.hash[-1] for block in blocks] == ["2", "1"]
    assert blocks[0].verdict == "pending"


def test_a_reader_never_makes_a_file(tmp_path: Path) -> None:
    path = tmp_path / "absent.sqlite3"
    reader = LedgerReader(path, at_once)
    failures: list[Any] = []

    asked = Deferred.fromCoroutine(reader.recent_shares(1))
    failed = asked.addErrback(failures.append)

    assert failed.called
    assert failures[0].check(sqlite3.OperationalError)
    assert not path.exists()


def test_a_writer_under_way_does_not_hold_a_reader_up(shelf: Shelf) -> None:
    shelf.forwarded(START, "main", "accepted")
    shelf.database.execute("BEGIN IMMEDIATE")
    shelf.forwarded(START, "main", "accepted")

    hours = answer(shelf.reader.reconcile(UnixTime(START), UnixTime(START + 3600.0)))
    shelf.database.execute("COMMIT")

    assert [hour.forwarded for hour in hours] == [1]
