"""A proxy that mines on a node of its own, and who mines on the proxy."""

import os
import random
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import maybeDeferred
from twisted.internet.task import deferLater

from protocol.units import UnixTime
from proxy.config import Config
from proxy.share_process.build import build
from proxy.share_process.program import Program
from proxy.sim.command import FleetOptions, build_fleet
from proxy.sim.fleet import SimulatedFleet
from tests.engines import AUTO, Engine, proxy_keys
from tests.fakes.node_process import RunningNode, client_of, now
from tests.support import free_port

CPU_MINER = os.environ.get("CPU_MINER", "")
"""A Stratum miner with cpuminer's options, built by others."""


class Solo:
    """A share process over one node, its pools if any, and simulated ASICs.

    Attributes:
        port: Where miners connect.
    """

    def __init__(  # noqa: PLR0913  (each is a choice of its own)
        self,
        reactor: Any,
        folder: Path,
        node: RunningNode,
        *,
        payout: str,
        block_difficulty: float,
        difficulty: float,
        pools: list[dict[str, Any]] | None = None,
        sources: list[str] | None = None,
        engine: Engine = AUTO,
        wall_clock: Callable[[], UnixTime] = now,
    ) -> None:
        self.reactor = reactor
        self.port = free_port()
        self._folder = folder
        tables = {
            "proxy": {
                "state_dir": str(folder),
                "admin": f"unix:{folder / 'admin.sock'}",
                **proxy_keys(engine),
            },
            "pools": pools or [],
            "nodes": [
                {
                    "name": "core",
                    "rpc": node.rpc_url,
                    "cookie_file": node.cookie_file,
                    "zmq_hashblock": node.zmq_url,
                    "payout_address": payout,
                    "min_block_difficulty": block_difficulty,
                }
            ],
            "sites": [
                {
                    "name": "hall-a",
                    "listen": [f"tcp:{self.port}:interface=127.0.0.1"],
                    "sources": sources or ["core"],
                    "fail_back_s": 0.5,
                    "difficulty": {
                        "start": difficulty,
                        "minimum": difficulty,
                        "shares_per_minute": 0,
                    },
                }
            ],
        }
        config = msgspec.convert(tables, Config)
        self.program: Program = build(config, reactor, wall_clock, random.random)
        self.fleet: SimulatedFleet | None = None

    async def start(self) -> None:
        self.program.root.startService()
        await self.program.ready()

    def mine(self, miners: int, hash_scale: float = 2e-11) -> SimulatedFleet:
        """Set simulated ASICs to work: at 2e-11 each makes 4,000 hashes a second."""
        url = f"stratum+tcp://127.0.0.1:{self.port}"
        options = FleetOptions(urls=(url,), miners=miners, hash_scale=hash_scale)
        self.fleet = build_fleet(self.reactor, options)
        self.fleet.startService()
        return self.fleet

    async def stop(self) -> None:
        if self.fleet is not None:
            await maybeDeferred(self.fleet.stopService)
        await maybeDeferred(self.program.root.stopService)

    async def until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            await deferLater(self.reactor, 0.01)

    async def more_blocks(self, count: int) -> None:
        """Wait until the node has taken `count` blocks more."""
        wanted = self.blocks_accepted + count
        await self.until(lambda: self.blocks_accepted >= wanted)

    async def more_shares(self, count: int) -> None:
        """Wait for `count` good shares more."""
        wanted = self.shares + count
        await self.until(lambda: self.shares >= wanted)

    @property
    def blocks_accepted(self) -> int:
        return self.program.recorder.totals.blocks_accepted

    @property
    def shares(self) -> int:
        return self.program.recorder.totals.sites["hall-a"].accepted

    @property
    def source(self) -> str | None:
        groups = self.program.factories["hall-a"].context.board.groups
        return groups[0].sourcing.source_name if groups else None

    def verdicts(self) -> Counter[str]:
        """Return what the ledger says of the blocks, once it is closed."""
        ledger = sqlite3.connect(self._folder / "ledger.sqlite3")
        rows = ledger.execute("SELECT verdict FROM block").fetchall()
        ledger.close()
        return Counter(verdict for (verdict,) in rows)


class CpuMiner:
    """The program that CPU_MINER names, at work on one core."""

    def __init__(self, port: int) -> None:
        url = f"stratum+tcp://127.0.0.1:{port}"
        options = ["-a", "sha256d", "-o", url, "-u", "cpu", "-p", "x", "-t", "1"]
        self.process = subprocess.Popen(  # noqa: S603  (as named by who runs the tests)
            [CPU_MINER, *options, "-R", "1", "-q"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


async def ask(node: RunningNode, reactor: Any, method: str, *params: Any) -> Any:
    """Return the answer of a node to one call."""
    client = client_of(node, reactor)
    try:
        return msgspec.json.decode(await client.call(method, *params))
    finally:
        await client.close()
