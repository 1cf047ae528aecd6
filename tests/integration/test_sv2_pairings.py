"""Miners of both versions between pools of both versions, every header judged."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import maybeDeferred
from twisted.internet.task import deferLater

from protocol.units import Seconds, UnixTime
from proxy.app import Program, build
from proxy.config import Config
from proxy.downstream.sv2_keys import KEY_FILE, make_authority
from proxy.sim.command import FleetOptions, build_fleet
from tests.fakes.judging_pool import NTIME, JudgingPool
from tests.fakes.judging_sv2_pool import KEY, JudgingSv2Pool
from tests.fakes.sv2_rig import Sv2Rigs
from tests.noise_peers import an_authority, an_identity
from tests.support import within

BOTH_KINDS = ("standard", "extended")


def url_of(pool: JudgingPool, port: int) -> str:
    if isinstance(pool, JudgingSv2Pool):
        return f"stratum2+tcp://127.0.0.1:{port}/{KEY.text}"
    return f"stratum+tcp://127.0.0.1:{port}"


def config_for(folder: Path, urls: list[str], listen: int, **site: Any) -> Config:
    pools = [
        {"name": f"pool{i}", "url": url, "user": "site"} for i, url in enumerate(urls)
    ]
    described = {
        "name": "hall-a",
        "listeners": [
            {"endpoint": f"tcp:{listen}:interface=127.0.0.1", "protocol": "auto"}
        ],
        "sources": [p["name"] for p in pools],
        "fail_back_s": 0.3,
        "difficulty": {"start": 5e-8, "minimum": 1e-9, "shares_per_minute": 0},
        **site,
    }
    admin = f"unix:{folder / 'admin.sock'}"
    proxy = {"state_dir": str(folder), "admin": admin}
    return msgspec.convert(
        {"proxy": proxy, "pools": pools, "sites": [described]}, Config
    )


class Plant:
    """Pools, proxy, and miners of both versions, on one reactor."""

    def __init__(self, folder: Path, pools: list[JudgingPool], **site: Any) -> None:
        reactor = self.reactor = _reactor()
        self.pools = pools
        self.ports = [reactor.listenTCP(0, p, interface="127.0.0.1") for p in pools]
        self._free = reactor.listenTCP(0, JudgingPool(), interface="127.0.0.1")
        self.listen = self._free.getHost().port
        urls = [
            url_of(pool, port.getHost().port)
            for pool, port in zip(pools, self.ports, strict=True)
        ]
        secret = make_authority(folder / KEY_FILE, lambda size: b"\x07" * size)
        config = config_for(folder, urls, self.listen, **site)
        wall = lambda: UnixTime(float(NTIME))  # noqa: E731
        self.program: Program = build(config, reactor, wall, lambda: 0.0)
        self.rigs = Sv2Rigs(reactor, secret.key, BOTH_KINDS)
        self.fleet: Any = None

    async def start(self, older: int, newer: int) -> None:
        await maybeDeferred(self._free.stopListening)
        self.program.root.startService()
        await self.program.ready()
        url = f"stratum+tcp://127.0.0.1:{self.listen}"
        options = FleetOptions(urls=(url,), miners=older, hash_scale=2e-11)
        self.fleet = build_fleet(self.reactor, options)
        self.fleet.startService()
        self.rigs.connect(self.listen, newer)

    async def stop(self) -> None:
        self.rigs.stop()
        await maybeDeferred(self.fleet.stopService)
        await maybeDeferred(self.program.root.stopService)
        for port in self.ports:
            await maybeDeferred(port.stopListening)
        for pool in self.pools:
            pool.reset()

    async def until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            await deferLater(self.reactor, 0.01)

    async def more(self, pool: JudgingPool, shares: int) -> None:
        """Wait for shares of both kinds of miners."""
        wanted = pool.accepted + shares
        newer = self.rigs.accepted + shares // 4
        older = self.fleet.stats().accepted + shares // 4
        await self.until(
            lambda: (
                pool.accepted >= wanted
                and self.rigs.accepted >= newer
                and self.fleet.stats().accepted >= older
            )
        )

    async def settled(self) -> None:
        """Wait until every share that was forwarded has its answer."""
        recorder = self.program.recorder
        await self.until(lambda: not recorder._in_flight)

    @property
    def source(self) -> str | None:
        return self.program.halls["hall-a"].floor.board.groups[-1].sourcing.source_name

    @property
    def book(self) -> Any:
        return self.program.recorder.book.sites["hall-a"]


def make(version: str, difficulty: float = 5e-8) -> JudgingPool:
    return JudgingSv2Pool(difficulty) if version == "sv2" else JudgingPool(difficulty)


@pytest.mark.integration
@pytest.mark.parametrize("first", ["sv1", "sv2"])
@pytest.mark.parametrize("second", ["sv1", "sv2"])
@within(Seconds(60.0))
async def test_no_share_is_invalid_or_lost_in_any_pairing(
    first: str, second: str, tmp_path: Path
) -> None:
    pools = [make(first), make(second)]
    plant = Plant(tmp_path, pools)
    await plant.start(older=3, newer=3)
    for _ in range(3):
        await plant.until(lambda: plant.source == "pool0")
        await plant.more(pools[0], 40)
        pools[0].refuses_users = True
        pools[0].close()
        await plant.until(lambda: plant.source == "pool1")
        await plant.more(pools[1], 40)
        pools[0].refuses_users = False
        retry(plant, "pool0")
    await plant.until(lambda: plant.source == "pool0")
    await plant.settled()
    stats = plant.fleet.stats()
    await plant.stop()

    assert plant.rigs.breaches == []
    assert plant.rigs.connects == 3
    assert stats.connects == 3
    assert list(stats.breaches) == []
    assert [dict(pool.rejected) for pool in pools] == [{}, {}]
    assert set(plant.book.lost) <= {"connection_lost", "no_source"}
    assert plant.book.accepted == sum(p.accepted for p in pools) + (
        plant.book.lost.total()
    )
    assert set(plant.rigs.refused) <= {"stale-share"}


@pytest.mark.integration
@pytest.mark.parametrize("version", ["sv1", "sv2"])
@within(Seconds(40.0))
async def test_blocks_jobs_and_prefixes_change_under_load(
    version: str, tmp_path: Path
) -> None:
    pool = make(version)
    plant = Plant(tmp_path, [pool])
    await plant.start(older=3, newer=3)
    for change in (pool.set_extranonce, pool.new_job, pool.new_block) * 3:
        await plant.more(pool, 30)
        change()
    await plant.more(pool, 30)
    await plant.stop()

    assert plant.rigs.breaches == []
    assert list(plant.fleet.stats().breaches) == []
    assert set(pool.rejected) <= {"stale"}  # on the way when the block came
    assert set(plant.rigs.refused) <= {"stale-share"}
    assert all(channel.tips == 7 for channel in plant.rigs.channels)


@pytest.mark.integration
@within(Seconds(40.0))
async def test_a_v2_pool_hears_of_workers_and_hashrate(tmp_path: Path) -> None:
    pool = JudgingSv2Pool(5e-8)
    plant = Plant(tmp_path, [pool])
    await plant.start(older=1, newer=1)
    await plant.more(pool, 40)
    await plant.until(lambda: bool(pool.hashrates))
    await plant.stop()

    assert {"v2.1-0", "v2.1-1"} < pool.workers
    assert None not in pool.workers
    assert pool.hashrates[0] > 0


@pytest.mark.integration
@within(Seconds(30.0))
async def test_a_pool_of_another_authority_gets_no_share(tmp_path: Path) -> None:
    pool = JudgingSv2Pool(5e-8)
    pool.identity = an_identity(an_authority(5))
    plant = Plant(tmp_path, [pool, make("sv1")])
    await plant.start(older=1, newer=1)
    await plant.more(plant.pools[1], 10)
    why = plant.program.pools["pool0"].links[0].feed.reason
    await plant.stop()

    assert pool.accepted == 0
    assert "is not signed by authority" in why
    assert KEY.text in why


@pytest.mark.integration
@within(Seconds(30.0))
async def test_a_pool_may_send_us_to_its_own_authority_only(tmp_path: Path) -> None:
    first, ours, foreign = (JudgingSv2Pool(5e-8) for _ in range(3))
    foreign.identity = an_identity(an_authority(5))
    plant = Plant(tmp_path, [first])
    others = [
        plant.reactor.listenTCP(0, pool, interface="127.0.0.1")
        for pool in (ours, foreign)
    ]
    await plant.start(older=1, newer=1)
    await plant.more(first, 10)
    first.send_elsewhere(others[0].getHost().port)
    await plant.more(ours, 10)
    ours.send_elsewhere(others[1].getHost().port)
    await plant.until(lambda: foreign.connects == 1)
    await plant.more(first, 10)
    await plant.stop()
    for pool, port in zip((ours, foreign), others, strict=True):
        pool.reset()
        await maybeDeferred(port.stopListening)

    assert foreign.accepted == 0
    assert plant.rigs.breaches == []


@pytest.mark.integration
@within(Seconds(30.0))
async def test_a_v2_pool_with_little_room_serves_a_narrow_site(
    tmp_path: Path,
) -> None:
    pool = JudgingSv2Pool(5e-8, size=4)
    plant = Plant(tmp_path, [pool])
    plant.rigs.min_size = 2
    await plant.start(older=2, newer=2)
    await plant.more(pool, 40)
    await plant.stop()

    assert plant.rigs.breaches == []
    assert pool.rejected == {}
    assert plant.program.halls["hall-a"].floor.board.layout.slot_bytes == 1


def retry(plant: Plant, name: str) -> None:
    """Let a refused link dial again at once instead of in a minute."""
    for link in plant.program.pools[name].links:
        link._backoff = Seconds(0.1)


def _reactor() -> Any:
    from twisted.internet import reactor  # noqa: PLC0415

    return reactor
