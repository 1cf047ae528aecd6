"""Every block to every node, once, until it is answered or beaten."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock

from protocol.bitcoin.hashes import sha256d
from proxy.node.block_files import KEPT_FILES, BlockFiles, FoundBlock
from proxy.node.credentials import UserPassword
from proxy.node.rpc import make_rpc_client
from proxy.node.submitter import (
    MAX_UNDER_WAY,
    STOP_SECONDS,
    BlockAnswer,
    BlockSubmitter,
    BlockVerdict,
    SubmitTarget,
    verdict_of,
)
from proxy.shares.record import BLOCKS_AT_ONCE
from tests.fakes.disk import SlowDisk, files_in
from tests.fakes.node_http import Answer, FakeNode, RpcFault, Status

BLOCK = FoundBlock("ab" * 32, 7, b"\x01\x02")


class Stage:
    """A submitter and its nodes, each on a reactor of its own."""

    made: ClassVar[list["Stage"]] = []

    def __init__(self, directory: Path | BlockFiles, *answers: Answer) -> None:
        files = files_in(directory) if isinstance(directory, Path) else directory
        self.made.append(self)
        self.answers: list[BlockAnswer] = []
        self.clock = MemoryReactorClock()
        self.nodes: list[FakeNode] = []
        self.heights: list[int | None] = [6 for _ in answers]
        targets = [self._target(n, answer) for n, answer in enumerate(answers)]
        self.submitter = BlockSubmitter(targets, files, self.answers.append, self.clock)

    def _target(self, n: int, answer: Answer) -> SubmitTarget:
        reactor = MemoryReactorClock()
        self.nodes.append(FakeNode(reactor, answer))
        rpc = make_rpc_client("http://h:1", UserPassword("u", "p"), reactor)
        return SubmitTarget(f"n{n}", rpc, lambda: self.heights[n])

    def run(self, seconds: float = 0.0) -> None:
        for step in range(round(seconds * 4) + 1):
            for node in self.nodes:
                node.pump()
                node.reactor.advance(0.25 if step else 0)
                node.pump()
            self.clock.advance(0.25 if step else 0)

    @property
    def verdicts(self) -> list[tuple[str, BlockVerdict]]:
        return [(answer.node, answer.verdict) for answer in self.answers]


@pytest.fixture(autouse=True)
def _stopped() -> Iterator[None]:
    """Leave no call waiting for whoever is tested next."""
    yield
    while Stage.made:
        stage = Stage.made.pop()
        stopped = Deferred.fromCoroutine(stage.submitter.stop())
        stage.run(STOP_SECONDS + 1)
        assert stopped.called


def test_a_block_goes_to_every_node_before_submit_returns(tmp_path: Path) -> None:
    seen: list[Any] = []

    def answer(method: str, params: list[Any]) -> Any:
        seen.append((method, params))

    stage = Stage(tmp_path, answer, answer)

    assert stage.submitter.submit(BLOCK)
    assert [len(node.reactor.tcpClients) for node in stage.nodes] == [1, 1]
    stage.run()

    assert seen == [("submitblock", ["0102"])] * 2
    assert stage.verdicts == [
        ("n0", BlockVerdict.ACCEPTED),
        ("n1", BlockVerdict.ACCEPTED),
    ]


def test_a_block_is_submitted_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path, lambda *_: None)

    first, second = stage.submitter.submit(BLOCK), stage.submitter.submit(BLOCK)
    stage.run()

    assert (first, second) == (True, False)
    assert stage.nodes[0].calls == ["submitblock"]


def test_a_block_is_on_disk_as_hex(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "blocks", lambda *_: None)

    stage.submitter.submit(BLOCK)

    (file,) = (tmp_path / "blocks").iterdir()
    assert file.name == f"0000000007-{BLOCK.hash}.hex"
    assert file.read_text() == "0102"
    stage.run()


def test_no_node_waits_for_a_disk_that_hangs(tmp_path: Path) -> None:
    disk = SlowDisk(tmp_path)
    stage = Stage(disk.files, lambda *_: None)
    stage.submitter.submit(BLOCK)
    stage.submitter.submit(a_block(8))
    stage.run()

    assert [verdict for _, verdict in stage.verdicts] == [BlockVerdict.ACCEPTED] * 2
    assert files(tmp_path) == []
    for _ in range(4):
        disk.turn()
    assert files(tmp_path) == ["answered.hex", "answered.hex"]


def test_the_end_waits_a_moment_for_a_file_that_is_written(tmp_path: Path) -> None:
    disk = SlowDisk(tmp_path)
    stage = Stage(disk.files, lambda *_: Deferred())
    stage.submitter.submit(BLOCK)
    stage.run()
    stopped = Deferred.fromCoroutine(stage.submitter.stop())
    assert not stopped.called

    disk.turn()
    stage.run(STOP_SECONDS + 1)

    assert stopped.called
    assert files(tmp_path) == ["hex"]


def a_block(number: int) -> FoundBlock:
    return FoundBlock(f"{number:064x}", number, b"\x01")


def test_blocks_without_end_go_to_the_node_and_few_are_listed(tmp_path: Path) -> None:
    stage = Stage(tmp_path, lambda *_: None)

    taken = []
    for number in range(BLOCKS_AT_ONCE + 40):
        taken.append(stage.submitter.submit(a_block(number)))
        stage.run()

    assert all(taken)
    assert len(stage.answers) == len(taken)
    assert len(list(tmp_path.iterdir())) == BLOCKS_AT_ONCE


def test_no_more_blocks_are_under_way_than_fit(tmp_path: Path) -> None:
    stage = Stage(tmp_path, lambda *_: None)

    taken = [stage.submitter.submit(a_block(n)) for n in range(MAX_UNDER_WAY + 1)]
    stage.run()

    assert taken == [True] * MAX_UNDER_WAY + [False]
    assert stage.submitter.submit(a_block(MAX_UNDER_WAY))  # there is room again
    stage.run()


def test_only_the_newest_files_are_kept(tmp_path: Path) -> None:
    stage = Stage(tmp_path)

    for height in range(KEPT_FILES + 3):
        stage.submitter.submit(a_block(height))
        stage.clock.advance(1)

    names = sorted(file.name for file in tmp_path.iterdir())
    assert len(names) == KEPT_FILES
    assert names[0].startswith("0000000003-")


def test_the_newest_files_are_kept_whatever_their_heights(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    for number in range(KEPT_FILES):
        path = tmp_path / f"{1000 + number:010d}-{number:064x}.answered.hex"
        path.write_text("00")
        os.utime(path, (1000.0 + number,) * 2)

    stage.submitter.submit(a_block(5))

    names = sorted(file.name for file in tmp_path.iterdir())
    assert len(names) == KEPT_FILES
    assert names[0].startswith("0000000005-")
    assert names[1].startswith("0000001001-")


def test_a_disk_that_cannot_be_written_does_not_cost_the_block(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    stage = Stage(tmp_path / "file", lambda *_: None)

    stage.submitter.submit(BLOCK)
    stage.run()

    assert stage.verdicts == [("n0", BlockVerdict.ACCEPTED)]


def test_a_node_that_does_not_answer_is_tried_until_it_does(tmp_path: Path) -> None:
    faults: list[Exception] = [
        Status(500, b""),
        RpcFault(-28, "Loading block index..."),
        Status(401, b""),
        Status(401, b""),
    ]

    def answer(*_: Any) -> Any:
        if faults:
            raise faults.pop(0)
        return "duplicate"

    stage = Stage(tmp_path, answer)
    stage.submitter.submit(BLOCK)
    stage.run(10)

    assert faults == []
    assert stage.verdicts == [("n0", BlockVerdict.DUPLICATE)]


def test_a_node_whose_chain_has_gone_past_is_not_tried_again(tmp_path: Path) -> None:
    def answer(*_: Any) -> Any:
        raise Status(500, b"")

    stage = Stage(tmp_path, answer)
    stage.submitter.submit(BLOCK)
    stage.run(3)
    assert stage.verdicts == []
    stage.heights[0] = 8
    stage.run(6)

    assert stage.verdicts == [("n0", BlockVerdict.LOST)]


def test_a_dead_node_is_given_up_once_the_block_s_own_has_a_later_one(
    tmp_path: Path,
) -> None:
    def dead(*_: Any) -> Any:
        raise Status(500, b"")

    stage = Stage(tmp_path, dead, lambda *_: "bad-txns")
    stage.heights = [None, 7]
    stage.submitter.submit(BLOCK)
    stage.run(30)
    assert stage.verdicts == [("n1", BlockVerdict.REJECTED)]
    stage.heights[1] = 8
    stage.run(6)

    assert stage.verdicts[1:] == [("n0", BlockVerdict.LOST)]
    assert stage.answers[-1].is_last


def test_a_node_is_not_given_up_for_the_height_of_another_network_s(
    tmp_path: Path,
) -> None:
    def busy(*_: Any) -> Any:
        raise Status(500, b"")

    stage = Stage(tmp_path, busy, busy)
    stage.heights = [900_000, 6]
    stage.submitter.submit(BLOCK)
    stage.run(30)

    assert stage.verdicts == [("n0", BlockVerdict.LOST)]


def test_one_slow_node_does_not_delay_another(tmp_path: Path) -> None:
    stage = Stage(tmp_path, lambda *_: Deferred(), lambda *_: None)

    stage.submitter.submit(BLOCK)
    stage.run()

    assert stage.verdicts == [("n1", BlockVerdict.ACCEPTED)]
    _ = Deferred.fromCoroutine(stage.submitter.stop())
    stage.run(STOP_SECONDS + 1)


def test_a_refusal_of_the_node_is_a_reject_with_its_words(tmp_path: Path) -> None:
    def answer(*_: Any) -> Any:
        raise RpcFault(-22, "Block decode failed")

    stage = Stage(tmp_path, answer)
    stage.submitter.submit(BLOCK)
    stage.run()

    assert stage.answers == [
        BlockAnswer(
            BLOCK.hash,
            "n0",
            BlockVerdict.REJECTED,
            "Block decode failed (-22)",
            is_last=True,
        )
    ]


def files(directory: Path) -> list[str]:
    return [path.name.partition(".")[2] for path in directory.iterdir()]


def a_real_block() -> FoundBlock:
    raw = bytes(80) + b"\x01rest"
    return FoundBlock(sha256d(raw[:80])[::-1].hex(), 7, raw)


@pytest.mark.parametrize("verdict", [None, "duplicate", "high-hash"])
def test_a_block_that_was_answered_is_not_submitted_by_the_next_process(
    verdict: str | None, tmp_path: Path
) -> None:
    first = Stage(tmp_path, lambda *_: verdict)
    first.submitter.submit(a_real_block())
    assert files(tmp_path) == ["hex"]
    first.run()
    assert files(tmp_path) == ["answered.hex"]

    second = Stage(tmp_path, lambda *_: None)
    second.submitter.resume()
    second.run()

    assert second.nodes[0].calls == []


def test_a_block_that_nobody_answered_is_submitted_by_the_next_process(
    tmp_path: Path,
) -> None:
    first = Stage(tmp_path, lambda *_: Deferred())
    first.submitter.submit(a_real_block())
    first.run()

    second = Stage(tmp_path, lambda *_: None)
    second.submitter.resume()
    second.run()

    assert second.answers == [
        BlockAnswer(a_real_block().hash, "n0", BlockVerdict.ACCEPTED, "", is_last=True)
    ]
    assert files(tmp_path) == ["answered.hex"]


def test_one_bad_word_of_two_leaves_the_block_to_be_tried_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path, lambda *_: "high-hash", lambda *_: Deferred())
    stage.submitter.submit(a_real_block())
    stage.run()

    assert files(tmp_path) == ["hex"]


@pytest.mark.parametrize("text", ["", "00", "zz", a_real_block().raw[:81].hex() + "f"])
def test_a_file_that_a_crash_has_cut_is_no_block(text: str, tmp_path: Path) -> None:
    (tmp_path / f"0000000007-{a_real_block().hash}.hex").write_text(text)
    stage = Stage(tmp_path, lambda *_: None)

    stage.submitter.resume()
    stage.run()

    assert stage.nodes[0].calls == []
    assert files(tmp_path) == ["answered.hex"]


def test_the_end_waits_a_moment_for_a_call_that_is_under_way(tmp_path: Path) -> None:
    late: Deferred[None] = Deferred()
    stage = Stage(tmp_path, lambda *_: late)
    stage.submitter.submit(BLOCK)
    stage.run()
    stopped = Deferred.fromCoroutine(stage.submitter.stop())
    assert not stopped.called

    late.callback(None)
    stage.run(0.5)

    assert stopped.called
    assert stage.verdicts == [("n0", BlockVerdict.ACCEPTED)]


def test_the_end_does_not_wait_for_ever(tmp_path: Path) -> None:
    stage = Stage(tmp_path, lambda *_: Deferred())
    stage.submitter.submit(BLOCK)
    stage.run()
    stopped = Deferred.fromCoroutine(stage.submitter.stop())
    stage.run(STOP_SECONDS + 1)

    assert stopped.called
    assert stage.verdicts == []


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (None, BlockVerdict.ACCEPTED),
        ("duplicate", BlockVerdict.DUPLICATE),
        ("inconclusive", BlockVerdict.INCONCLUSIVE),
        ("duplicate-inconclusive", BlockVerdict.INCONCLUSIVE),
        ("duplicate-invalid", BlockVerdict.REJECTED),
        ("stale-prevblk", BlockVerdict.STALE),
        ("rejected", BlockVerdict.REJECTED),
        ("high-hash", BlockVerdict.REJECTED),
        ("bad-cb-amount", BlockVerdict.REJECTED),
    ],
)
def test_every_answer_of_submitblock_is_understood(
    answer: str | None, verdict: BlockVerdict
) -> None:
    assert verdict_of(answer) is verdict
    assert verdict.is_good == (answer in {None, "duplicate"})
