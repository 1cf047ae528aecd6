"""A pool first and a node of one's own behind it, in one site."""

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import maybeDeferred

from tests.fakes.judging_pool import JudgingPool
from tests.fakes.node_process import KINDS, RunningNode, start_node
from tests.fakes.solo import Solo
from tests.integration.test_regtest_node import ANYONE_ADDRESS
from tests.integration.test_solo import assert_good, new_blocks
from tests.support import on_reactor

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("kind", KINDS)]

MINERS = 8


class Plant:
    """A pool that comes and goes, a node, a proxy over both, and ASICs."""

    def __init__(self, reactor: Any, folder: Path, node: RunningNode) -> None:
        self.reactor, self.node = reactor, node
        self.pool = JudgingPool(1e-6)
        self._open()
        url = f"stratum+tcp://127.0.0.1:{self._port}"
        self.solo = Solo(
            reactor,
            folder,
            node,
            payout=ANYONE_ADDRESS,
            block_difficulty=3e-6,
            difficulty=5e-7,
            pools=[{"name": "main", "url": url, "user": "site"}],
            sources=["main", "core"],
        )

    async def lose_the_pool(self) -> None:
        await maybeDeferred(self._listening.stopListening)
        self.pool.close()
        await self.solo.until(lambda: self.solo.source == "core")

    async def get_it_back(self) -> None:
        self._open(self._port)
        await self.solo.until(lambda: self.solo.source == "main")

    async def sell(self, shares: int) -> None:
        wanted = self.pool.accepted + shares
        await self.solo.until(lambda: self.pool.accepted >= wanted)

    async def stop(self) -> None:
        await self.solo.stop()
        await maybeDeferred(self._listening.stopListening)
        self.pool.close()
        await self.node.stop()

    def _open(self, port: int = 0) -> None:
        listen = self.reactor.listenTCP
        self._listening = listen(port, self.pool, interface="127.0.0.1")
        self._port = self._listening.getHost().port


@on_reactor
async def test_a_site_mines_solo_while_its_pool_is_down_and_no_miner_notices(
    kind: str, tmp_path: Path
) -> None:
    from twisted.internet import reactor  # noqa: PLC0415

    node = await start_node(kind, reactor, tmp_path / "node")
    plant = Plant(reactor, tmp_path, node)
    await plant.solo.start()
    fleet = plant.solo.mine(MINERS)
    try:
        for _ in range(2):
            await plant.solo.until(lambda: plant.solo.source == "main")
            await plant.sell(5)
            await plant.lose_the_pool()
            await plant.solo.more_blocks(3)
            await plant.get_it_back()
        await plant.sell(5)
        stats = fleet.stats()
        made = await new_blocks(node, reactor, first=1)
    finally:
        await plant.stop()

    assert (stats.connects, list(stats.breaches)) == (MINERS, [])
    assert set(stats.reasons) <= {"Stale share"}
    assert plant.pool.rejected == {}
    assert len(made) >= 6
    assert_good(made)
