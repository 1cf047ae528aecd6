"""A whole proxy between pools that fail in every way and ASICs that really hash."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import maybeDeferred
from twisted.internet.task import LoopingCall, deferLater

from protocol.units import Seconds, UnixTime
from proxy.config import Config
from proxy.share_process.build import build
from proxy.share_process.program import Program
from proxy.sim.command import FleetOptions, build_fleet
from proxy.sim.fleet import FleetStats, SimulatedFleet
from tests.engines import AUTO, EITHER_ENGINE, PYTHON, Engine, name_of, proxy_keys
from tests.fakes.fast_reactor import FastReactor
from tests.fakes.judging_pool import NTIME, JudgingPool
from tests.support import on_reactor, within

Fail = Callable[[JudgingPool], None]

SPEED = 30.0
"""A pool is silent for two minutes before it is left: four seconds here."""


def refuse(pool: JudgingPool) -> None:
    pool.refuses_users = True
    pool.close()


def silence(pool: JudgingPool) -> None:
    pool.is_mute = True


def config_for(
    folder: Path, ports: list[int], layout: str, listen: int, engine: Engine
) -> Config:
    pools = [
        {"name": f"pool{i}", "url": f"stratum+tcp://127.0.0.1:{p}", "user": "site"}
        for i, p in enumerate(ports)
    ]
    site = {
        "name": "hall-a",
        "listen": [f"tcp:{listen}:interface=127.0.0.1"],
        "sources": [p["name"] for p in pools],
        "fail_back_s": 1.5,
        "extranonce": {"layout": layout},
        "difficulty": {"start": 5e-8, "minimum": 1e-9, "shares_per_minute": 0},
    }
    admin = f"unix:{folder / 'admin.sock'}"
    proxy = {"state_dir": str(folder), "admin": admin, **proxy_keys(engine)}
    return msgspec.convert({"proxy": proxy, "pools": pools, "sites": [site]}, Config)


class Plant:
    """Pools, proxy and fleet on one reactor."""

    def __init__(
        self,
        folder: Path,
        pools: list[JudgingPool],
        layout: str,
        engine: Engine = AUTO,
        speed: float = SPEED,
    ) -> None:
        reactor = self.reactor = _reactor()
        fast: Any = FastReactor(reactor, speed)
        self.pools = pools
        self._ports = [reactor.listenTCP(0, p, interface="127.0.0.1") for p in pools]
        free = reactor.listenTCP(0, JudgingPool(), interface="127.0.0.1")
        self._listen = free.getHost().port
        self._free = free
        ports = [port.getHost().port for port in self._ports]
        config = config_for(folder, ports, layout, self._listen, engine)
        wall = lambda: UnixTime(float(NTIME))  # noqa: E731
        self.program: Program = build(config, fast, wall, lambda: 0.0)

    async def start(self, miners: int) -> SimulatedFleet:
        await maybeDeferred(self._free.stopListening)
        self.program.root.startService()
        await self.program.ready()
        url = f"stratum+tcp://127.0.0.1:{self._listen}"
        options = FleetOptions(urls=(url,), miners=miners, hash_scale=2e-11)
        fleet = build_fleet(self.reactor, options)
        fleet.startService()
        self.fleet = fleet
        return fleet

    async def stop(self) -> None:
        await maybeDeferred(self.fleet.stopService)
        await maybeDeferred(self.program.root.stopService)
        for port in self._ports:
            await maybeDeferred(port.stopListening)
        for pool in self.pools:
            pool.close()

    async def until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            await deferLater(self.reactor, 0.01)

    async def more(self, pool: JudgingPool, shares: int) -> None:
        wanted = pool.accepted + shares
        await self.until(lambda: pool.accepted >= wanted)

    @property
    def source(self) -> str | None:
        groups = self.program.factories["hall-a"].context.board.groups
        return groups[-1].sourcing.source_name if groups else None

    @property
    def has_work(self) -> bool:
        """Some pool has work for the site."""
        pools = self.program.pools.values()
        return any(pool.work is not None for pool in pools)

    async def lose(self, pool: JudgingPool, fail: Fail) -> None:
        """Let `pool` fail; return once that was seen and miners have left it."""
        name = f"pool{self.pools.index(pool)}"
        pool.is_down = fail is not silence and fail is not refuse
        fail(pool)
        await self.until(lambda: self.program.pools[name].work is None)
        await self.until(lambda: self.source != name)


def mend(pool: JudgingPool) -> None:
    """Let a pool work again; who waits for its answer in vain is let go."""
    if pool.is_mute:
        pool.reset()
    pool.refuses_users = pool.is_mute = pool.is_down = False


async def swing(plant: Plant, fail: Fail, rounds: int) -> None:
    """Lose the first pool and get it back, again and again, under load."""
    first, second = plant.pools
    for _ in range(rounds):
        await plant.until(lambda: plant.source == "pool0")
        await plant.more(first, 2)
        await plant.lose(first, fail)
        await plant.more(second, 2)
        mend(first)
    await plant.until(lambda: plant.source == "pool0")


def assert_unharmed(plant: Plant, stats: FleetStats, miners: int) -> None:
    """No miner noticed, no pool was sent what it could not take."""
    assert stats.connects == miners
    assert list(stats.breaches) == []
    assert stats.rejected == 0
    assert [dict(pool.rejected) for pool in plant.pools] == [{}, {}]


@pytest.mark.integration
@pytest.mark.parametrize(
    ("fail", "rounds", "engine"),
    [
        (JudgingPool.close, 12, AUTO),
        (JudgingPool.reset, 12, AUTO),
        (JudgingPool.garbage, 12, AUTO),
        (refuse, 7, AUTO),
        (silence, 7, AUTO),
        (JudgingPool.close, 6, PYTHON),
        (JudgingPool.garbage, 6, PYTHON),
    ],
    ids=name_of,
)
@on_reactor
async def test_a_lost_pool_costs_no_miner_its_connection(
    fail: Fail, rounds: int, engine: Engine, tmp_path: Path
) -> None:
    plant = Plant(tmp_path, [JudgingPool(1e-7), JudgingPool(1e-7)], "auto", engine)
    fleet = await plant.start(miners=5)

    def post() -> None:
        for pool in plant.pools:
            pool.new_job()

    fresh = LoopingCall(post)
    beating = fresh.start(1.0)  # half a minute to the proxy: a live pool speaks
    try:
        await swing(plant, fail, rounds)
    finally:
        fresh.stop()
        await beating
        stats = fleet.stats()
        await plant.stop()

    assert_unharmed(plant, stats, miners=5)


@pytest.mark.integration
@EITHER_ENGINE
@on_reactor
async def test_with_no_pool_left_shares_are_lost_for_a_reason_and_nobody_leaves(
    engine: Engine, tmp_path: Path
) -> None:
    pools = [JudgingPool(1e-7), JudgingPool(1e-7)]
    plant = Plant(tmp_path, pools, "auto", engine)
    fleet = await plant.start(miners=5)
    book = plant.program.recorder.totals.sites["hall-a"]
    for _ in range(3):
        await plant.until(lambda: plant.source == "pool0")
        await plant.more(pools[0], 2)
        for pool in pools:
            refuse(pool)
        await plant.until(lambda: not plant.has_work)
        lost = book.lost.total()
        await plant.until(lambda: book.lost.total() > lost)  # noqa: B023
        for pool in reversed(pools):
            mend(pool)
        await plant.until(lambda: plant.has_work)
    stats = fleet.stats()
    await plant.stop()

    assert stats.connects == 5
    assert list(stats.breaches) == []
    assert set(book.lost) <= {"no_source", "connection_lost"}
    assert [dict(pool.rejected) for pool in pools] == [{}, {}]


@pytest.mark.integration
@EITHER_ENGINE
@on_reactor
async def test_a_pool_may_change_extranonce_and_block_under_load(
    engine: Engine, tmp_path: Path
) -> None:
    pool = JudgingPool(1e-7)
    plant = Plant(tmp_path, [pool], "auto", engine)
    fleet = await plant.start(miners=5)
    for change in (pool.set_extranonce, pool.new_job, pool.new_block) * 3:
        await plant.more(pool, 4)
        change()
    stats = fleet.stats()
    await plant.stop()

    assert stats.connects == 5
    assert list(stats.breaches) == []
    assert set(pool.rejected) <= {"stale"}  # on the way when the block came
    assert pool.accepted > 27


@pytest.mark.integration
@pytest.mark.parametrize(
    ("size", "connections", "engine"),
    [(4, 2, AUTO), (8, 1, AUTO), (4, 2, PYTHON)],
    ids=name_of,
)
@within(Seconds(240.0))
async def test_three_hundred_miners_share_a_pool_without_overlap(
    size: int, connections: int, engine: Engine, tmp_path: Path
) -> None:
    pool = JudgingPool(1e-6, size=size)
    plant = Plant(tmp_path, [pool], "1+3", engine, speed=1.0)  # nothing here times out
    fleet = await plant.start(miners=300)
    await plant.until(lambda: fleet.stats().working == 300 and pool.accepted > 300)
    stats = fleet.stats()
    seats = {
        (m.group.space.number, m.held_slot.slot)
        for m in plant.program.factories["hall-a"].roster.miners.values()
        if m.group and m.held_slot
    }
    connected = pool.connects
    await plant.stop()

    assert len(seats) == 300
    assert connected == connections
    assert pool.rejected == {}
    assert list(stats.breaches) == []


@pytest.mark.integration
@on_reactor
async def test_a_pool_with_too_little_room_is_not_used(tmp_path: Path) -> None:
    small, good = JudgingPool(1e-7, size=3), JudgingPool(1e-7, size=8)
    plant = Plant(tmp_path, [small, good], "1+3")
    await plant.start(miners=2)
    await plant.until(lambda: good.accepted > 5)
    await plant.stop()

    assert small.accepted == 0


def _reactor() -> Any:
    from twisted.internet import reactor  # noqa: PLC0415

    return reactor
