"""A Baseload below a Baseload: each share is judged twice and paid for once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import maybeDeferred
from twisted.internet.task import deferLater

from protocol.units import UnixTime
from proxy.config import Config
from proxy.downstream.sv2_keys import KEY_FILE, make_authority
from proxy.share_process.build import build
from proxy.share_process.program import Program
from proxy.sim.command import FleetOptions, build_fleet
from tests.engines import EITHER_ENGINE, Engine, proxy_keys
from tests.fakes.judging_pool import NTIME, JudgingPool
from tests.support import free_ports, on_reactor

DIFFICULTY = {"start": 5e-8, "minimum": 1e-9, "shares_per_minute": 0}


def a_proxy(
    folder: Path, url: str, listen: int, engine: Engine, difficulty: float
) -> Program:
    from twisted.internet import reactor  # noqa: PLC0415

    clock: Any = reactor
    endpoint = {"endpoint": f"tcp:{listen}:interface=127.0.0.1", "protocol": "auto"}
    tables = {
        "proxy": {
            "state_dir": str(folder),
            "admin": f"unix:{folder / 'admin.sock'}",
            **proxy_keys(engine),
        },
        "pools": [{"name": "above", "url": url, "user": "site"}],
        "sites": [
            {
                "name": "hall-a",
                "listeners": [endpoint],
                "sources": ["above"],
                "difficulty": {**DIFFICULTY, "start": difficulty},
            }
        ],
    }
    wall = lambda: UnixTime(float(NTIME))  # noqa: E731
    return build(msgspec.convert(tables, Config), clock, wall, lambda: 0.0)


class Nested:
    """A pool, a proxy, and a proxy below that with the miners."""

    def __init__(self, folder: Path, room: int, version: str, engine: Engine) -> None:
        from twisted.internet import reactor  # noqa: PLC0415

        clock: Any = reactor
        self.reactor = clock
        self.pool = JudgingPool(1e-7, size=room)
        self.port = clock.listenTCP(0, self.pool, interface="127.0.0.1")
        above, below = folder / "above", folder / "below"
        above.mkdir()
        key = make_authority(above / KEY_FILE, lambda size: b"\x07" * size).key
        listens = free_ports(2)
        pool_url = f"stratum+tcp://127.0.0.1:{self.port.getHost().port}"
        url = {
            "sv1": f"stratum+tcp://127.0.0.1:{listens[0]}",
            "sv2": f"stratum2+tcp://127.0.0.1:{listens[0]}/{key.text}",
        }[version]
        self.proxies = [
            a_proxy(above, pool_url, listens[0], engine, 1e-7),
            a_proxy(below, url, listens[1], engine, 5e-8),
        ]
        miners = f"stratum+tcp://127.0.0.1:{listens[1]}"
        options = FleetOptions(urls=(miners,), miners=4, hash_scale=2e-11)
        self.fleet = build_fleet(reactor, options)

    async def accepted(self, shares: int) -> None:
        while self.pool.accepted < shares:
            await deferLater(self.reactor, 0.01)

    def layout(self, index: int) -> str:
        layout = self.proxies[index].factories["hall-a"].context.board.slots.layout
        assert layout
        return layout.name

    def rejected(self, index: int) -> dict[str, int]:
        return dict(self.proxies[index].recorder.totals.sites["hall-a"].rejected)


@asynccontextmanager
async def started(
    folder: Path, room: int, version: str, engine: Engine
) -> AsyncIterator[Nested]:
    nested = Nested(folder, room, version, engine)
    for program in nested.proxies:
        program.root.startService()
        await program.ready()
    nested.fleet.startService()
    try:
        yield nested
    finally:
        await maybeDeferred(nested.fleet.stopService)
        for program in reversed(nested.proxies):
            await maybeDeferred(program.root.stopService)
        await maybeDeferred(nested.port.stopListening)
        nested.pool.close()


@pytest.mark.integration
@EITHER_ENGINE
@pytest.mark.parametrize("version", ["sv1", "sv2"])
@pytest.mark.parametrize(("room", "below"), [(8, "2+4"), (4, "1+2")])
@on_reactor
async def test_a_share_goes_through_both_to_the_pool(
    room: int, below: str, version: str, engine: Engine, tmp_path: Path
) -> None:
    async with started(tmp_path, room, version, engine) as nested:
        await nested.accepted(40)
        stats = nested.fleet.stats()
        layouts = nested.layout(0), nested.layout(1)
        rejected = nested.rejected(0), nested.rejected(1)

    assert layouts == ({8: "4+4", 4: "1+3"}[room], below)
    assert rejected == ({}, {})
    assert nested.pool.rejected == {}
    assert (stats.connects, list(stats.breaches)) == (4, [])
