"""The feed against a node that comes, goes, lags and repeats itself."""

from collections.abc import Iterator
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher

from protocol.bitcoin.target import target_from_nbits
from protocol.units import Seconds
from protocol.work.template import Template
from proxy.node.credentials import UserPassword
from proxy.node.hashblock import HashBlock
from proxy.node.rpc import make_rpc_client
from proxy.node.template_feed import NodeState, TemplateFeed
from tests.builders import DEEP_JSON
from tests.conftest import FlushFailures
from tests.fakes.node_http import FakeNode, RpcFault, Status


def tip_of(height: int) -> str:
    return f"{height:064x}"


class Chain:
    """What the fake node answers from."""

    def __init__(self) -> None:
        self.height = 1
        self.value = 50
        self.curtime = 200
        self.fault: Exception | None = None
        self.polls: list[Deferred[Any]] = []
        self.longpollid = "id"

    def answer(self, method: str, params: list[Any]) -> Any:
        if self.fault is not None:
            raise self.fault
        if method == "getbestblockhash":
            return tip_of(self.height)
        if "longpollid" in params[0]:
            poll: Deferred[Any] = Deferred()
            self.polls.append(poll)
            return poll
        return self.template()

    def template(self) -> Any:
        return {
            "version": 0x20000000,
            "rules": ["csv", "!segwit", "taproot"],
            "previousblockhash": tip_of(self.height),
            "transactions": [],
            "coinbasevalue": self.value,
            "target": f"{target_from_nbits(0x207FFFFF):064x}",
            "mintime": 100,
            "curtime": self.curtime,
            "bits": "207fffff",
            "height": self.height + 1,
            "longpollid": self.longpollid,
        }


class Listener:
    def __init__(self) -> None:
        self.templates: list[Template] = []
        self.tips: list[tuple[str, Seconds]] = []
        self.states: list[NodeState] = []
        self.fails = False

    def on_template(self, template: Template) -> None:
        if self.fails:
            raise ZeroDivisionError
        self.templates.append(template)

    def on_tip(self, tip: str, at: Seconds) -> None:
        self.tips.append((tip, at))

    def on_state(self, state: NodeState, _reason: str) -> None:
        self.states.append(state)


class Stage:
    """A feed, its node and who listens."""

    def __init__(self) -> None:
        self.reactor = MemoryReactorClock()
        self.chain = Chain()
        self.node = FakeNode(self.reactor, self.chain.answer)
        self.heard = Listener()
        rpc = make_rpc_client("http://h:1", UserPassword("u", "p"), self.reactor)
        self.feed = TemplateFeed("core", rpc, self.heard, self.reactor)

    def start(self) -> None:
        self.feed.startService()
        self.run(0)

    def run(self, seconds: float) -> None:
        self.node.pump()
        for _ in range(round(seconds * 10)):
            self.reactor.advance(0.1)
            self.node.pump()

    def state(self) -> NodeState:
        return self.feed.state

    @property
    def heights(self) -> list[int]:
        return [template.height for template in self.heard.templates]


@pytest.fixture
def cold() -> Iterator[Stage]:
    """A feed that has not been started; it is stopped at the end."""
    stage = Stage()
    yield stage
    if stage.feed.running:
        _ = Deferred.fromCoroutine(stage.feed.stopService())
        stage.run(0)


@pytest.fixture
def stage(cold: Stage) -> Stage:
    """A feed that has its first template."""
    cold.start()
    return cold


def test_the_first_template_comes_at_once_and_a_long_poll_follows(stage: Stage) -> None:
    assert stage.heights == [2]
    assert stage.heard.tips == [(tip_of(1), 0.0)]
    assert stage.heard.states == [NodeState.UP]
    assert len(stage.chain.polls) == 1


def test_a_long_poll_brings_the_next_template_and_is_asked_again(stage: Stage) -> None:
    stage.chain.height = 2
    stage.chain.polls[0].callback(stage.chain.template())
    stage.run(0)

    assert stage.heights == [2, 3]
    assert stage.feed.template == stage.heard.templates[-1]
    assert len(stage.chain.polls) == 2


def test_zmq_brings_a_tip_before_its_template(stage: Stage) -> None:
    stage.chain.height = 2
    stage.feed.block_heard(HashBlock(tip_of(2), 7))

    assert stage.heard.tips[-1][0] == tip_of(2)
    assert stage.heights == [2]
    stage.run(0)
    assert stage.heights == [2, 3]


def test_a_burst_of_tips_costs_two_calls(stage: Stage) -> None:
    before = len(stage.node.calls)

    for height in range(2, 30):
        stage.chain.height = height
        stage.feed.block_heard(HashBlock(tip_of(height), height))
    stage.run(0)

    assert stage.heights[-1] == 30
    assert len(stage.node.calls) - before == 2


def test_a_tip_that_nobody_told_of_is_found_by_the_next_poll(stage: Stage) -> None:
    stage.chain.height = 2
    stage.run(2.1)

    assert stage.heights == [2, 3]


def test_the_same_template_again_is_no_news(stage: Stage) -> None:
    stage.feed.refresh()
    stage.run(0)

    assert stage.heights == [2]


def test_more_fees_on_the_same_tip_are_news(stage: Stage) -> None:
    stage.chain.value = 60
    stage.feed.refresh()
    stage.run(0)

    assert [t.coinbase_value for t in stage.heard.templates] == [50, 60]
    assert len(stage.heard.tips) == 1


def test_a_node_that_answers_long_polls_at_once_is_not_asked_in_a_loop(
    stage: Stage,
) -> None:
    for _ in range(20):
        if not stage.chain.polls[-1].called:
            stage.chain.polls[-1].callback(stage.chain.template())
        stage.run(0.1)

    assert len(stage.chain.polls) <= 3


def test_other_transactions_all_the_time_are_news_once_a_second(stage: Stage) -> None:
    for _ in range(100):
        if not stage.chain.polls[-1].called:
            stage.chain.value += 1
            stage.chain.polls[-1].callback(stage.chain.template())
        stage.run(0.1)

    assert 9 <= len(stage.heard.templates) <= 12


def test_a_template_whose_time_is_old_is_news(stage: Stage) -> None:
    """On a quiet chain miners would come to the end of its times."""
    for _ in range(3):
        stage.chain.curtime += 599
        stage.feed.refresh()
        stage.run(0)

    assert [one.curtime for one in stage.heard.templates] == [200, 1398]


def test_a_node_without_long_polls_is_asked_every_few_seconds(cold: Stage) -> None:
    cold.chain.longpollid = ""
    cold.start()

    cold.chain.value = 60
    cold.run(5.2)

    assert cold.chain.polls == []
    assert [t.coinbase_value for t in cold.heard.templates] == [50, 60]


def test_a_long_poll_on_a_dead_connection_is_given_up_in_the_end(stage: Stage) -> None:
    stage.run(901)

    assert len(stage.chain.polls) == 2
    assert NodeState.DOWN not in stage.heard.states


def test_a_node_that_goes_is_down_and_one_that_comes_back_is_up(stage: Stage) -> None:
    stage.chain.fault = Status(500, b"")
    stage.run(2.1)
    assert stage.state() is NodeState.DOWN
    stage.chain.fault = None
    stage.chain.height = 5
    stage.run(2.1)

    assert stage.state() is NodeState.UP
    assert stage.heights == [2, 6]


def test_a_node_that_never_answers_is_asked_ever_more_rarely_but_for_ever(
    cold: Stage,
) -> None:
    cold.chain.fault = Status(500, b"")

    cold.start()
    cold.run(60)
    templates = cold.node.calls.count("getblocktemplate")
    cold.chain.fault = None
    cold.run(16)

    assert 5 <= templates <= 60
    assert cold.state() is NodeState.UP
    assert cold.heights == [2]


def test_a_node_that_warms_up_is_syncing(cold: Stage) -> None:
    cold.chain.fault = RpcFault(-28, "Loading block index...")

    cold.start()

    assert cold.state() is NodeState.SYNCING


def test_a_template_that_cannot_be_read_counts_as_none(stage: Stage) -> None:
    stage.chain.polls[0].callback({"height": "x"})
    stage.run(0)
    assert stage.state() is NodeState.DOWN
    stage.run(1)

    assert stage.state() is NodeState.UP
    assert stage.heights == [2]


def test_an_answer_nested_too_deeply_ends_no_feed(stage: Stage) -> None:
    stage.chain.fault = Status(200, b'{"result":' + DEEP_JSON + b"}")
    stage.chain.polls[0].callback(stage.chain.fault)
    stage.run(5)
    assert stage.state() is NodeState.DOWN
    stage.chain.fault = None
    stage.run(5)

    assert stage.state() is NodeState.UP
    assert len(stage.chain.polls) == 2


def test_a_failure_of_ours_is_logged_and_ends_no_feed(
    stage: Stage, flush_failures: FlushFailures
) -> None:
    stage.heard.fails = True
    stage.chain.height = 2
    stage.chain.polls[0].callback(stage.chain.template())
    stage.run(0)
    stage.heard.fails = False
    stage.run(2.1)

    assert flush_failures(ZeroDivisionError) == 1
    assert len(stage.chain.polls) == 2


def test_nothing_is_asked_after_the_end(stage: Stage) -> None:
    stopped = Deferred.fromCoroutine(stage.feed.stopService())
    stage.run(0)
    calls = len(stage.node.calls)
    stage.run(30)

    assert stopped.called
    assert len(stage.node.calls) == calls


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """Give what is logged of nodes, with its level."""
    found: list[str] = []

    def observe(event: LogEvent) -> None:
        if event.get("log_namespace", "").startswith("proxy.node"):
            found.append(f"{event['log_level'].name} {formatEvent(event)}")

    observer = cast("ILogObserver", observe)
    globalLogPublisher.addObserver(observer)
    yield found
    globalLogPublisher.removeObserver(observer)


def test_a_node_that_is_down_at_the_start_says_so_once(
    cold: Stage, lines: list[str]
) -> None:
    cold.chain.fault = RpcFault(-1, "no")
    cold.start()
    cold.run(30)

    assert len(lines) == 1
    assert lines[0].startswith("warn node core is down: ")


def test_each_change_of_a_node_is_one_line(cold: Stage, lines: list[str]) -> None:
    cold.start()
    cold.run(1)
    cold.chain.fault = RpcFault(-1, "no")
    cold.run(30)
    cold.chain.fault = RpcFault(-2, "never")
    cold.run(30)
    cold.chain.fault = None
    cold.run(60)

    told = [line.partition(": ")[0] for line in lines]
    assert told == [
        "info node core is up",
        *2 * ["warn node core is down"],
        "info node core is up",
    ]
