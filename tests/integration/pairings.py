"""A proxy between pools and miners of either version, on real sockets."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import maybeDeferred
from twisted.internet.task import deferLater

from protocol.units import UnixTime
from proxy.config import Config
from proxy.downstream.sv2_keys import KEY_FILE, make_authority
from proxy.share_process.build import build
from proxy.share_process.program import Program
from proxy.sim.command import FleetOptions, build_fleet
from tests.engines import AUTO, Engine, proxy_keys
from tests.fakes.judging_pool import NTIME, JudgingPool
from tests.fakes.judging_sv2_pool import KEY, JudgingSv2Pool
from tests.fakes.sv2_rig import Sv2Rigs
from tests.support import free_ports

BOTH_KINDS = ("standard", "extended")


def url_of(pool: JudgingPool, port: int) -> str:
    if isinstance(pool, JudgingSv2Pool):
        return f"stratum2+tcp://127.0.0.1:{port}/{KEY.text}"
    return f"stratum+tcp://127.0.0.1:{port}"


def config_for(
    folder: Path,
    urls: list[str],
    listen: tuple[int, int],
    nodes: list[dict[str, Any]],
    engine: Engine,
    **site: Any,
) -> Config:
    either, older = listen
    pools = [
        {"name": f"pool{i}", "url": url, "user": "site"} for i, url in enumerate(urls)
    ]
    described = {
        "name": "hall-a",
        "listen": [f"tcp:{older}:interface=127.0.0.1"],
        "listeners": [
            {"endpoint": f"tcp:{either}:interface=127.0.0.1", "protocol": "auto"}
        ],
        "sources": [source["name"] for source in (*pools, *nodes)],
        "fail_back_s": 0.3,
        "difficulty": {"start": 5e-8, "minimum": 1e-9, "shares_per_minute": 0},
        **site,
    }
    admin = f"unix:{folder / 'admin.sock'}"
    proxy = {"state_dir": str(folder), "admin": admin, **proxy_keys(engine)}
    return msgspec.convert(
        {"proxy": proxy, "pools": pools, "nodes": nodes, "sites": [described]},
        Config,
    )


class Plant:
    """Pools, proxy, and miners of both versions, on one reactor."""

    now = staticmethod(lambda: UnixTime(float(NTIME)))

    def __init__(
        self,
        folder: Path,
        pools: list[JudgingPool],
        urls: list[str] | None = None,
        nodes: list[dict[str, Any]] | None = None,
        engine: Engine = AUTO,
        **site: Any,
    ) -> None:
        reactor = self.reactor = _reactor()
        self.pools = pools
        self.ports = [reactor.listenTCP(0, p, interface="127.0.0.1") for p in pools]
        self.listen, self.older_listen = free_ports(2)
        ports = [port.getHost().port for port in self.ports]
        urls = urls or [url_of(*pair) for pair in zip(pools, ports, strict=True)]
        secret = make_authority(folder / KEY_FILE, lambda size: b"\x07" * size)
        config = config_for(
            folder, urls, (self.listen, self.older_listen), nodes or [], engine, **site
        )
        self.program: Program = build(config, reactor, self.now, lambda: 0.0)
        self.rigs = Sv2Rigs(reactor, secret.key, BOTH_KINDS)
        self.rigs.now = self.now()
        self.fleet: Any = None

    async def start(self, older: int, newer: int, *, on_auto: bool = False) -> None:
        """Start everything; `on_auto`: both kinds of miners on one port."""
        self.program.root.startService()
        await self.program.ready()
        port = self.listen if on_auto else self.older_listen
        url = f"stratum+tcp://127.0.0.1:{port}"
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
        groups = self.program.factories["hall-a"].context.board.groups
        return groups[-1].sourcing.source_name if groups else None

    @property
    def book(self) -> Any:
        return self.program.recorder.totals.sites["hall-a"]


class RealTimePlant(Plant):
    """A plant on the clock of those outside."""

    now = staticmethod(lambda: UnixTime(time.time()))


def make(version: str, difficulty: float = 5e-8) -> JudgingPool:
    return JudgingSv2Pool(difficulty) if version == "sv2" else JudgingPool(difficulty)


def _reactor() -> Any:
    from twisted.internet import reactor  # noqa: PLC0415

    return reactor
