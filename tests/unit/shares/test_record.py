"""Blocks go out ahead of their batch, and the ledger knows what became of each."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from protocol.units import Seconds, UnixTime
from protocol.work.share import JudgedShare
from proxy.shares.database import open_database
from proxy.shares.ledger import SqliteLedger
from proxy.shares.record import Recorder
from proxy.shares.totals import ProxyTotals
from tests.builders import NOW, a_job, a_submission, judge_loosely


class Sink:
    """A source that takes what it is sent, or is gone."""

    def __init__(self) -> None:
        self.is_there = True
        self.sent: list[int] = []
        self.on_sent: Callable[[int], None] = lambda _: None

    def forward(self, _share: JudgedShare, token: int) -> bool:
        if self.is_there:
            self.sent.append(token)
            self.on_sent(token)
        return self.is_there


class Intake:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.sqlite3"
        self.clock = Clock()
        database = open_database(self.path, durability="process")
        self.ledger = SqliteLedger(
            database, Seconds(86400.0), 1 << 40, lambda: UnixTime(float(NOW)), print
        )
        self.sink = Sink()
        totals = ProxyTotals()
        totals.open("hall-a", Seconds(0.0))
        self.recorder = Recorder(self.ledger, totals, {"main": self.sink}, self.clock)
        self.told: list[str] = []
        self.recorder.on_block = lambda _share, verdict: self.told.append(verdict)

    def find(self) -> JudgedShare:
        """Let a miner find a block, and its batch be written."""
        share = judge_loosely(a_submission(), b"\0\0\0\1")
        share.at, share.hash, share.job = UnixTime(float(NOW)), b"\1" * 32, a_job()
        share.is_block = share.meets_source = True
        self.recorder.block_found(share)
        self.clock.advance(0)
        self.recorder.record([share])
        self.ledger.flush()
        return share

    def rows(self, sql: str) -> list[tuple[str, ...]]:
        connection = sqlite3.connect(self.path)
        rows = connection.execute(sql).fetchall()
        connection.close()
        return rows


@pytest.fixture
def intake(tmp_path: Path) -> Iterator[Intake]:
    intake = Intake(tmp_path)
    yield intake
    intake.ledger.close()


def test_a_block_is_sent_once_and_its_verdict_is_kept(intake: Intake) -> None:
    intake.find()
    intake.recorder.settled(intake.sink.sent[0], "accepted", "")
    intake.ledger.flush()

    assert len(intake.sink.sent) == 1
    assert intake.told == ["found", "accepted"]
    assert intake.rows("SELECT verdict FROM block") == [("accepted",)]
    assert intake.rows("SELECT verdict FROM upstream") == [("accepted",)]


def test_a_block_whose_source_is_gone_is_lost_in_every_table(intake: Intake) -> None:
    intake.sink.is_there = False
    intake.find()

    assert intake.told == ["found", "no_source"]
    assert intake.rows("SELECT verdict FROM block") == [("no_source",)]
    assert intake.rows("SELECT verdict, reason FROM upstream") == [
        ("lost", "no_source")
    ]


def test_a_block_that_is_answered_at_once_has_its_verdict(intake: Intake) -> None:
    settled = intake.recorder.settled
    intake.sink.on_sent = lambda token: settled(token, "rejected", "busy")
    intake.find()

    assert intake.told == ["found", "busy"]
    assert intake.rows("SELECT verdict FROM block") == [("busy",)]
    assert intake.rows("SELECT verdict, reason FROM upstream") == [("rejected", "busy")]
