"""What a block earns, asked of a node, well and ill."""

import contextlib
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock

from protocol.bitcoin.network import Network
from protocol.units import UnixTime
from proxy.node.credentials import UserPassword
from proxy.node.rewards import AGAIN, BEHIND, BLOCKS, NodeRewards
from proxy.node.rpc import make_rpc_client
from proxy.power.orders.market import BlockReward, RewardError
from tests.fakes.node_http import FakeNode, RpcFault

NOW = 1_764_000_000.0
SUBSIDY = 312_500_000


class Chain:
    """A node's chain, and who asks about it."""

    def __init__(self, height: int = 925_000) -> None:
        self.reactor = MemoryReactorClock()
        self.height, self.tip = height, "a"
        self.more: dict[str, Any] = {}
        self.fees = dict.fromkeys(range(height + 10), 2_000_000)
        self.faults: dict[str, Exception] = {}
        self.node = FakeNode(self.reactor, self._answer)
        rpc = make_rpc_client(
            "http://127.0.0.1:1", UserPassword("u", "p"), self.reactor
        )
        self.rewards = NodeRewards("main", rpc, lambda: UnixTime(NOW))

    def _answer(self, method: str, params: list[Any]) -> Any:
        if method in self.faults:
            raise self.faults[method]
        if method == "getblockstats":
            height, what = params
            stats = {"subsidy": SUBSIDY, "totalfee": self.fees[height]}
            return {key: stats[key] for key in what}
        return {
            "chain": "main",
            "blocks": self.height,
            "headers": self.height,
            "bestblockhash": self.tip,
            "difficulty": 1.5e14,
            "mediantime": NOW - 3600.0,
            "initialblockdownload": False,
        } | self.more

    def read(self) -> BlockReward | str:
        """Return what it says, or why it says nothing."""
        ended: list[Any] = []
        _ = Deferred.fromCoroutine(self.rewards.read()).addBoth(ended.append)
        for _ in range(20):
            with contextlib.suppress(AssertionError):  # 50 pieces at a time
                self.node.pump()
        self.reactor.advance(0.0 if ended else 11.0)
        found = getattr(ended[0], "value", ended[0])
        return str(found) if isinstance(found, RewardError) else found

    @property
    def asked(self) -> int:
        """How many blocks were asked about, since it was last looked at."""
        count = self.node.calls.count("getblockstats")
        self.node.calls.clear()
        return count


def test_a_block_earns_its_subsidy_and_the_mean_of_a_days_fees() -> None:
    chain = Chain()
    chain.fees[chain.height] = 2_000_000 + 144 * 1_000_000

    assert chain.read() == BlockReward("main", 925_000, 1.5e14, 3.125 + 0.03)
    assert chain.asked == BLOCKS


def test_a_new_tip_is_asked_about_and_those_that_it_may_have_replaced() -> None:
    chain = Chain()
    chain.read()
    assert chain.asked == BLOCKS
    chain.read()
    assert chain.asked == 0
    chain.height, chain.tip = chain.height + 1, "b"
    chain.read()
    assert chain.asked == AGAIN
    chain.height, chain.tip = chain.height - 1, "c"  # another branch
    chain.read()
    assert chain.asked == AGAIN + 1  # and the one that a day has at its other end


def test_a_young_chain_has_the_blocks_that_it_has() -> None:
    chain = Chain(height=2)
    chain.more = {"chain": "regtest", "mediantime": 1.3e9, "difficulty": 4.7e-10}

    assert chain.read() == BlockReward("main", 2, 4.7e-10, 3.125 + 0.02)


@pytest.mark.parametrize(
    "more",
    [
        {"initialblockdownload": True},
        {"headers": 925_100},
        {"mediantime": NOW - BEHIND - 1.0},
    ],
)
def test_a_node_that_is_behind_says_nothing(more: dict[str, Any]) -> None:
    chain = Chain()
    chain.more = more

    assert chain.read() == "node main: it has not caught up with the chain"


@pytest.mark.parametrize(
    "more",
    [{"difficulty": 0}, {"difficulty": None}, {"blocks": -1}, {"difficulty": 1e31}],
)
def test_an_answer_that_cannot_be_is_none(more: dict[str, Any]) -> None:
    chain = Chain()
    chain.more = more

    assert "getblockchaininfo: " in str(chain.read())


def test_what_the_node_refuses_is_said_and_asked_for_again() -> None:
    chain = Chain()
    chain.faults["getblockstats"] = RpcFault(-1, "Block not available (pruned data)")
    assert chain.read() == "node main: Block not available (pruned data) (-1)"
    chain.faults.clear()
    assert isinstance(chain.read(), BlockReward)


def test_another_network_than_configured_is_refused() -> None:
    chain = Chain()
    chain.rewards.network = Network.REGTEST

    assert chain.read() == "node main: on main, not on regtest as configured"


def test_a_node_that_is_away_or_silent_is_said_to_be() -> None:
    chain = Chain()
    chain.node.pump = lambda: None  # type: ignore[method-assign]

    assert "getblockchaininfo: " in str(chain.read())
