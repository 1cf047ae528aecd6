"""A node as a source of work: when it gives some, and when it does not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from attrs import evolve
from twisted.internet.task import Clock

from protocol.bitcoin.coinbase import with_witness
from protocol.bitcoin.network import Network
from protocol.units import Difficulty, Seconds, UnixTime
from protocol.work.job import Work
from protocol.work.judge import judge
from protocol.work.template import Template
from proxy.jobs.feed import Feed
from proxy.node.block_files import BlockFiles, FoundBlock
from proxy.node.proposal import NOT_BEST_TIP
from proxy.node.source import NodeSource
from proxy.node.submitter import BlockAnswer, BlockVerdict
from proxy.node.template_feed import NodeState
from proxy.node.template_work import prefix_of
from tests.builders import NOW, a_job, a_submission, terms
from tests.unit.bitcoin.test_vector_a5 import A5, a5_template

REGTEST_ADDRESS = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"


class FakeService:
    """A node service of which a test decides everything."""

    def __init__(self) -> None:
        self.network: Network | None = Network.REGTEST
        self.fault = ""
        self.reason = ""
        self.state = NodeState.UP
        self.template: Template | None = None
        self.proposed: list[bytes] = []
        self.tried: list[Callable[[str | None], None]] = []

    def try_block(self, block: bytes, tried: Callable[[str | None], None]) -> None:
        self.proposed.append(block)
        self.tried.append(tried)


class Board:
    def __init__(self) -> None:
        self.posted = 0
        self.lost = 0
        self.rooms_known = 0

    def room_known(self) -> None:
        self.rooms_known += 1

    def work_arrived(self, _feed: Feed) -> None:
        self.posted += 1

    def feed_lost(self, _feed: Feed, _session: int) -> None:
        self.lost += 1


class NotingSubmitter:
    def __init__(self) -> None:
        self.blocks: list[FoundBlock] = []

    def submit(self, block: FoundBlock) -> bool:
        self.blocks.append(block)
        return True


class Stage:
    def __init__(self, **options: Any) -> None:
        self.clock = clock = Clock()
        clock.advance(100)
        self.wall = UnixTime(float(a5_template().curtime))
        sessions = iter(range(1, 100))
        self.source = NodeSource(
            "core",
            options.get("address", REGTEST_ADDRESS),
            Difficulty(options.get("min_block_difficulty", 0.0)),
            clock,
            lambda: next(sessions),
            lambda: self.wall,
            options.get("prefixes", {"hall-a": b"\xa0\xfd\x00"}),
            BlockFiles(Path("unused"), cast("Any", None)),
        )
        self.board = Board()
        self.source.listeners["hall-a"] = self.board
        self.feed = self.source.open("hall-a", "", 0)
        self.fake = FakeService()
        self.node: Any = self.fake

    def serve(self, **changes: Any) -> None:
        self.fake.template = evolve(a5_template(), **changes)
        self.source.template_arrived(self.node, self.fake.template)

    def come_up_on(self, network: Network | None) -> None:
        self.fake.network = network
        self.source.state_changed(self.node)


def test_a_template_becomes_work_that_pays_for_blocks_alone() -> None:
    stage = Stage()

    stage.serve()

    work = stage.feed.work
    assert work is not None
    assert work.target == work.block_target
    assert (stage.board.posted, stage.feed.ready_since) == (1, Seconds(100.0))


def test_a_node_tells_its_room_once() -> None:
    stage = Stage()

    stage.serve()
    stage.serve()

    assert (stage.board.posted, stage.board.rooms_known) == (2, 1)


def test_a_site_that_opens_later_has_the_work_there_is() -> None:
    stage = Stage(prefixes={"hall-a": b"\0\7\0", "hall-b": b"\0\7\1"})
    stage.serve()

    late = stage.source.open("hall-b", "", 0)

    assert late.work is not None
    assert stage.feed.work is not None
    assert late.work.source_job == stage.feed.work.source_job
    assert late.work.extranonce1 == b"\0\7\1"
    assert late.ready_since == Seconds(100.0)
    assert stage.source.open("hall-b", "", 1) is late


@pytest.mark.parametrize("years", [-10, -1, 1, 10])
def test_a_node_whose_clock_is_years_off_is_not_mined_on(years: int) -> None:
    stage = Stage()
    stage.serve(curtime=int(stage.wall) + years * 31_536_000)

    assert "its clock says 20" in stage.source.unusable


@pytest.mark.parametrize("hours", [-23, 0, 23])
def test_a_clock_that_is_hours_off_may_be_ours(hours: int) -> None:
    stage = Stage()
    stage.serve(curtime=int(stage.wall) + hours * 3600)

    assert not stage.source.unusable


def test_a_clock_that_is_set_right_is_believed_at_once() -> None:
    stage = Stage()
    theirs, stage.wall = stage.wall, UnixTime(stage.wall - 1e9)
    stage.serve()
    assert stage.source.unusable

    stage.clock.advance(20)
    stage.wall = UnixTime(theirs + 20)  # ours was wrong: the time service has come

    assert not stage.source.unusable


def test_a_template_that_grows_old_is_no_wrong_clock() -> None:
    stage = Stage()
    stage.serve()
    stage.clock.advance(1e6)
    stage.wall = UnixTime(stage.wall + 1e6)

    assert not stage.source.unusable


def test_there_is_no_work_before_the_network_is_known() -> None:
    stage = Stage()
    stage.fake.network = None
    stage.serve()
    assert stage.feed.work is None

    stage.come_up_on(Network.REGTEST)

    assert stage.feed.work is not None


def test_a_node_that_returns_on_another_network_is_not_mined_on_by_old_rules() -> None:
    stage = Stage()
    stage.serve()
    stage.fake.state = NodeState.DOWN
    stage.come_up_on(None)
    assert (stage.feed.work, stage.board.lost) == (None, 1)

    stage.fake.state = NodeState.UP
    stage.come_up_on(Network.MAIN)
    stage.serve()

    assert stage.feed.work is None
    assert "not one of main" in stage.source.unusable


def test_the_same_network_again_is_another_session_no_more_than_another_network() -> (
    None
):
    stage = Stage(address="mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn")  # also of testnet
    sessions = []
    for network in (Network.REGTEST, Network.REGTEST, Network.TEST):
        stage.come_up_on(network)
        stage.serve()
        assert stage.feed.work is not None
        sessions.append(stage.feed.work.session)

    assert sessions == [1, 1, 2]


@pytest.mark.parametrize(
    ("options", "network", "why"),
    [
        ({"address": "nonsense"}, Network.REGTEST, "nonsense"),
        ({}, Network.SIGNET, "not one of signet"),
        (
            {"address": "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"}
            | {"min_block_difficulty": 1.0},
            Network.TEST,
            "regtest alone",
        ),
    ],
)
def test_what_cannot_be_mined_is_refused_with_the_reason(
    options: dict[str, Any], network: Network, why: str
) -> None:
    stage = Stage(**options)
    stage.come_up_on(network)
    stage.serve()

    assert stage.feed.work is None
    assert why in stage.source.unusable


def test_a_node_that_is_not_as_configured_is_not_mined_on() -> None:
    stage = Stage()
    stage.fake.fault = "on regtest, not on main as configured"

    stage.serve()

    assert stage.feed.work is None
    assert stage.source.unusable == stage.fake.fault


def test_a_witness_alone_gives_no_work() -> None:
    stage = Stage(address="")

    stage.serve()

    assert (stage.feed.work, stage.source.unusable) == (None, "")


def test_our_blocks_are_proposed_once_before_any_is_found() -> None:
    stage = Stage()
    stage.serve()
    header, count = stage.fake.proposed[0][:80], stage.fake.proposed[0][80]
    assert header[4:36].hex() == A5["block"][8:72]
    assert count == int(A5["block"][160:162], 16)

    stage.fake.tried[0](None)
    stage.serve(coinbase_value=7)

    assert len(stage.fake.proposed) == 1
    assert stage.source.unusable == ""


def test_a_node_that_would_refuse_our_blocks_is_not_mined_on_until_it_would_not() -> (
    None
):
    stage = Stage()
    stage.serve()
    stage.fake.tried[0]("bad-cb-amount")
    assert "bad-cb-amount" in stage.source.unusable

    stage.serve(coinbase_value=7)
    stage.fake.tried[1](None)

    assert stage.source.unusable == ""


def test_a_tip_that_moved_meanwhile_proves_nothing() -> None:
    stage = Stage()
    stage.serve()
    stage.fake.tried[0](NOT_BEST_TIP)
    assert stage.source.unusable == ""

    stage.serve(coinbase_value=7)

    assert len(stage.fake.proposed) == 2


def coinb1_of(work: Work) -> bytes:
    """Return a coinbase up to where miners of different slots differ."""
    return work.coinb1 + work.extranonce1


def test_sites_and_processes_on_one_node_hash_no_headers_in_common() -> None:
    """Each template leaves the same room to all, and nobody the same search space."""
    sites = {"hall-a": 0, "hall-b": 1}
    works, stages = [], []
    for instance in (7, 0xA0FD):
        prefixes = {site: prefix_of(instance, place) for site, place in sites.items()}
        stage = Stage(prefixes=prefixes)
        stages.append(stage)
        stage.source.listeners["hall-b"] = stage.board
        feeds = [stage.source.open(site, "", 0) for site in sites]
        stage.serve()
        works += [feed.work for feed in feeds if feed.work is not None]

    assert len(works) == 4
    assert len({coinb1_of(work) for work in works}) == 4
    assert {work.extranonce2_size for work in works} == {12}
    assert {stage.source.room for stage in stages} == {12}
    assert [work.extranonce1.hex() for work in works] == [
        "000700",
        "000701",
        "a0fd00",
        "a0fd01",
    ]


def test_a_block_holds_the_prefix_that_its_miner_hashed() -> None:
    stage = Stage(prefixes={"hall-a": b"\0\7\0"})
    stage.serve()
    work = stage.feed.work
    assert work is not None
    job = a_job(work=work, coinb1=coinb1_of(work) + b"\0" * 4, room=8)
    share = judge(a_submission(ntime=work.ntime), job, terms(), "hall-a", NOW)
    submitter = NotingSubmitter()
    part: Any = submitter
    stage.source.submitter = part

    assert stage.source.forward(share, 1)

    hashed = job.coinb1 + share.slot + share.extranonce2 + work.coinb2
    assert with_witness(hashed) in submitter.blocks[0].raw
    assert hashed[: len(job.coinb1)].endswith(b"\0\7\0\0\0\0\0")


def heard(*answers: BlockAnswer) -> list[tuple[int, str, str]]:
    """Return what becomes of a block that nodes say this of, one after the other."""
    stage = Stage()
    stage.serve()
    work = stage.feed.work
    assert work is not None
    job = a_job(work=work, coinb1=coinb1_of(work) + b"\0" * 4, room=8)
    share = judge(a_submission(ntime=work.ntime), job, terms(), "hall-a", NOW)
    submitter: Any = NotingSubmitter()
    stage.source.submitter = submitter
    settled: list[tuple[int, str, str]] = []
    stage.source.settle = lambda *said: settled.append(said)
    assert stage.source.forward(share, 1)
    for answer in answers:
        stage.source.answered(evolve(answer, block=submitter.blocks[0].hash))
    return settled


OWN_RIVAL = BlockAnswer("", "core", BlockVerdict.INCONCLUSIVE, "inconclusive")
OWN_BAD = BlockAnswer("", "core", BlockVerdict.REJECTED, "bad-cb-amount")
OTHER_GOOD = BlockAnswer("", "witness", BlockVerdict.ACCEPTED, "")
OTHER_AWAY = BlockAnswer("", "witness", BlockVerdict.LOST, "not reached")


def test_a_block_that_another_node_takes_is_accepted() -> None:
    last = evolve(OTHER_GOOD, is_last=True)

    assert heard(OWN_RIVAL, last) == [(1, "accepted", "")]
    assert heard(OTHER_GOOD, evolve(OWN_RIVAL, is_last=True)) == [(1, "accepted", "")]


def test_a_block_that_no_node_takes_has_the_own_nodes_reason() -> None:
    refused = [(1, "rejected", "bad-cb-amount")]

    assert heard(OWN_BAD) == []  # the other may take it
    assert heard(OWN_BAD, evolve(OTHER_AWAY, is_last=True)) == refused
    assert heard(OTHER_AWAY, evolve(OWN_BAD, is_last=True)) == refused


def test_a_block_whose_own_node_is_never_reached_is_lost() -> None:
    away = evolve(OTHER_AWAY, node="core", is_last=True)

    assert heard(evolve(OWN_BAD, node="witness"), away) == [(1, "lost", "not reached")]
