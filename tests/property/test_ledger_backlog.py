"""Whatever the disk does, a row is in the ledger once, or counted as unrecorded."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.units import Difficulty, JobId, Seconds, UnixTime, WorkerName
from protocol.work.share import JudgedShare, Verdict
from proxy.shares.database import open_database
from proxy.shares.ledger import SqliteLedger
from tests.builders import NOW, a_job

WORKERS = ("rig1", "rig2", "rig3")
POISON = {"worker": WorkerName("\ud800")}, {"difficulty": Difficulty(float("nan"))}

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("commit"), st.lists(st.sampled_from("aAbBcCxy"), max_size=9)),
        st.tuples(st.just("forward"), st.integers(1, 4)),
        st.tuples(st.just("settle"), st.sampled_from(["accepted", "\ud800", None])),
        st.tuples(st.just("pass"), st.floats(0.1, 50.0)),
        st.tuples(st.just("block"), st.booleans()),
        st.tuples(st.just("disk"), st.sampled_from(["full", "room", "locked"])),
    ),
    max_size=40,
)


@pytest.fixture(autouse=True)
def _small_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.shares.backlog.MAX_PIECE", 7)
    monkeypatch.setattr("proxy.shares.backlog.MAX_UNWRITTEN", 40)
    monkeypatch.setattr("proxy.shares.database.BUSY_SECONDS", 0.0)


class Disk:
    """A ledger on a disk that can be filled and locked, and what was told to it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.sqlite3"
        self.now = float(NOW)
        self.alarms: list[str] = []
        self.numbers = count(1)
        self.shares: list[str] = []
        self.sums: Counter[tuple[str, bool]] = Counter()
        self.unsettled: list[int] = []
        self.rows = 0
        self.db = open_database(self.path, durability="process")
        self.ledger = SqliteLedger(
            self.db,
            Seconds(1e9),
            1 << 40,
            lambda: UnixTime(self.now),
            self.alarms.append,
        )
        self.other = sqlite3.connect(self.path, isolation_level=None)

    def share(self, kind: str) -> JudgedShare:
        share = JudgedShare(
            UnixTime(self.now),
            "hall-a",
            WorkerName(WORKERS["abcxy".index(kind.lower()) % 3]),
            JobId("1"),
            Difficulty(2.0),
            Verdict.ACCEPTED if kind.islower() else Verdict.STALE,
            hash=next(self.numbers).to_bytes(32, "big"),
            job=a_job(),
        )
        if kind in "xy":
            for name, value in POISON["xy".index(kind)].items():
                setattr(share, name, value)
        else:
            self.shares.append(share.hash[::-1].hex())
            self.sums[share.worker, kind.islower()] += 1
        return share

    def commit(self, kinds: list[str]) -> None:
        self.rows += len(kinds)
        self.ledger.commit([self.share(kind) for kind in kinds], [])

    def forward(self, number: int) -> None:
        forwards = [(self.ledger.next_token(), self.share("a")) for _ in range(number)]
        self.rows += 2 * number
        self.unsettled += [token for token, _ in forwards]
        self.ledger.commit([share for _, share in forwards], forwards)

    def settle(self, verdict: Any) -> None:
        if self.unsettled:
            self.rows += 1
            self.ledger.settle(self.unsettled.pop(0), verdict, "")

    def block(self, *, is_settled: bool) -> None:
        share = self.share("a")
        self.shares.pop()
        self.sums[WORKERS[0], True] -= 1
        self.rows += 1 + is_settled
        self.ledger.record_block(share)
        if is_settled:
            self.ledger.settle_block(share.hash[::-1].hex(), "accepted")

    def disk(self, how: str) -> None:
        if self.other.in_transaction:
            self.other.execute("ROLLBACK")
        (pages,) = self.db.execute("PRAGMA page_count").fetchone()
        limit = pages if how == "full" else 1 << 30
        self.db.execute(f"PRAGMA max_page_count = {limit}")
        if how == "locked":
            self.other.execute("BEGIN IMMEDIATE")

    def spend(self, seconds: float) -> None:
        self.now += seconds
        self.ledger.flush()
        self.ledger.roll_up()

    def do(self, step: tuple[str, Any]) -> None:
        what, how = step
        match what:
            case "commit":
                self.commit(how)
            case "forward":
                self.forward(how)
            case "settle":
                self.settle(how)
            case "pass":
                self.spend(how)
            case "block":
                self.block(is_settled=how)
            case _:
                self.disk(how)

    def ask(self, sql: str) -> list[Any]:
        return self.other.execute(sql).fetchall()

    def close(self) -> None:
        self.other.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory() as name:
        yield Path(name)


@given(steps=STEPS)
def test_every_row_is_there_once_or_counted(steps: list[tuple[str, Any]]) -> None:
    with TemporaryDirectory() as folder:
        disk = Disk(Path(folder))
        for step in steps:
            disk.do(step)
            waiting = disk.ledger._waiting
            assert max(waiting.share_rows, len(waiting.upstream)) <= 40
        disk.disk("room")
        for _ in range(60):
            disk.spend(16.0)
        assert disk.ledger.state == "ok"
        check_rows(disk)
        disk.ledger.close()
        check_sums(disk)
        disk.close()


def check_rows(disk: Disk) -> None:
    """Compare tables with what was told: in order, once, none made up."""
    kept = [row[0] for row in disk.ask("SELECT hash FROM share ORDER BY id")]
    assert len(set(kept)) == len(kept)
    assert kept == [share for share in disk.shares if share in set(kept)]
    ids = disk.ask("SELECT max(id) - count(*) FROM share")
    assert ids in ([(0,)], [(None,)])
    told = "SELECT count(*) FROM {}"
    settled = "upstream WHERE verdict <> 'pending'"
    tables = ("share", "upstream", settled, "block", "block WHERE verdict <> 'pending'")
    stored = sum(disk.ask(told.format(table))[0][0] for table in tables)
    assert stored + disk.ledger.unrecorded == disk.rows


def check_sums(disk: Disk) -> None:
    """Compare the sums with what was told: rows that are lost are in them."""
    for table in ("work_minute", "work_hour", "work_day"):
        sums = disk.ask(
            f"SELECT worker, sum(accepted), sum(rejected) FROM {table} GROUP BY 1"  # noqa: S608
        )
        accepted = {worker: number for worker, number, _ in sums if number}
        for worker in WORKERS:
            assert accepted.get(worker, 0) >= disk.sums[worker, True]
        refused = sum(number for *_, number in sums)
        assert refused == sum(disk.sums[worker, False] for worker in WORKERS)
