import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from protocol.bitcoin.coinbase import height_push
from protocol.units import Seconds, UnixTime, WorkerName
from protocol.work.share import JudgedShare, Verdict
from proxy.runtime.database_file import DatabaseFileError
from proxy.shares.database import open_database
from proxy.shares.intake import MAX_REJECTS_PER_MINUTE
from proxy.shares.ledger import SqliteLedger
from tests.builders import NOW, a_job, a_submission, a_work, judge_loosely


class Shelf:
    """A ledger in a folder, that can be opened again."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.sqlite3"
        self.now = float(NOW)
        self.alarms: list[str] = []
        self.max_bytes = 1 << 40
        self.ledger = self.open()

    def open(self) -> SqliteLedger:
        database = open_database(self.path, durability="process")
        wall = lambda: UnixTime(self.now)  # noqa: E731
        return SqliteLedger(
            database, Seconds(86400.0), self.max_bytes, wall, self.alarms.append
        )

    def rows(self, sql: str) -> list[Any]:
        connection = sqlite3.connect(self.path)
        rows = connection.execute(sql).fetchall()
        connection.close()
        return rows


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.ledger.close()


def a_share(number: int = 0, at: float = float(NOW), **changes: Any) -> JudgedShare:
    share = judge_loosely(a_submission(nonce=number), b"\0\0\0\1")
    share.at, share.hash, share.job = UnixTime(at), bytes([number % 256] * 32), a_job()
    for name, value in changes.items():
        setattr(share, name, value)
    return share


def test_a_committed_share_can_be_read_by_others(shelf: Shelf) -> None:
    share = a_share(hash=bytes(range(32)))

    shelf.ledger.commit([share], [])

    assert shelf.rows(
        "SELECT at, site, worker, job, difficulty, verdict, hash FROM share"
    ) == [(NOW, "hall-a", "rig1", "1", 1e-9, "accepted", bytes(range(32))[::-1].hex())]


def test_a_forwarded_share_is_pending_until_it_is_settled(shelf: Shelf) -> None:
    token = shelf.ledger.next_token()
    shelf.ledger.commit([a_share()], [(token, a_share())])
    assert shelf.rows("SELECT verdict FROM upstream") == [("pending",)]

    shelf.ledger.settle(token, "rejected", "stale")
    shelf.ledger.flush()

    rows = shelf.rows("SELECT pool, verdict, reason, settled_at FROM upstream")
    assert rows == [("main", "rejected", "stale", NOW)]


def test_what_was_pending_at_a_kill_is_lost(shelf: Shelf) -> None:
    token = shelf.ledger.next_token()
    shelf.ledger.commit([a_share()], [(token, a_share())])

    again = shelf.open()

    assert shelf.rows("SELECT verdict, reason FROM upstream") == [("lost", "restart")]
    assert again.next_token() > token
    again.close()


def test_minutes_that_a_kill_cut_short_are_summed_again(shelf: Shelf) -> None:
    good = [a_share(n, difficulty=4.0) for n in range(3)]
    bad = a_share(9, verdict=Verdict.STALE)
    shelf.ledger.commit([*good, bad], [])

    again = shelf.open()
    again.close()

    row = shelf.rows("SELECT worker, accepted, rejected, work FROM work_minute")
    assert row == [("rig1", 3, 1, 12.0)]


def test_minutes_are_counted_once_in_all_three_tables(shelf: Shelf) -> None:
    shelf.ledger.commit([a_share(difficulty=2.0)], [])
    shelf.now += 60
    shelf.ledger.roll_up()
    shelf.ledger.commit([a_share(1, difficulty=3.0, at=shelf.now)], [])
    shelf.now += 60
    shelf.ledger.roll_up()
    shelf.open().close()

    assert shelf.rows("SELECT sum(work), count(*) FROM work_minute") == [(5.0, 2)]
    assert shelf.rows("SELECT sum(work) FROM work_hour") == [(5.0,)]
    assert shelf.rows("SELECT sum(work) FROM work_day") == [(5.0,)]


def test_each_batch_takes_as_many_expired_rows_away(shelf: Shelf) -> None:
    old = [a_share(n, at=NOW - 90000.0) for n in range(10)]
    shelf.ledger.commit(old, [])
    shelf.ledger.roll_up()

    for n in range(5):
        shelf.ledger.commit([a_share(n), a_share(n + 100)], [])

    assert shelf.rows("SELECT count(*) FROM share WHERE at < 1699990000") == [(0,)]
    assert shelf.rows("SELECT count(*) FROM share") == [(10,)]


def test_a_file_over_its_limit_lets_rows_go_before_their_time(shelf: Shelf) -> None:
    shelf.ledger.commit([a_share(n, at=NOW - 700.0) for n in range(10)], [])
    shelf.ledger.roll_up()
    shelf.ledger.max_bytes = 1
    shelf.ledger.roll_up()

    for n in range(3):
        shelf.ledger.commit([a_share(n), a_share(n + 100)], [])

    assert shelf.rows("SELECT count(*) FROM share WHERE at < 1700000000") == [(0,)]


def test_a_flood_of_bad_shares_is_counted_not_stored(shelf: Shelf) -> None:
    flood = [a_share(verdict=Verdict.LOW_DIFFICULTY)] * (MAX_REJECTS_PER_MINUTE + 50)

    shelf.ledger.commit(flood, [])
    shelf.now += 60
    shelf.ledger.roll_up()

    assert shelf.rows("SELECT count(*) FROM share") == [(MAX_REJECTS_PER_MINUTE,)]
    assert shelf.rows("SELECT rejected FROM work_minute") == [(len(flood),)]


def test_a_disk_that_takes_nothing_loses_nothing(shelf: Shelf) -> None:
    other = sqlite3.connect(shelf.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    shelf.ledger.commit([a_share(1)], [])
    assert shelf.ledger.state == "degraded"
    other.execute("ROLLBACK")
    other.close()
    shelf.ledger.commit([a_share(2, at=NOW + 5)], [])

    assert shelf.ledger.state == "ok"
    assert shelf.rows("SELECT count(*) FROM share") == [(2,)]
    assert len(shelf.alarms) == 2


def test_a_full_disk_is_an_alarm_and_memory_stays_bounded(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.shares.backlog.MAX_UNWRITTEN", 10)
    (pages,) = shelf.ledger._db.execute("PRAGMA page_count").fetchone()
    shelf.ledger._db.execute(f"PRAGMA max_page_count = {pages}")

    for n in range(400):
        shelf.ledger.commit([a_share(n, at=NOW + 2.0 * n)], [])

    assert shelf.ledger.state == "degraded"
    assert shelf.ledger.unrecorded > 0
    shelf.ledger._db.execute("PRAGMA max_page_count = 1000000")


def test_a_block_is_on_disk_at_once(shelf: Shelf) -> None:
    shelf.ledger.record_block(a_share(3))
    shelf.ledger.settle_block("03" * 32, "accepted")

    assert shelf.rows("SELECT hash, verdict FROM block") == [("03" * 32, "accepted")]


def test_a_block_has_the_height_that_its_coinbase_says(shelf: Shelf) -> None:
    start = b"\2\0\0\0\1" + bytes(32) + b"\xff" * 4  # version, the one input
    coinb1 = start + b"\x20" + height_push(840_000)
    said = a_share(4, job=a_job(work=a_work(coinb1=coinb1)))
    shelf.ledger.record_block(said)
    shelf.ledger.record_block(a_share(5))

    found = shelf.rows("SELECT height FROM block ORDER BY hash")
    assert found == [(840_000,), (None,)]


def test_a_newer_ledger_is_refused_and_left_alone(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.ledger._db.execute("PRAGMA user_version = 99")
    shelf.ledger.close()

    with pytest.raises(DatabaseFileError, match="schema 99"):
        open_database(shelf.path, durability="process")


def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    path.write_bytes(b"not a database at all, but long enough to look" * 50)

    with pytest.raises(DatabaseFileError, match="is damaged: file is not a database"):
        open_database(path, durability="process")


def test_worker_names_reach_the_ledger_as_they_are(shelf: Shelf) -> None:
    shelf.ledger.commit([a_share(worker=WorkerName("a'; DROP TABLE share;--"))], [])

    assert shelf.rows("SELECT worker FROM share") == [("a'; DROP TABLE share;--",)]
