"""Who has a row in the sums: those whose shares were accepted."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from protocol.units import Seconds, UnixTime, WorkerName
from protocol.work.share import JudgedShare, Verdict
from proxy.shares.counted import CountedBatch
from proxy.shares.database import open_database
from proxy.shares.intake import MAX_STRANGE_REJECTS_PER_MINUTE
from proxy.shares.ledger import SqliteLedger
from tests.builders import NOW, a_job, a_submission, judge_loosely


class Shelf:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.sqlite3"
        self.now = float(NOW)
        self.ledger = self.open()

    def open(self) -> SqliteLedger:
        database = open_database(self.path, durability="process")
        return SqliteLedger(
            database, Seconds(86400.0), 1 << 40, lambda: UnixTime(self.now), print
        )

    def commit(self, *shares: JudgedShare) -> None:
        self.ledger.commit(shares, [])

    def next_minute(self) -> None:
        self.now += 60
        for _ in range(60):
            self.ledger.roll_up()

    def minutes(self) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.path)
        rows = connection.execute(
            "SELECT worker, accepted, rejected FROM work_minute ORDER BY minute, worker"
        ).fetchall()
        connection.close()
        return rows


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.ledger.close()


def good(worker: str) -> JudgedShare:
    share = judge_loosely(a_submission(), b"\0\0\0\1")
    share.worker, share.at, share.job = WorkerName(worker), UnixTime(NOW), a_job()
    share.verdict = Verdict.ACCEPTED
    return share


def bad(worker: str) -> JudgedShare:
    share = good(worker)
    share.verdict = Verdict.UNKNOWN_JOB
    return share


def test_refused_shares_open_no_row(shelf: Shelf) -> None:
    shelf.commit(bad("evil.1"), bad("evil.2"), good("rig1"))
    shelf.next_minute()

    assert shelf.minutes() == [("(other)", 0, 2), ("rig1", 1, 0)]


def test_refused_shares_from_before_the_first_good_one_are_its_workers(
    shelf: Shelf,
) -> None:
    shelf.commit(bad("rig1"), bad("rig1"))
    shelf.commit(good("rig1"), bad("rig1"))
    shelf.next_minute()

    assert shelf.minutes() == [("rig1", 1, 3)]


def test_each_minute_asks_for_a_good_share_anew(shelf: Shelf) -> None:
    shelf.commit(good("rig1"), bad("rig1"))
    shelf.next_minute()
    shelf.ledger.commit([_at(bad("rig1"), shelf.now)], [])
    shelf.next_minute()

    assert shelf.minutes() == [("rig1", 1, 1), ("(other)", 0, 1)]


def _at(share: JudgedShare, at: float) -> JudgedShare:
    share.at = UnixTime(at)
    return share


def test_invented_names_push_no_worker_to_the_others(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.shares.rollup.MAX_WORKERS", 20)
    monkeypatch.setattr("proxy.shares.rollup.MAX_REFUSED", 5)
    for n in range(1000):
        shelf.commit(bad(f"evil.{n}"))
    for n in range(20):
        shelf.commit(good(f"rig{n:02}"), bad(f"rig{n:02}"))
    assert len(shelf.ledger._intake.rollup.refused) <= 6
    shelf.next_minute()

    honest = [(f"rig{n:02}", 1, 1) for n in range(20)]
    assert shelf.minutes() == [("(other)", 0, 1000), *honest]


def test_the_sums_of_a_batch_that_was_counted_are_no_different(shelf: Shelf) -> None:
    cells: list[Any] = []
    for worker, verdict in (
        ("evil.1", "stale"),
        ("rig1", "stale"),
        ("rig1", "accepted"),
    ):
        cells += [float(NOW), "hall-a", worker, "1", 1.0, verdict, "00"]
    sums = [("rig1", 1, 5, 1.0), ("evil.2", 0, 7, 0.0)]
    batch = CountedBatch(float(NOW), "hall-a", cells, sums, [], 1, 1.0, {"stale": 14})

    shelf.ledger.commit_counted(batch, [])
    shelf.next_minute()

    assert shelf.minutes() == [("(other)", 0, 8), ("rig1", 1, 6)]


def test_rows_under_invented_names_are_fewer_than_those_of_workers(
    shelf: Shelf,
) -> None:
    most = MAX_STRANGE_REJECTS_PER_MINUTE
    shelf.commit(*(bad(f"evil.{n}") for n in range(most + 100)))

    shelf.commit(good("rig1"), bad("rig1"))

    connection = sqlite3.connect(shelf.path)
    count = "SELECT worker = 'rig1', count(*) FROM share GROUP BY 1 ORDER BY 1"
    rows = connection.execute(count).fetchall()
    connection.close()
    assert rows == [(0, most), (1, 2)]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_minute_half_written_at_a_kill_is_finished_with_its_others(
    size: int, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.shares.rollup.MIN_SLICE", size)
    shelf.commit(bad("evil.1"), bad("evil.2"))
    shelf.commit(*(good(f"rig{n}") for n in range(4)), bad("rig3"))
    shelf.now += 60
    shelf.ledger.roll_up()

    shelf.open().close()

    honest = [("rig0", 1, 0), ("rig1", 1, 0), ("rig2", 1, 0), ("rig3", 1, 1)]
    assert shelf.minutes() == [("(other)", 0, 2), *honest]
