"""A paced chain under a faster clock never runs ahead of it.

The kernel's clock is the real one and refuses blocks from two hours ahead, so all of
it lives in the past: it begins as long ago as it will take.
"""

import os
import secrets
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import deferLater

from protocol.units import HashesPerSecond, Seconds, UnixTime
from proxy.regtest.node import RegtestNode, RegtestOptions
from proxy.regtest.pace import BlockPace
from proxy.regtest.views import block_view
from tests.fakes.fast_reactor import FastReactor
from tests.fakes.node_process import Embedded, now
from tests.fakes.solo import Solo
from tests.integration.test_regtest_node import ADDRESS
from tests.support import PATIENCE, within

pytestmark = pytest.mark.integration

SPEED = 30.0
MINUTES = float(os.environ.get("CLOCK_MINUTES", "5"))
"""Of the chain's time: an hour takes two minutes."""

BLOCK_EVERY = Seconds(5.0)
HASH_SCALE = 2.0**-37
HASHRATE = HashesPerSecond(200e12 * HASH_SCALE)  # of one machine

AHEAD = 1.0  # seconds: header times are whole


@within(Seconds(MINUTES * 60 / SPEED + PATIENCE))
async def test_the_chains_clock_is_never_ahead(tmp_path: Path) -> None:
    from twisted.internet import reactor  # noqa: PLC0415

    fast: Any = FastReactor(reactor, SPEED)
    began, past = fast.seconds(), now() - MINUTES * 60 - 60

    def wall_clock() -> UnixTime:
        return UnixTime(past + fast.seconds() - began)

    options = RegtestOptions(pace=BlockPace(BLOCK_EVERY, HASHRATE))
    node = RegtestNode(options, fast, wall_clock, secrets.token_bytes)
    node.startService()
    await node.ready()
    solo = Solo(
        fast,
        tmp_path,
        Embedded(node),
        payout=ADDRESS,
        block_difficulty=0,
        difficulty=2.0**-20,
        wall_clock=wall_clock,
    )
    await solo.start()
    solo.mine(1, HASH_SCALE)
    kernel, ahead = node.chain.kernel, list[float]()
    while fast.seconds() - began < MINUTES * 60:
        await deferLater(reactor, 0.1)
        ahead.append(kernel.header_at(kernel.height).ntime - wall_clock())
        ahead.append(kernel.median_time() - wall_clock())
    await solo.stop()
    views = [block_view(kernel, h, whole=True) for h in range(1, kernel.height + 1)]
    await node.stopService()

    assert max(ahead) < AHEAD
    assert len(views) > 5
    for view in views:
        paid, commitment = view["tx"][0]["vout"]
        assert paid["scriptPubKey"]["address"] == ADDRESS
        assert commitment["scriptPubKey"]["hex"].startswith("6a24aa21a9ed")
