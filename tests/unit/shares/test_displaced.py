"""A ledger whose file is removed or replaced under it."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from protocol.units import Seconds, UnixTime
from protocol.work.share import Verdict
from proxy.shares.checkpoint import CheckpointService
from proxy.shares.database import open_database
from proxy.shares.ledger import SqliteLedger
from proxy.shares.reader import LedgerReader
from proxy.shares.service import LedgerService
from tests.builders import NOW, a_job, a_submission, judge_loosely


class Shelf:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.sqlite3"
        self.clock = Clock()
        self.alarms: list[str] = []
        self.ledger = SqliteLedger(
            open_database(self.path, durability="process"),
            Seconds(86400.0),
            1 << 40,
            lambda: UnixTime(NOW + self.clock.seconds()),
            self.alarms.append,
        )
        self.commit(1)
        self.service = LedgerService(self.ledger, self.clock)
        self.service.startService()

    def stop(self) -> None:
        if self.service.running:
            _ = self.service.stopService()

    def beside(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)

    def commit(self, count: int) -> None:
        share = judge_loosely(a_submission(), b"\0\0\0\1")
        share.at, share.job = UnixTime(NOW + self.clock.seconds()), a_job()
        share.verdict = Verdict.ACCEPTED
        self.ledger.commit([share] * count, [])


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.stop()


def count(path: Path) -> int:
    database = sqlite3.connect(path)
    (number,) = database.execute("SELECT count(*) FROM share").fetchone()
    database.close()
    return int(number)


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
def test_what_is_removed_is_noticed_within_a_second(shelf: Shelf, suffix: str) -> None:
    shelf.beside(suffix).unlink()
    shelf.clock.advance(1)

    gone = f"{shelf.beside(suffix)} is gone"
    assert (shelf.ledger.state, shelf.ledger.reason) == ("degraded", gone)
    assert len(shelf.alarms) == 1
    assert gone in shelf.alarms[0]


def test_what_is_replaced_is_noticed_within_a_second(shelf: Shelf) -> None:
    copy = shelf.path.with_name("copy")
    shutil.copy(shelf.path, copy)
    copy.rename(shelf.path)
    shelf.clock.advance(1)

    assert shelf.ledger.reason == f"{shelf.path} is another file"


def test_a_file_that_is_put_back_has_it_all(shelf: Shelf) -> None:
    aside = shelf.path.with_name("aside")
    shelf.path.rename(aside)
    shelf.clock.advance(1)
    shelf.commit(5)
    degraded = shelf.ledger.state

    aside.rename(shelf.path)
    shelf.clock.advance(1)
    shelf.commit(2)

    assert (degraded, shelf.ledger.state) == ("degraded", "ok")
    assert len(shelf.alarms) == 2
    assert count(shelf.path) == 8


def test_a_file_that_was_moved_has_it_all_without_its_log(shelf: Shelf) -> None:
    aside = shelf.path.with_name("aside")
    shelf.path.rename(aside)
    shelf.clock.advance(1)

    shelf.commit(5)

    assert count(aside) == 6
    assert not shelf.path.exists()


def test_a_log_that_was_removed_costs_nothing_if_it_ends_in_order(
    shelf: Shelf,
) -> None:
    shelf.commit(3)
    shelf.beside("-wal").unlink()
    shelf.clock.advance(1)
    shelf.commit(5)

    shelf.stop()

    assert count(shelf.path) == 9


def test_nobody_opens_what_stands_there_instead(shelf: Shelf) -> None:
    def at_once(work: object) -> Deferred[object]:
        return succeed(work())  # type: ignore[operator]

    reader = LedgerReader(shelf.path, at_once)  # type: ignore[arg-type]
    checkpoints = CheckpointService(shelf.path, print, shelf.clock)
    shelf.path.rename(shelf.path.with_name("aside"))

    failed = Deferred.fromCoroutine(reader.recent_shares(1))
    checkpoints._checkpoint()

    assert not shelf.path.exists()  # SQLite makes what it does not find
    why = failed.addErrback(lambda failure: failure.getErrorMessage()).result
    assert why == f"{shelf.path} is gone"
