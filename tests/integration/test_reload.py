"""Another configuration under miners that hash: none of them reconnects."""

from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from twisted.internet.defer import maybeDeferred
from twisted.internet.task import deferLater

from protocol.units import Seconds, UnixTime
from proxy.config import Config
from proxy.share_process.build import build
from proxy.share_process.program import Program
from proxy.sim.command import FleetOptions, build_fleet
from tests.engines import EITHER_ENGINE, Engine, proxy_keys
from tests.fakes.judging_pool import NTIME, JudgingPool
from tests.support import free_ports, within

MINERS = 50


class Site:
    """A proxy under miners, and two pools."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        from twisted.internet import reactor  # noqa: PLC0415

        self.reactor = loop = cast("Any", reactor)
        self.folder, self.engine = folder, engine
        *self.at, self.listen, self.more = free_ports(4)
        self.pools = [JudgingPool(1e-7, size=8) for _ in self.at]
        self.open = [
            self.reactor.listenTCP(port, pool, interface="127.0.0.1")
            for port, pool in zip(self.at, self.pools, strict=True)
        ]
        wall = lambda: UnixTime(float(NTIME))  # noqa: E731
        self.program: Program = build(self.config(0), loop, wall, lambda: 0.0)
        url = f"stratum+tcp://127.0.0.1:{self.listen}"
        options = FleetOptions(urls=(url,), miners=MINERS, hash_scale=1e-12)
        self.fleet = build_fleet(reactor, options)

    def config(self, pool: int, *ports: int, start: float = 5e-8) -> Config:
        tables = {
            "proxy": {
                "state_dir": str(self.folder),
                "admin": f"unix:{self.folder / 'admin.sock'}",
                **proxy_keys(self.engine),
            },
            "pools": [
                {
                    "name": f"pool{pool}",
                    "url": f"stratum+tcp://127.0.0.1:{self.at[pool]}",
                    "user": "site",
                }
            ],
            "sites": [
                {
                    "name": "hall-a",
                    "listen": [
                        f"tcp:{port}:interface=127.0.0.1"
                        for port in (self.listen, *ports)
                    ],
                    "sources": [f"pool{pool}"],
                    "difficulty": {
                        "start": start,
                        "minimum": 1e-9,
                        "shares_per_minute": 0,
                    },
                }
            ],
        }
        return msgspec.convert(tables, Config)

    async def start(self) -> None:
        self.program.root.startService()
        await self.program.ready()
        self.fleet.startService()

    async def stop(self) -> None:
        await maybeDeferred(self.fleet.stopService)
        await maybeDeferred(self.program.root.stopService)
        for port in self.open:
            await maybeDeferred(port.stopListening)
        for pool in self.pools:
            pool.close()

    async def accepted(self, pool: int, shares: int) -> None:
        """Wait until a pool has accepted so many shares."""
        while self.pools[pool].accepted < shares:
            await deferLater(self.reactor, 0.02)

    async def all_here(self) -> None:
        while len(self.working) < MINERS:
            await deferLater(self.reactor, 0.02)

    @property
    def working(self) -> set[int]:
        miners = self.program.factories["hall-a"].roster.miners
        return {number for number, miner in miners.items() if miner.accepted}


@pytest.mark.integration
@EITHER_ENGINE
@within(Seconds(120.0))
async def test_no_miner_reconnects_for_another_pool_and_another_port(
    engine: Engine, tmp_path: Path
) -> None:
    site = Site(tmp_path, engine)
    await site.start()
    try:
        await site.all_here()
        before = site.working
        site.program.reread = lambda: site.config(1, site.more)

        changed = await site.program.reload()
        await site.accepted(1, 5)

        totals = site.program.recorder.totals.sites["hall-a"]
        assert [change.kind for change in changed] == ["rebuild"] * 4
        assert site.working >= before
        assert len(site.program.factories["hall-a"].roster.miners) == MINERS
        assert not totals.lost
    finally:
        await site.stop()
