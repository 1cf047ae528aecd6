"""Mining on one's own node, from a miner's share to a block that the node keeps.

Always on the embedded node; on a bitcoind too if BITCOIND names one. CPU_MINER names a
miner that others wrote: cpuminer's minerd, or one with its options.
"""

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from protocol.bitcoin.hashes import sha256d
from protocol.units import Seconds
from proxy.regtest.chain import subsidy
from tests.engines import AUTO, EITHER_ENGINE, Engine
from tests.fakes.node_process import KINDS, RunningNode, client_of, pause, start_node
from tests.fakes.solo import CPU_MINER, CpuMiner, Solo, ask
from tests.integration.test_regtest_node import (
    ANYONE_ADDRESS,
    fresh_template,
    mined,
    spend_of,
    work_changed,
    work_of,
)
from tests.support import on_reactor, within

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("kind", KINDS)]

MATURE = 101
"""Blocks before the first coinbase may be spent in the next."""


async def plant(
    kind: str, folder: Path, *, block: float, share: float, engine: Engine = AUTO
) -> tuple[RunningNode, Solo]:
    from twisted.internet import reactor  # noqa: PLC0415

    node = await start_node(kind, reactor, folder / "node")
    await ask(node, reactor, "generatetoaddress", MATURE, ANYONE_ADDRESS)
    solo = Solo(
        reactor,
        folder,
        node,
        payout=ANYONE_ADDRESS,
        block_difficulty=block,
        difficulty=share,
        engine=engine,
    )
    await solo.start()
    return node, solo


async def spend_coinbases(solo: Solo, node: RunningNode, blocks: int) -> None:
    """Give the node a transaction for each block that comes, until there are `blocks`.

    Each spends the coinbase that has just become mature.
    """
    first = solo.blocks_accepted
    height = 0
    while solo.blocks_accepted < first + blocks:
        tip = await ask(node, solo.reactor, "getblockcount")
        for spendable in range(height or tip - MATURE + 1, tip - MATURE + 2):
            name = await ask(node, solo.reactor, "getblockhash", spendable)
            spent = await ask(node, solo.reactor, "getblock", name, 2)
            raw = spend_of(spent).hex()
            await ask(node, solo.reactor, "sendrawtransaction", raw)
            height = spendable + 1
        await pause(solo.reactor, 0.02)


async def new_blocks(
    node: RunningNode, reactor: Any, first: int = MATURE + 1
) -> list[Any]:
    """Return the blocks from height `first` on, with whole transactions."""
    count = await ask(node, reactor, "getblockcount")
    names = [
        await ask(node, reactor, "getblockhash", height)
        for height in range(first, count + 1)
    ]
    return [await ask(node, reactor, "getblock", name, 2) for name in names]


def assert_good(blocks: list[Any]) -> None:
    """Each pays our address all that it may, and commits to its witnesses."""
    for block in blocks:
        paid, commitment = block["tx"][0]["vout"]
        assert paid["scriptPubKey"]["address"] == ANYONE_ADDRESS
        assert commitment["scriptPubKey"]["hex"].startswith("6a24aa21a9ed")


async def mine_with_transactions(
    kind: str, folder: Path, blocks: int, *, by_cpu: bool, engine: Engine = AUTO
) -> None:
    block, share = (3e-4, 1e-4) if by_cpu else (3e-6, 1e-6)
    node, solo = await plant(kind, folder, block=block, share=share, engine=engine)
    miner = CpuMiner(solo.port) if by_cpu else None
    if miner is None:
        solo.mine(10)
    try:
        await spend_coinbases(solo, node, blocks)
        if miner is not None:
            miner.stop()
        made = await new_blocks(node, solo.reactor)
    finally:
        await solo.stop()
        await node.stop()

    assert len(made) >= blocks
    assert_good(made)
    spent = sum(len(block["tx"]) - 1 for block in made)
    assert spent >= blocks / 2
    # a second block on a tip, found before the first was known, is inconclusive:
    # how many there are of ASICs that share the proxy's thread is up to the machine
    verdicts = solo.verdicts()
    assert set(verdicts) <= {"accepted", "inconclusive", "pending"}
    assert verdicts["accepted"] >= blocks
    if by_cpu:
        assert verdicts["inconclusive"] <= 0.05 * blocks


@EITHER_ENGINE
@on_reactor
async def test_blocks_carry_transactions_and_are_accepted(
    kind: str, engine: Engine, tmp_path: Path
) -> None:
    await mine_with_transactions(kind, tmp_path, 15, by_cpu=False, engine=engine)


@pytest.mark.skipif(not CPU_MINER, reason="CPU_MINER names no miner")
@within(Seconds(300.0))
async def test_a_miner_of_others_finds_a_hundred_blocks_that_are_accepted(
    kind: str, tmp_path: Path
) -> None:
    await mine_with_transactions(kind, tmp_path, 100, by_cpu=True)


@on_reactor
async def test_a_node_that_stops_and_starts_under_load_is_mined_on_again(
    kind: str, tmp_path: Path
) -> None:
    from twisted.internet import reactor  # noqa: PLC0415

    node, solo = await plant(kind, tmp_path, block=3e-6, share=1e-6)
    port = int(node.rpc_url.rpartition(":")[2])
    fleet = solo.mine(5)
    try:
        for _ in range(2):
            await solo.more_blocks(3)
            await node.stop()
            await solo.until(lambda: solo.source is None)
            await solo.more_shares(10)
            node = await start_node(kind, reactor, tmp_path / "node", port=port)
            await solo.until(lambda: solo.source == "core")
        await solo.more_blocks(3)
        made = await new_blocks(node, reactor)
        stats = fleet.stats()
    finally:
        await solo.stop()
        await node.stop()

    assert_good(made)
    assert (stats.connects, list(stats.breaches)) == (5, [])
    assert set(stats.reasons) <= {"Stale share"}


async def rival_branch(node: RunningNode, reactor: Any) -> str:
    """Mine two blocks on the tip's parent until they win; return the new tip."""
    client = client_of(node, reactor)
    name = rival = ""
    while name != rival or not rival:
        template = await fresh_template(client)
        tip = await ask(node, reactor, "getblockheader", template.tip)
        ntime = max(template.ntime, tip["time"])
        prev_hash = bytes.fromhex(tip["previousblockhash"])[::-1]
        for height in (tip["height"], tip["height"] + 1):
            ours = evolve(template, height=height, coinbase_value=subsidy(height))
            ntime += 1
            work = work_changed(work_of(ours), prev_hash=prev_hash, ntime=ntime)
            raw = mined(ours, work)
            await client.call("submitblock", raw.hex())
            prev_hash = sha256d(raw[:80])
        rival = prev_hash[::-1].hex()
        name = await ask(node, reactor, "getbestblockhash")
    await client.close()
    return rival


@EITHER_ENGINE
@on_reactor
async def test_a_reorganisation_moves_every_miner_to_the_new_tip(
    kind: str, engine: Engine, tmp_path: Path
) -> None:
    node, solo = await plant(kind, tmp_path, block=4e-6, share=1e-6, engine=engine)
    fleet = solo.mine(5)
    try:
        await solo.more_blocks(2)
        tip = await rival_branch(node, solo.reactor)
        # not until it is at `tip`: its next block may be there before anybody looks
        await solo.more_blocks(3)
        made = await new_blocks(node, solo.reactor)
        stats = fleet.stats()
    finally:
        await solo.stop()
        await node.stop()

    assert tip in [block["hash"] for block in made]
    assert (stats.connects, list(stats.breaches)) == (5, [])
    assert set(stats.reasons) <= {"Stale share"}


@on_reactor
async def test_a_tip_that_is_taken_back_is_left_though_nobody_tells_of_it(
    kind: str, tmp_path: Path
) -> None:
    if kind == "embedded":
        pytest.skip("the kernel has no way to take a block back")
    node, solo = await plant(kind, tmp_path, block=4e-6, share=1e-6)
    fleet = solo.mine(5)
    try:
        await solo.more_blocks(2)
        taken_back = await ask(node, solo.reactor, "getbestblockhash")
        await ask(node, solo.reactor, "invalidateblock", taken_back)
        await solo.more_blocks(3)
        made = await new_blocks(node, solo.reactor)
        stats = fleet.stats()
    finally:
        await solo.stop()
        await node.stop()

    assert taken_back not in [block["hash"] for block in made]
    assert_good(made)
    assert (stats.connects, list(stats.breaches)) == (5, [])


@EITHER_ENGINE
@on_reactor
async def test_a_block_found_while_the_node_is_down_is_submitted_by_the_next_process(
    kind: str, engine: Engine, tmp_path: Path
) -> None:
    from twisted.internet import reactor  # noqa: PLC0415

    node, solo = await plant(kind, tmp_path, block=4e-6, share=1e-6, engine=engine)
    port = int(node.rpc_url.rpartition(":")[2])
    blocks = tmp_path / "blocks"
    solo.mine(5)
    await solo.until(lambda: solo.source == "core")
    await node.stop()
    answered = len(list(blocks.glob("*.answered.hex")))
    await solo.until(lambda: len(list(blocks.glob("*.hex"))) > answered)
    await solo.stop()

    node = await start_node(kind, reactor, tmp_path / "node", port=port)
    height = await ask(node, reactor, "getblockcount")
    again = Solo(
        reactor,
        tmp_path,
        node,
        payout=ANYONE_ADDRESS,
        block_difficulty=4e-6,
        difficulty=1e-6,
        engine=engine,
    )
    await again.start()
    await again.until(lambda: (again.program.nodes["core"].height or 0) > height)
    await again.stop()
    await node.stop()

    assert all(path.name.endswith(".answered.hex") for path in blocks.iterdir())
