import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from protocol.units import Seconds, UnixTime, WorkerName
from protocol.work.share import JudgedShare, Verdict
from proxy.shares.database import open_database
from proxy.shares.ledger import SqliteLedger
from tests.builders import NOW, a_job, a_submission, judge_loosely


class Shelf:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.sqlite3"
        self.now = float(NOW)
        self.alarms: list[str] = []
        self.ledger = self.open()

    def open(self) -> SqliteLedger:
        return SqliteLedger(
            open_database(self.path, durability="process"),
            Seconds(86400.0),
            1 << 40,
            lambda: UnixTime(self.now),
            self.alarms.append,
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
    share.difficulty, share.verdict = changes.pop("difficulty", 1.0), Verdict.ACCEPTED
    for name, value in changes.items():
        setattr(share, name, value)
    return share


def test_a_share_forwarded_twice_keeps_its_one_row(shelf: Shelf) -> None:
    token = shelf.ledger.next_token()

    shelf.ledger.commit([a_share()], [(token, a_share())])
    shelf.ledger.commit([a_share()], [(token, a_share())])

    assert shelf.ledger.state == "ok"
    assert shelf.rows("SELECT count(*) FROM upstream") == [(1,)]


def test_a_verdict_that_outruns_the_batch_of_its_block_is_kept(shelf: Shelf) -> None:
    token = shelf.ledger.next_token()
    shelf.ledger.settle(token, "accepted", "")
    shelf.ledger.record_block(a_share())  # writes all that can be written
    shelf.ledger.commit([a_share()], [(token, a_share())])
    shelf.ledger.flush()

    assert shelf.rows("SELECT verdict FROM upstream") == [("accepted",)]


@pytest.mark.parametrize(
    "poison", [{"difficulty": float("nan")}, {"worker": WorkerName("\ud800")}]
)
def test_a_row_that_no_disk_takes_does_not_block_the_others(
    shelf: Shelf, poison: dict[str, Any]
) -> None:
    shelf.ledger.commit([a_share(**poison)], [])

    shelf.ledger.commit([a_share(1)], [])

    assert shelf.ledger.state == "ok"
    assert shelf.ledger.unrecorded == 1
    assert shelf.rows("SELECT count(*) FROM share") == [(1,)]


def test_ids_grow_even_when_every_row_has_expired(shelf: Shelf) -> None:
    shelf.ledger.commit([a_share(n) for n in range(4)], [])
    shelf.now += 120
    shelf.ledger.roll_up()
    for n in range(1, 9):
        late = [a_share(at=NOW + 90_000.0 * n), a_share(1, at=NOW + 90_000.0 * n)]
        shelf.ledger.commit(late, [])

    assert shelf.rows("SELECT max(id) FROM share") == [(20,)]


def test_a_minute_half_written_at_a_kill_is_finished_not_repeated(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.shares.rollup.MIN_SLICE", 2)
    workers = [WorkerName(f"rig{n}") for n in range(5)]
    shelf.ledger.commit([a_share(worker=w, difficulty=2.0) for w in workers], [])
    shelf.now += 60
    shelf.ledger.roll_up()
    later = [a_share(worker=w, at=shelf.now, difficulty=4.0) for w in workers]
    shelf.ledger.commit(later, [])
    (written,) = shelf.rows("SELECT count(*) FROM work_minute")

    shelf.open()._db.close()

    assert written == (2,)
    for unit in ("minute", "hour", "day"):
        sums = shelf.rows(
            f"SELECT worker, sum(accepted), sum(work) FROM work_{unit} GROUP BY 1"  # noqa: S608
        )
        assert sums == [(worker, 2, 6.0) for worker in workers]


def test_one_worker_that_floods_does_not_hide_the_rejects_of_another(
    shelf: Shelf,
) -> None:
    flood = [a_share(worker=WorkerName("bad"), verdict=Verdict.STALE)] * 7000
    shelf.ledger.commit(flood, [])

    shelf.ledger.commit([a_share(verdict=Verdict.DUPLICATE)], [])

    stored = shelf.rows("SELECT count(*) FROM share WHERE verdict = 'duplicate'")
    assert stored == [(1,)]


def test_an_older_ledger_is_taken_up_step_by_step(shelf: Shelf) -> None:
    steps = {1: "", 2: "CREATE TABLE two (a)", 3: "ALTER TABLE two ADD COLUMN b"}

    open_database(shelf.path, durability="process", steps=steps).close()

    assert shelf.rows("PRAGMA user_version") == [(3,)]
    assert shelf.rows("SELECT a, b FROM two") == []


def test_a_step_that_fails_leaves_the_version_before(shelf: Shelf) -> None:
    steps = {1: "", 2: "CREATE TABLE two (a); CREATE TABLE share (a)"}

    with pytest.raises(Exception, match="already exists"):
        open_database(shelf.path, durability="process", steps=steps)

    assert shelf.rows("PRAGMA user_version") == [(1,)]
    assert shelf.rows("SELECT count(*) FROM sqlite_master WHERE name = 'two'") == [(0,)]
