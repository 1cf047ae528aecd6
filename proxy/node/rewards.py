"""What a block earns, asked of a node: its subsidy, and the fees of a day of blocks."""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from attrs import define, field
from msgspec import Meta, Struct

from protocol.bitcoin.network import Network
from protocol.errors import RemoteError
from protocol.units import Seconds, UnixTime
from protocol.unreadable import UNREADABLE
from proxy.node.rpc import RpcClient
from proxy.power.orders.market import BlockReward, RewardError

BLOCKS = 144
"""A day of them: fees of single blocks differ by a lot."""

AGAIN = 6
"""Blocks that are asked about again with a new tip: a few may be replaced."""

DEADLINE = Seconds(10.0)
"""Of one call: a node reads a block and what it spent from its disk."""

BEHIND = Seconds(4 * 3600.0)
"""The median time of a chain is an hour behind as a rule; that no block comes for three
more hours happens once in a thousand years."""

SATOSHIS = 1e8

_Satoshis = Annotated[int, Meta(ge=0, le=21_000_000 * 100_000_000)]


class _ChainInfo(Struct):
    chain: str
    blocks: Annotated[int, Meta(ge=0)]
    headers: Annotated[int, Meta(ge=0)]
    bestblockhash: str
    difficulty: Annotated[float, Meta(gt=0, le=1e30)]
    mediantime: float
    initialblockdownload: bool = False


class _BlockStats(Struct):
    subsidy: _Satoshis
    totalfee: _Satoshis


@define(eq=False, repr=False)
class NodeRewards:
    """Asks one node.

    Attributes:
        network: What it should be on; None: whatever it is.
    """

    _name: str
    _rpc: RpcClient
    _wall_clock: Callable[[], UnixTime]
    network: Network | None = None
    _fees: dict[int, int] = field(factory=dict, init=False)  # satoshis, by height
    _subsidy: int = field(default=0, init=False)
    _tip: str = field(default="", init=False)

    async def read(self) -> BlockReward:
        """See `RewardSource`."""
        try:
            chain = await self._ask(_ChainInfo, "getblockchaininfo")
            self._check(chain)
            if chain.bestblockhash != self._tip:
                await self._follow(chain.blocks)
                self._tip = chain.bestblockhash
        except (RemoteError, ValueError) as error:
            raise RewardError(f"node {self._name}: {error}") from error
        fees = sum(self._fees.values()) / len(self._fees)
        btc = (self._subsidy + fees) / SATOSHIS
        return BlockReward(self._name, chain.blocks, chain.difficulty, btc)

    async def close(self) -> None:
        """See `RewardSource`."""
        await self._rpc.close()

    def _check(self, chain: _ChainInfo) -> None:
        """Refuse a chain that is not the one of now.

        Raises:
            ValueError: It is another one, or the node is behind.
        """
        if self.network not in {None, chain.chain}:
            raise ValueError(f"on {chain.chain}, not on {self.network} as configured")
        if chain.chain == Network.REGTEST:
            return  # blocks come when somebody wants one
        is_old = self._wall_clock() - chain.mediantime > BEHIND
        if chain.initialblockdownload or chain.headers - chain.blocks > AGAIN or is_old:
            raise ValueError("it has not caught up with the chain")

    async def _follow(self, height: int) -> None:
        """Ask about the blocks up to `height` that are not known yet."""
        known = {h: f for h, f in self._fees.items() if h <= height - AGAIN}
        for at in range(max(0, height - BLOCKS + 1), height + 1):
            if at in known:
                continue
            what = ["subsidy", "totalfee"]
            stats = await self._ask(_BlockStats, "getblockstats", at, what)
            known[at] = stats.totalfee
            self._subsidy = stats.subsidy
        self._fees = {h: f for h, f in known.items() if h > height - BLOCKS}

    async def _ask(self, kind: Any, method: str, *arguments: object) -> Any:
        result = await self._rpc.call(method, *arguments, deadline=DEADLINE)
        try:
            return msgspec.json.decode(result, type=kind)
        except UNREADABLE as error:
            raise ValueError(f"{method}: {error}") from error
