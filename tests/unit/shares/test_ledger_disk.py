"""What the ledger makes of a disk that is full, and of rows that no disk would take."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from protocol.units import Seconds, UnixTime, WorkerName
from protocol.work.share import JudgedShare, Verdict
from proxy.shares.backlog import MAX_PIECE
from proxy.shares.database import open_database
from proxy.shares.ledger import SqliteLedger
from tests.builders import NOW, a_job, a_submission, judge_loosely

PAGE = 4096


class Shelf:
    """A ledger on a disk with so much room."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.sqlite3"
        self.now = float(NOW)
        self.alarms: list[str] = []
        self.ledger = self.open()

    def open(self, room: int = 1 << 40) -> SqliteLedger:
        self.db = open_database(self.path, durability="process")
        self.fill(room)
        return SqliteLedger(
            self.db,
            Seconds(86400.0),
            1 << 40,
            lambda: UnixTime(self.now),
            self.alarms.append,
        )

    def fill(self, room: int = 0) -> None:
        """Leave room for so many bytes more."""
        (pages,) = self.db.execute("PRAGMA page_count").fetchone()
        limit = min(pages + room // PAGE, 1 << 30)
        self.db.execute(f"PRAGMA max_page_count = {limit}")

    def commit(self, count: int, **changes: Any) -> None:
        batch = [a_share(self.now, **changes) for _ in range(count)]
        self.ledger.commit(batch, [])

    def seconds(self, count: int) -> None:
        for _ in range(count):
            self.now += 1
            self.ledger.flush()
            self.ledger.roll_up()

    def rows(self, sql: str) -> list[Any]:
        connection = sqlite3.connect(self.path)
        rows = connection.execute(sql).fetchall()
        connection.close()
        return rows

    def count(self) -> int:
        return int(self.rows("SELECT count(*) FROM share")[0][0])


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.ledger.close()


def a_share(at: float = float(NOW), **changes: Any) -> JudgedShare:
    share = judge_loosely(a_submission(), b"\0\0\0\1")
    share.at, share.hash, share.job = UnixTime(at), bytes(32), a_job()
    share.verdict = Verdict.ACCEPTED
    for name, value in changes.items():
        setattr(share, name, value)
    return share


def test_room_for_a_part_of_the_backlog_takes_that_part(shelf: Shelf) -> None:
    shelf.fill()
    for _ in range(20):
        shelf.commit(1000)
    assert shelf.ledger.state == "degraded"
    waiting = shelf.ledger._waiting.share_rows

    shelf.fill(500_000)  # of some 3 MB
    shelf.seconds(60)

    assert shelf.count() >= MAX_PIECE
    assert shelf.ledger._waiting.share_rows <= waiting - MAX_PIECE
    assert shelf.ledger.state == "degraded"


def test_a_backlog_is_written_piece_by_piece_and_in_order(shelf: Shelf) -> None:
    shelf.fill()
    for _ in range(7):
        shelf.commit(1000)
    before = shelf.count()
    shelf.fill(1 << 40)

    shelf.seconds(2)
    part = shelf.count()
    shelf.commit(1)
    shelf.seconds(10)

    assert part - before == 2 * MAX_PIECE
    assert shelf.ledger.state == "ok"
    assert shelf.count() == 7001
    assert shelf.rows("SELECT count(*) FROM share a, share b WHERE"
                      " b.id = a.id + 1 AND b.at < a.at") == [(0,)]  # fmt: skip


def test_the_log_is_copied_while_a_backlog_is_written(shelf: Shelf) -> None:
    def pages() -> int:
        return int(shelf.db.execute("PRAGMA wal_autocheckpoint").fetchone()[0])

    assert pages() == 0
    shelf.fill()
    shelf.commit(2000)
    while_degraded = pages()
    shelf.fill(1 << 40)
    shelf.seconds(20)

    assert while_degraded > 0
    assert (shelf.ledger.state, pages()) == ("ok", 0)


def test_what_waits_at_the_end_is_written_then(shelf: Shelf) -> None:
    shelf.fill()
    for _ in range(5):
        shelf.commit(1000)
    shelf.fill(1 << 40)
    shelf.now += 60

    shelf.ledger.close()

    assert shelf.count() == 5000
    assert shelf.ledger.unrecorded == 0


def test_what_cannot_be_written_at_the_end_is_told(shelf: Shelf) -> None:
    shelf.fill()
    shelf.commit(2000)

    shelf.ledger.close()

    lost = "ledger: 2000 rows could not be recorded, 2000 since the start"
    assert shelf.alarms[-1] == lost


def test_rows_that_are_lost_are_told_once_a_minute(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.shares.backlog.MAX_UNWRITTEN", 100)
    shelf.fill()
    for _ in range(180):
        shelf.commit(100)
        shelf.seconds(1)

    told = [text for text in shelf.alarms if "could not be recorded" in text]
    assert 2 <= len(told) <= 4
    assert shelf.ledger.unrecorded > 10_000


def test_a_ledger_begins_on_a_full_disk(shelf: Shelf) -> None:
    token = shelf.ledger.next_token()
    shelf.ledger.commit([a_share()], [(token, a_share())])
    shelf.db.close()  # as a kill leaves it

    shelf.db = open_database(shelf.path, durability="process")
    shelf.db.execute("PRAGMA query_only = ON")  # nothing may be written
    shelf.ledger = SqliteLedger(
        shelf.db,
        Seconds(86400.0),
        1 << 40,
        lambda: UnixTime(shelf.now),
        shelf.alarms.append,
    )
    assert shelf.ledger.state == "degraded"
    shelf.commit(3)
    shelf.db.execute("PRAGMA query_only = OFF")
    shelf.seconds(90)

    assert shelf.ledger.state == "ok"
    assert shelf.rows("SELECT verdict, reason FROM upstream") == [("lost", "restart")]
    assert shelf.count() == 4
    assert shelf.rows("SELECT sum(accepted) FROM work_day") == [(4,)]


@pytest.mark.parametrize("verdict", ["\ud800", None])
def test_a_settlement_that_sqlite_refuses_costs_itself(
    shelf: Shelf, verdict: Any
) -> None:
    tokens = [shelf.ledger.next_token() for _ in range(3)]
    forwards = [(token, a_share()) for token in tokens]
    shelf.ledger.commit([share for _, share in forwards], forwards)
    for token, said in zip(tokens, ("accepted", verdict, "rejected"), strict=True):
        shelf.ledger.settle(token, cast("str", said), "")

    shelf.commit(2)
    shelf.commit(2)

    assert (shelf.ledger.state, shelf.ledger.unrecorded) == ("ok", 1)
    assert shelf.count() == 7
    settled = shelf.rows("SELECT verdict FROM upstream ORDER BY id")
    assert settled == [("accepted",), ("pending",), ("rejected",)]


def test_one_row_that_no_disk_takes_costs_itself(shelf: Shelf) -> None:
    bad = a_share(worker=WorkerName("\ud800"))

    shelf.ledger.commit([a_share(), bad, a_share()], [])
    shelf.commit(1)

    assert (shelf.ledger.state, shelf.ledger.unrecorded) == ("ok", 1)
    assert shelf.count() == 3


def test_a_row_that_is_skipped_moves_no_minute(shelf: Shelf) -> None:
    """The sums say how far they reach by the ids of rows."""
    other = sqlite3.connect(shelf.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    shelf.commit(2)
    shelf.commit(1, worker=WorkerName("\ud800"))
    shelf.commit(2)
    shelf.now += 60
    shelf.commit(3)
    other.execute("ROLLBACK")
    other.close()
    shelf.seconds(59)  # of the second minute: the first is in the sums
    shelf.db.close()

    shelf.ledger = shelf.open()  # as after a kill

    sums = shelf.rows("SELECT sum(accepted) FROM work_minute WHERE worker = 'rig1'")
    assert sums == [(7,)]


def test_a_disk_that_has_no_room_for_the_sums_is_full(shelf: Shelf) -> None:
    for n in range(2000):
        shelf.commit(1, worker=WorkerName(f"rack-a.{n:04}"))
    shelf.fill()

    shelf.seconds(100)

    assert shelf.ledger.state == "degraded"
    assert shelf.alarms == ["ledger: shares are not on disk: database or disk is full"]


def test_a_damaged_file_is_told_by_what_to_do(shelf: Shelf) -> None:
    shelf.commit(2000)
    shelf.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (leaf,) = shelf.db.execute(
        "SELECT rootpage FROM sqlite_master WHERE name = 'share'"
    ).fetchone()
    with shelf.path.open("r+b") as file:
        file.seek((leaf - 1) * PAGE)
        file.write(b"\xa5" * PAGE)
    other = sqlite3.connect(shelf.path)  # what makes the other look again
    other.execute("PRAGMA user_version = 1")
    other.close()

    shelf.commit(2000)

    assert shelf.ledger.state == "degraded"
    assert "baseload run --recover" in shelf.ledger.reason
