"""A proxy that is up before any of its pools can be reached."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import maybeDeferred
from twisted.internet.task import deferLater

from protocol.units import UnixTime
from proxy.admin.operations import Operations
from proxy.config import Config
from proxy.share_process.build import build
from proxy.share_process.program import Program
from proxy.sim.command import FleetOptions, build_fleet
from tests.engines import EITHER_ENGINE, Engine, proxy_keys
from tests.fakes.fast_reactor import FastReactor
from tests.fakes.judging_pool import NTIME, JudgingPool
from tests.support import free_ports, on_reactor

SPEED = 5.0
"""For those who are to tire of waiting; what is to be in time has its real 10 s."""


class Start:
    """A proxy with miners, and a pool that is not there yet."""

    def __init__(self, folder: Path, engine: Engine, user: str, speed: float) -> None:
        from twisted.internet import reactor  # noqa: PLC0415

        self.reactor: Any = reactor
        self.at, self.listen = free_ports(2)
        self.pool = JudgingPool(1e-7, size=4)
        self.port: Any = None
        tables = {
            "proxy": {
                "state_dir": str(folder),
                "admin": f"unix:{folder / 'admin.sock'}",
                **proxy_keys(engine),
            },
            "pools": [
                {
                    "name": "main",
                    "url": f"stratum+tcp://127.0.0.1:{self.at}",
                    "user": user,
                }
            ],
            "sites": [
                {
                    "name": "hall-a",
                    "listen": [f"tcp:{self.listen}:interface=127.0.0.1"],
                    "sources": ["main"],
                    "difficulty": {
                        "start": 5e-8,
                        "minimum": 1e-9,
                        "shares_per_minute": 0,
                    },
                }
            ],
        }
        fast: Any = FastReactor(reactor, speed)
        wall = lambda: UnixTime(float(NTIME))  # noqa: E731
        config = msgspec.convert(tables, Config)
        self.program: Program = build(config, fast, wall, lambda: 0.0)
        url = f"stratum+tcp://127.0.0.1:{self.listen}"
        options = FleetOptions(urls=(url,), miners=3, hash_scale=2e-11)
        self.fleet = build_fleet(reactor, options)

    @property
    def status(self) -> tuple[str, list[str]]:
        view = Operations(self.program).status()
        return view.state, view.waits_for

    def pool_comes(self) -> None:
        self.port = self.reactor.listenTCP(self.at, self.pool, interface="127.0.0.1")

    async def accepted(self, shares: int) -> None:
        while self.pool.accepted < shares:
            await deferLater(self.reactor, 0.01)


@asynccontextmanager
async def started(
    folder: Path, engine: Engine, user: str = "site", speed: float = SPEED
) -> AsyncIterator[Start]:
    start = Start(folder, engine, user, speed)
    start.program.root.startService()
    await start.program.ready()
    start.fleet.startService()
    try:
        yield start
    finally:
        await maybeDeferred(start.fleet.stopService)
        await maybeDeferred(start.program.root.stopService)
        if start.port:
            await maybeDeferred(start.port.stopListening)
        start.pool.close()


@pytest.mark.integration
@EITHER_ENGINE
@pytest.mark.parametrize("user", ["site", "site.{worker}"])
@on_reactor
async def test_miners_wait_for_a_pool_and_then_work(
    user: str, engine: Engine, tmp_path: Path
) -> None:
    async with started(tmp_path, engine, user, speed=1.0) as start:
        before = start.status
        start.pool_comes()
        await start.accepted(10)
        after, stats = start.status, start.fleet.stats()
        slots = start.program.factories["hall-a"].context.board.slots
        Operations(start.program).drain()
        at_last = start.status

    assert before == ("starting", ["main"])
    assert after == ("running", [])
    assert at_last == ("draining", [])
    assert slots.layout
    assert slots.layout.name == "1+3"
    assert (stats.connects, list(stats.breaches)) == (3, [])
    assert start.pool.rejected == {}


@pytest.mark.integration
@EITHER_ENGINE
@on_reactor
async def test_miners_that_were_seated_meanwhile_come_again_once(
    engine: Engine, tmp_path: Path
) -> None:
    async with started(tmp_path, engine) as start:
        slots = start.program.factories["hall-a"].context.board.slots
        while not slots.is_provisional:
            await deferLater(start.reactor, 0.01)
        start.pool_comes()
        await start.accepted(10)
        while start.fleet.stats().working < 3:
            await deferLater(start.reactor, 0.01)
        stats = start.fleet.stats()

    assert (stats.connects, list(stats.breaches)) == (6, [])
    assert start.pool.rejected == {}


@pytest.mark.integration
@EITHER_ENGINE
@on_reactor
async def test_a_restart_seats_them_as_they_were(
    engine: Engine, tmp_path: Path
) -> None:
    async with started(tmp_path, engine, speed=1.0) as first:
        first.pool_comes()
        await first.accepted(3)
    async with started(tmp_path, engine) as start:
        slots = start.program.factories["hall-a"].context.board.slots
        while not slots.is_provisional:
            await deferLater(start.reactor, 0.01)
        start.pool_comes()
        await start.accepted(10)
        stats = start.fleet.stats()

    assert (stats.connects, list(stats.breaches)) == (3, [])


@pytest.mark.integration
@on_reactor
async def test_a_drained_site_is_drained_after_a_restart(tmp_path: Path) -> None:
    async with started(tmp_path, ("python", 1)) as start:
        Operations(start.program).drain("hall-a")
    async with started(tmp_path, ("python", 1)) as start:
        again = start.status
        held = [one.text for one in Operations(start.program).status().by_hand]
        Operations(start.program).undrain()
    async with started(tmp_path, ("python", 1)) as start:
        undrained = start.status

    assert again[0] == "draining"
    assert [text.split(" since ")[0] for text in held] == [
        "site hall-a is drained by hand"
    ]
    assert undrained[0] == "starting"
