"""A fault of ours with one miner ends no loop over all: the others are served."""

import json
from typing import Any

import pytest

from protocol.bitcoin.target import target_from_difficulty
from protocol.units import Difficulty
from proxy.config import LimitsConfig
from proxy.downstream.batch import Batch
from proxy.downstream.roster import SILENT_FOR, Roster
from proxy.runtime.slices import Errands
from tests.builders import a_submission, judge_loosely
from tests.conftest import FlushFailures
from tests.fakes.broken import BrokenError, break_down
from tests.fakes.hall import Hall, methods

EASIER = Difficulty(1e-10)


class Trouble:
    """Three miners at work, the second of them broken."""

    def __init__(self) -> None:
        self.hall = Hall()
        self.hall.sources[0].post()
        self.wires: list[Any] = [self.hall.connect().work() for _ in range(3)]
        self.dropped: dict[int, str] = {}
        self.hall.context.drop = lambda miner, why: self.dropped.update({miner.id: why})
        break_down(self.wires[1].miner)
        for wire in self.wires:
            wire.hear()

    @property
    def others(self) -> list[Any]:
        return self.wires[::2]


@pytest.fixture
def trouble() -> Trouble:
    return Trouble()


def test_everybody_else_gets_the_job(
    trouble: Trouble, flush_failures: FlushFailures
) -> None:
    trouble.hall.sources[0].post(  # so that each is told by itself
        difficulty=EASIER, target=target_from_difficulty(EASIER)
    )

    for wire in trouble.others:
        assert methods(wire.hear()) == ["mining.set_difficulty", "mining.notify"]
    assert trouble.dropped == {2: "a fault of ours: handing out a job failed"}
    assert flush_failures(BrokenError) == 1


def test_everybody_else_gets_the_revision(
    trouble: Trouble, flush_failures: FlushFailures
) -> None:
    for wire in trouble.wires:
        miner = wire.miner
        assert miner.group is not None
        trouble.hall.board.want_revision(miner, miner.group)

    trouble.hall.pass_time(1)

    for wire in trouble.others:
        assert methods(wire.hear()) == ["mining.notify"]
    assert list(trouble.dropped) == [2]
    assert flush_failures(BrokenError) == 1


def test_the_sweep_goes_on(trouble: Trouble, flush_failures: FlushFailures) -> None:
    context = trouble.hall.context
    errands: Errands[Any] = Errands(context.clock)
    roster = Roster("hall-a", LimitsConfig(), context.drop, lambda: 0.5, errands)
    for wire in trouble.wires:
        roster.add(wire.miner)
    trouble.wires[1].miner.heard_at = context.now()

    trouble.hall.clock.advance(SILENT_FOR)
    trouble.wires[1].miner.heard_at = context.now()
    roster.sweep(context.now())

    assert trouble.dropped == {
        1: "silent for 900 s",
        2: "a fault of ours: the sweep failed",
        3: "silent for 900 s",
    }
    assert flush_failures(BrokenError) == 1


def test_everybody_else_is_settled(
    trouble: Trouble, flush_failures: FlushFailures, engine: str
) -> None:
    if engine != "native":
        pytest.skip("miners of the Python engine count for themselves")
    params = ["rig1", "beef", "00000000", "6553f100", "00000000"]
    line = json.dumps({"id": 9, "method": "mining.submit", "params": params})
    for wire in trouble.wires:
        wire.push(line.encode() + b"\n")
    trouble.hall.port.doRead()
    trouble.hall.port.settle()

    for wire in trouble.others:
        assert wire.miner.rejected == {"unknown_job": 1}
    assert trouble.dropped == {2: "a fault of ours: settling a miner failed"}
    assert flush_failures(BrokenError) == 1


class Listener:
    """Hears answers, unless it is deaf."""

    def __init__(self, *, is_deaf: bool = False) -> None:
        self.is_deaf = is_deaf
        self.heard = b""
        self.why = ""

    def reply(self, data: bytes) -> None:
        if self.is_deaf:
            raise BrokenError
        self.heard += data

    def drop(self, why: str) -> None:
        self.why = why


def test_everybody_else_is_answered(
    trouble: Trouble, flush_failures: FlushFailures
) -> None:
    batch = Batch(trouble.hall.recorder, trouble.hall.clock)
    listeners = [Listener(), Listener(is_deaf=True), Listener()]
    share = judge_loosely(a_submission(), b"")

    for listener in listeners:
        batch.add(share, listener, b"good")
    batch.flush()

    assert [listener.heard for listener in listeners] == [b"good", b"", b"good"]
    assert listeners[1].why == "a fault of ours: answering failed"
    assert flush_failures(BrokenError) == 1
