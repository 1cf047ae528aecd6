"""A pool that works on something else than the node's chain is caught."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from attrs import evolve
from twisted.internet.defer import maybeDeferred
from twisted.internet.task import deferLater
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import LogLevel, formatEvent, globalLogPublisher

from protocol.bitcoin.hashes import sha256d
from protocol.work.template import Template
from proxy.config import Config
from proxy.node.pool_check import EMPTY_GRACE, TIP_GRACE
from proxy.regtest.chain import subsidy
from proxy.share_process.build import build
from tests.fakes.chain_pool import ChainPool
from tests.fakes.fast_reactor import FastReactor
from tests.fakes.node_process import KINDS, RunningNode, client_of, now, start_node
from tests.fakes.solo import ask
from tests.integration.test_regtest_node import (
    ANYONE_ADDRESS,
    fresh_template,
    spend_of,
)
from tests.support import on_reactor

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("kind", KINDS)]

Lie = Callable[[Template], Template]

SPEED = 10.0
LOOK = 2.0  # seconds: looked at once a second, heard of within another


def empty(template: Template) -> Template:
    bare = evolve(template, txids=(), transactions=())
    return evolve(bare, coinbase_value=subsidy(template.height))


def wrong_height(template: Template) -> Template:
    return evolve(template, height=template.height + 1)


def foreign(template: Template) -> Template:
    return evolve(template, prev_hash=sha256d(b"elsewhere"))


def another_network(template: Template) -> Template:
    return evolve(template, nbits=0x1703A30C, prev_hash=sha256d(b"mainnet"))


class Plant:
    """One pool under two names: one is left when it lies, the other is not."""

    def __init__(self, reactor: Any, folder: Path, node: RunningNode) -> None:
        self.node = node
        self.fast: Any = FastReactor(reactor, SPEED)
        self._events = EventLoggingObserver()
        self._reactor = reactor
        self._folder = folder

    async def start(self) -> None:
        self.pool = ChainPool(await self.template())
        self._port = self._reactor.listenTCP(0, self.pool, interface="127.0.0.1")
        url = f"stratum+tcp://127.0.0.1:{self._port.getHost().port}"
        self.program = build(self._config(url), self.fast, now, lambda: 0.5)
        self.program.root.startService()
        await self.program.ready()
        globalLogPublisher.addObserver(self._events)
        await self.until(lambda: self.sources == ["alarmed", "left"])

    async def stop(self) -> None:
        globalLogPublisher.removeObserver(self._events)
        await maybeDeferred(self.program.root.stopService)
        await maybeDeferred(self._port.stopListening)
        self.pool.close()
        await self.node.stop()

    async def template(self) -> Template:
        client = client_of(self.node, self._reactor)
        try:
            return await fresh_template(client)
        finally:
            await client.close()

    async def until(self, holds: Callable[[], bool]) -> float:
        """Wait; return how many seconds of the proxy's clock it took."""
        began = self.fast.seconds()
        while not holds():
            await deferLater(self._reactor, 0.01)
        return float(self.fast.seconds() - began)

    async def pass_time(self, seconds: float) -> None:
        await deferLater(self.fast, seconds)

    @property
    def sources(self) -> list[str | None]:
        halls = [self.program.factories[name] for name in ("hall-a", "hall-b")]
        boards = [hall.context.board for hall in halls]
        return [b.groups[0].sourcing.source_name if b.groups else None for b in boards]

    @property
    def is_caught(self) -> bool:
        return all(pool.contradicted for pool in self.program.pools.values())

    @property
    def alarms(self) -> list[str]:
        errors = (e for e in self._events if e["log_level"] is LogLevel.error)
        return [formatEvent(event) for event in errors]

    def _config(self, url: str) -> Config:
        def pool(name: str, on_mismatch: str) -> dict[str, Any]:
            return {
                "name": name,
                "url": url,
                "user": "site",
                "check_against": "core",
                "on_mismatch": on_mismatch,
            }

        def site(name: str, source: str) -> dict[str, Any]:
            return {
                "name": name,
                "listen": ["tcp:0:interface=127.0.0.1"],
                "sources": [source, "core"],
                "fail_back_s": 1,
            }

        tables = {
            "proxy": {
                "state_dir": str(self._folder),
                "admin": f"unix:{self._folder / 'admin.sock'}",
            },
            "pools": [pool("alarmed", "alarm"), pool("left", "leave")],
            "nodes": [
                {
                    "name": "core",
                    "rpc": self.node.rpc_url,
                    "cookie_file": self.node.cookie_file,
                    "zmq_hashblock": self.node.zmq_url,
                    "payout_address": ANYONE_ADDRESS,
                }
            ],
            "sites": [site("hall-a", "alarmed"), site("hall-b", "left")],
        }
        return msgspec.convert(tables, Config)


async def plant_on(kind: str, folder: Path) -> Plant:
    """Return a plant whose node has a transaction, and whose pool is honest."""
    from twisted.internet import reactor  # noqa: PLC0415

    node = await start_node(kind, reactor, folder / "node")
    names = await ask(node, reactor, "generatetoaddress", 101, ANYONE_ADDRESS)
    spendable = await ask(node, reactor, "getblock", names[0], 2)
    await ask(node, reactor, "sendrawtransaction", spend_of(spendable).hex())
    plant = Plant(reactor, folder, node)
    await plant.start()
    return plant


async def assert_caught(plant: Plant, within_s: float, why: str) -> None:
    took = await plant.until(lambda: plant.is_caught)
    to_leave = await plant.until(lambda: plant.sources == ["alarmed", "core"])

    assert (took < within_s, to_leave < LOOK) == (True, True)
    assert len(plant.alarms) == 2
    assert all(why in alarm and "contradicts core" in alarm for alarm in plant.alarms)


async def assert_forgiven(plant: Plant) -> None:
    """An honest pool has its turn again."""
    plant.pool.serve(await plant.template())
    await plant.until(lambda: not plant.is_caught)
    await plant.until(lambda: plant.sources == ["alarmed", "left"])

    assert len(plant.alarms) == 2


@on_reactor
async def test_a_pool_that_stays_on_a_stale_tip_is_caught(
    kind: str, tmp_path: Path
) -> None:
    plant = await plant_on(kind, tmp_path)
    try:
        await plant.pass_time(2.0)
        assert not plant.is_caught
        await ask(
            plant.node, plant.fast, "generatetoaddress", 1, ANYONE_ADDRESS
        )  # and the pool says nothing

        await assert_caught(plant, TIP_GRACE + LOOK, "the node's tip is")
        await assert_forgiven(plant)
    finally:
        await plant.stop()


@pytest.mark.parametrize(
    ("lie", "grace", "why"),
    [
        (wrong_height, 0.0, "height 103, 102 expected"),
        (foreign, TIP_GRACE, "which the node does not have"),
        (empty, EMPTY_GRACE, "no transactions, the node has 1"),
    ],
)
@on_reactor
async def test_a_pool_that_lies_is_caught(
    lie: Lie, grace: float, why: str, kind: str, tmp_path: Path
) -> None:
    plant = await plant_on(kind, tmp_path)
    try:
        await plant.pass_time(2.0)
        assert not plant.is_caught
        plant.pool.serve(lie(await plant.template()))

        await assert_caught(plant, grace + LOOK, why)
        await assert_forgiven(plant)
    finally:
        await plant.stop()


@on_reactor
async def test_a_pool_on_another_network_is_not_checked(
    kind: str, tmp_path: Path
) -> None:
    plant = await plant_on(kind, tmp_path)
    try:
        plant.pool.serve(another_network(await plant.template()))
        await plant.pass_time(TIP_GRACE + EMPTY_GRACE)

        assert plant.alarms == []
        assert plant.sources == ["alarmed", "left"]
    finally:
        await plant.stop()
