"""V2 miners on a pool, and on one's own node while the pool is away."""

from pathlib import Path

import pytest

from tests.engines import EITHER_ENGINE, Engine
from tests.fakes.node_process import KINDS, start_node
from tests.fakes.solo import ask
from tests.integration.pairings import RealTimePlant, make
from tests.integration.test_regtest_node import ANYONE_ADDRESS
from tests.integration.test_solo import MATURE, assert_good, new_blocks
from tests.support import on_reactor


@pytest.mark.integration
@pytest.mark.usefixtures("quick_dialling")
@pytest.mark.parametrize("kind", KINDS)
@EITHER_ENGINE
@on_reactor
async def test_v2_miners_find_blocks_for_the_node_while_the_pool_is_down(
    kind: str, engine: Engine, tmp_path: Path
) -> None:
    from twisted.internet import reactor  # noqa: PLC0415

    node = await start_node(kind, reactor, tmp_path / "node")
    await ask(node, reactor, "generatetoaddress", MATURE, ANYONE_ADDRESS)
    core = {
        "name": "core",
        "rpc": node.rpc_url,
        "cookie_file": node.cookie_file,
        "zmq_hashblock": node.zmq_url,
        "payout_address": ANYONE_ADDRESS,
        "min_block_difficulty": 1e-6,
    }
    pool = make("sv2")
    plant = RealTimePlant(tmp_path, [pool], nodes=[core], engine=engine)
    await plant.start(older=2, newer=3)
    for _ in range(2):
        await plant.until(lambda: plant.source == "pool0")
        await plant.more(pool, 20)
        pool.is_down = True
        pool.close()
        await plant.until(lambda: plant.source == "core")
        found = plant.program.recorder.totals.blocks_accepted + 5
        await plant.until(
            lambda: plant.program.recorder.totals.blocks_accepted >= found  # noqa: B023
        )
        pool.is_down = False
    blocks = await new_blocks(node, reactor)
    await plant.stop()
    await node.stop()

    assert len(blocks) >= 10
    assert_good(blocks)
    assert plant.rigs.breaches == []
    assert plant.rigs.connects == 3
    assert set(plant.rigs.refused) <= {"stale-share"}
    assert pool.rejected == {}
    assert any(block["version"] & 0x1FFFE000 for block in blocks)  # rolled by a rig
