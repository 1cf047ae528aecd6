"""The write-ahead log is copied, and begun anew once it is long."""

import sqlite3
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from proxy.shares import checkpoint as module
from proxy.shares.checkpoint import INTERVAL, CheckpointService, checkpoint
from proxy.shares.database import open_database


def write(db: sqlite3.Connection, rows: int) -> None:
    for _ in range(rows):
        db.execute(
            "INSERT INTO share (at, site, worker, job, difficulty, verdict, hash)"
            " VALUES (0, 'hall-a', 'rig1', '1', 1, 'accepted', ?)",
            ("0" * 64,),
        )


def log_size(path: Path) -> int:
    return path.with_name(path.name + "-wal").stat().st_size


def test_a_short_log_is_copied_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    db = open_database(path, durability="process")
    write(db, 100)
    before = log_size(path)

    checkpoint(path)
    with sqlite3.connect(f"file:{path}?immutable=1", uri=True) as copy:  # no log
        (copied,) = copy.execute("SELECT count(*) FROM share").fetchone()
    copy.close()

    assert (copied, log_size(path)) == (100, before)
    db.close()


def test_a_long_log_is_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RESTART_ABOVE", 100_000)
    path = tmp_path / "ledger.sqlite3"
    db = open_database(path, durability="process")
    write(db, 100)
    before = log_size(path)
    assert before > 100_000

    checkpoint(path)
    write(db, 50)

    assert log_size(path) == before
    assert db.execute("SELECT count(*) FROM share").fetchone() == (150,)
    db.close()


def test_a_log_that_the_writer_holds_is_left_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RESTART_ABOVE", 0)
    path = tmp_path / "ledger.sqlite3"
    db = open_database(path, durability="process")
    write(db, 10)
    db.execute("BEGIN IMMEDIATE")

    checkpoint(path)
    write(db, 10)
    db.execute("COMMIT")

    assert db.execute("SELECT count(*) FROM share").fetchone() == (20,)
    db.close()


def test_a_log_that_grows_too_long_is_an_alarm_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, clock, alarms = tmp_path / "ledger.sqlite3", Clock(), list[str]()
    db = open_database(path, durability="process")
    write(db, 10)
    monkeypatch.setattr(module, "ALARM_ABOVE", 100)
    service = CheckpointService(path, alarms.append, clock)
    service.startService()
    clock.pump([INTERVAL] * 3)
    service.stopService()  # waits for its thread
    db.close()

    assert alarms == [f"ledger: its write-ahead log has {alarms[0].split()[-2]} B"]


def test_a_ledger_without_a_log_is_no_alarm(tmp_path: Path) -> None:
    clock, alarms = Clock(), list[str]()
    service = CheckpointService(tmp_path / "ledger.sqlite3", alarms.append, clock)
    service.startService()
    clock.pump([INTERVAL] * 3)
    service.stopService()

    assert alarms == []
