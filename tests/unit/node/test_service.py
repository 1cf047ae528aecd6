"""A node as the program sees it: which network it is on, and when that changes."""

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from typing_extensions import override

from protocol.bitcoin.network import Network
from protocol.units import Seconds
from protocol.work.template import Template
from proxy.node.credentials import UserPassword
from proxy.node.service import NETWORK_SECONDS, NodeParams, NodeService
from tests.fakes.node_http import FakeNode, RpcFault, Status
from tests.unit.node.test_template_feed import Chain


class Answers(Chain):
    """A chain that also says its name."""

    def __init__(self) -> None:
        super().__init__()
        self.name = "regtest"
        self.shy = 0
        self.proposed: list[str] = []
        self.verdict: str | None = None
        self.hangs = False

    @override
    def answer(self, method: str, params: list[Any]) -> Any:
        if self.hangs:
            return Deferred()
        if self.fault is not None:
            raise self.fault
        if method == "getblockchaininfo":
            return self.chain_info()
        if method == "getblocktemplate" and "mode" in params[0]:
            self.proposed.append(params[0]["data"])
            return self.verdict
        return super().answer(method, params)

    def chain_info(self) -> Any:
        if self.shy:
            self.shy -= 1
            raise RpcFault(-1, "not now")
        return {"chain": self.name}


class Heard:
    def __init__(self) -> None:
        self.networks: list[Network | None] = []

    def template_arrived(self, node: NodeService, template: Template) -> None:
        pass

    def tip_arrived(self, node: NodeService, tip: str, at: Seconds) -> None:
        pass

    def state_changed(self, node: NodeService) -> None:
        if self.networks[-1:] != [node.network]:
            self.networks.append(node.network)


class Stage:
    """A node service, the node that it speaks to, and who listens."""

    def __init__(self, network: Network | None = None) -> None:
        self.reactor = MemoryReactorClock()
        self.chain = Answers()
        self.node = FakeNode(self.reactor, self.chain.answer)
        self.heard = Heard()
        params = NodeParams(
            "core", "http://h:1", UserPassword("u", "p"), network=network
        )
        self.service = NodeService(params, self.heard, self.reactor)

    def start(self) -> None:
        self.service.startService()
        self.run(0)

    def run(self, seconds: float) -> None:
        self.node.pump()
        for _ in range(round(seconds * 10)):
            self.reactor.advance(0.1)
            self.node.pump()

    def stop(self) -> None:
        stopped = Deferred.fromCoroutine(self.service.stopService())
        self.node.drop()
        self.run(1)
        assert stopped.called


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.stop()


@pytest.mark.parametrize("after", [25, 61])
def test_a_node_that_hangs_does_not_hold_up_a_stop(after: int) -> None:
    stage = Stage()
    stage.start()
    stage.chain.hangs = True
    stage.run(after)
    stopped = Deferred.fromCoroutine(stage.service.stopService())
    stage.run(0.1)

    assert stopped.called


def test_a_node_that_is_up_has_a_network_and_a_view(stage: Stage) -> None:
    stage.start()

    assert stage.service.network is Network.REGTEST
    assert stage.service.view is not None


def test_a_node_that_would_not_say_is_asked_again(stage: Stage) -> None:
    stage.chain.shy = 2
    stage.start()
    assert stage.service.view is None

    stage.run(2 * NETWORK_SECONDS + 1)

    assert stage.service.network is Network.REGTEST


def test_another_node_at_the_same_address_is_noticed(stage: Stage) -> None:
    stage.start()
    stage.chain.name = "test"

    stage.run(NETWORK_SECONDS + 1)

    assert stage.service.network is Network.TEST


def test_a_node_that_went_away_has_no_network_until_it_has_said_so_again(
    stage: Stage,
) -> None:
    stage.start()
    stage.chain.fault = Status(500, b"gone")
    stage.run(3)
    assert stage.service.network is None

    stage.chain.fault, stage.chain.name = None, "signet"
    stage.run(4)

    assert stage.heard.networks[-3:] == [Network.REGTEST, None, Network.SIGNET]


def test_a_network_that_nobody_knows_is_none(stage: Stage) -> None:
    stage.chain.name = "moonnet"

    stage.start()

    assert stage.service.view is None


def test_a_node_on_another_network_than_configured_is_not_believed() -> None:
    stage = Stage(network=Network.MAIN)
    stage.start()

    assert stage.service.fault == "on regtest, not on main as configured"
    assert stage.service.view is None
    stage.chain.name = "main"
    stage.run(NETWORK_SECONDS + 1)
    assert not stage.service.fault
    stage.stop()


def test_a_proposal_is_answered_in_the_nodes_words(stage: Stage) -> None:
    said: list[str | None] = []
    stage.start()

    for verdict in ("bad-cb-amount", None):
        stage.chain.verdict = verdict
        stage.service.try_block(b"\x01", said.append)
        stage.run(0)
    stage.chain.fault = Status(500, b"gone")
    stage.service.try_block(b"\x02", said.append)
    stage.run(0)

    assert said == ["bad-cb-amount", None]
    assert stage.chain.proposed == ["01", "01"]
