"""Who may come to a port, and who comes from behind a balancer: both engines."""

import json
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import maybeDeferred
from twisted.internet.task import deferLater

from protocol.balancer import SIGNATURE
from protocol.units import Seconds, UnixTime
from proxy.config import Config
from proxy.share_process.build import build
from proxy.share_process.program import Program
from tests.engines import EITHER_ENGINE, Engine, proxy_keys
from tests.fakes.judging_pool import NTIME, JudgingPool
from tests.support import free_ports, within

SUBSCRIBE = b'{"id":1,"method":"mining.subscribe","params":["test/1"]}\n'
V1 = b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 3333\r\n"
V2 = SIGNATURE + bytes.fromhex("2111000cc0000207c63364019c400d05")
LOCAL = SIGNATURE + bytes.fromhex("20000000")


class Door:
    """A site with one listener, and a client of it."""

    def __init__(self, reactor: Any, listen: int, program: Program) -> None:
        self.reactor, self.listen, self.program = reactor, listen, program
        self.sockets: list[socket.socket] = []

    async def say(
        self, *pieces: bytes, at: int | None = None, source: str = ""
    ) -> bytes:
        """Return the first line that answers `pieces`; empty: they hung up.

        Args:
            pieces: What is sent, one after the other.
            at: Port of what stands before the site; None: nothing does.
            source: Address that it comes from; empty: any.
        """
        where = ("127.0.0.1", self.listen if at is None else at)
        client = socket.create_connection(where, source_address=(source, 0))
        client.setblocking(False)
        self.sockets.append(client)
        for piece in pieces:
            client.sendall(piece)
            await deferLater(self.reactor, 0.02)
        said = b""
        while b"\n" not in said:
            await deferLater(self.reactor, 0.01)
            with suppress(BlockingIOError):
                try:
                    more = client.recv(4096)
                except ConnectionResetError:
                    more = b""
                if not more:
                    return b""
                said += more
        return said

    @property
    def addresses(self) -> set[str]:
        factory = self.program.factories["hall-a"]
        return {miner.address for miner in factory.roster.miners.values()}


@asynccontextmanager
async def open_door(
    folder: Path, engine: Engine, **listener: Any
) -> AsyncIterator[Door]:
    from twisted.internet import reactor  # noqa: PLC0415

    loop: Any = reactor
    at, listen = free_ports(2)
    pool = JudgingPool(1e-7, size=8)
    port = loop.listenTCP(at, pool, interface="127.0.0.1")
    endpoint = f"tcp:{listen}:interface=127.0.0.1"
    url = f"stratum+tcp://127.0.0.1:{at}"
    tables = {
        "proxy": {
            "state_dir": str(folder),
            "admin": f"unix:{folder / 'admin.sock'}",
            **proxy_keys(engine),
        },
        "pools": [{"name": "main", "url": url, "user": "site"}],
        "sites": [
            {
                "name": "hall-a",
                "listeners": [{"endpoint": endpoint, **listener}],
                "sources": ["main"],
            }
        ],
    }
    config = msgspec.convert(tables, Config)
    program = build(config, loop, lambda: UnixTime(float(NTIME)), lambda: 0.0)
    program.root.startService()
    await program.ready()
    door = Door(loop, listen, program)
    try:
        yield door
    finally:
        for client in door.sockets:
            client.close()
        await maybeDeferred(program.root.stopService)
        await maybeDeferred(port.stopListening)
        pool.close()


def is_answer(said: bytes) -> bool:
    return bool(said) and json.loads(said.splitlines()[0])["id"] == 1


@pytest.mark.integration
@EITHER_ENGINE
@within(Seconds(60.0))
async def test_who_is_denied_is_hung_up_on(engine: Engine, tmp_path: Path) -> None:
    async with open_door(tmp_path, engine, deny=["127.0.0.0/8"]) as door:
        assert await door.say(SUBSCRIBE) == b""


@pytest.mark.integration
@EITHER_ENGINE
@pytest.mark.parametrize("protocol", ["sv1", "auto"])
@within(Seconds(60.0))
async def test_a_miner_behind_a_balancer_has_its_own_address(
    protocol: str, engine: Engine, tmp_path: Path
) -> None:
    balanced: dict[str, Any] = {"proxy_protocol": "required", "protocol": protocol}
    async with open_door(tmp_path, engine, trusted=["127.0.0.1"], **balanced) as door:
        whole = await door.say(V1 + SUBSCRIBE)
        pieces = await door.say(
            V2[:13], V2[13:20], V2[20:] + SUBSCRIBE[:5], SUBSCRIBE[5:]
        )
        bytewise = await door.say(*(bytes([one]) for one in V1), SUBSCRIBE)

        assert all(is_answer(said) for said in (whole, pieces, bytewise))
        assert door.addresses == {"192.0.2.7"}


@pytest.mark.integration
@EITHER_ENGINE
@within(Seconds(60.0))
async def test_behind_a_balancer_all_is_for_the_one_behind_it(
    engine: Engine, tmp_path: Path
) -> None:
    async with open_door(
        tmp_path,
        engine,
        proxy_protocol="required",
        trusted=["127.0.0.0/8"],
        deny=["192.0.2.0/24"],
    ) as door:
        denied = await door.say(V2 + SUBSCRIBE)
        own = await door.say(LOCAL + SUBSCRIBE)
        without = await door.say(SUBSCRIBE)

        assert (denied, without) == (b"", b"")
        assert is_answer(own)
        assert door.addresses == {"127.0.0.1"}


@pytest.mark.integration
@EITHER_ENGINE
@within(Seconds(60.0))
async def test_only_trusted_balancers_are_taken(engine: Engine, tmp_path: Path) -> None:
    async with open_door(
        tmp_path, engine, proxy_protocol="required", trusted=["10.0.0.5"]
    ) as door:
        assert await door.say(V1 + SUBSCRIBE) == b""


HAPROXY = shutil.which("haproxy") or ""
HAPROXY_SAYS = """\
defaults
    mode tcp
    timeout connect 10s
    timeout client 60s
    timeout server 60s
listen miners
    bind 127.0.0.1:{at}
    server baseload 127.0.0.1:{listen} {way}
"""


@asynccontextmanager
async def haproxy(door: Door, folder: Path, way: str) -> AsyncIterator[int]:
    """Run Debian's before a door; yield the port that it listens on."""
    (at,) = free_ports(1)
    path = folder / "haproxy.cfg"
    path.write_text(HAPROXY_SAYS.format(at=at, listen=door.listen, way=way))
    peer = subprocess.Popen([HAPROXY, "-db", "-f", str(path)])  # noqa: ASYNC220, S603
    try:
        while True:
            with suppress(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", at)).close()
                break
            await deferLater(door.reactor, 0.05)
        yield at
    finally:
        peer.kill()
        peer.wait()


@pytest.mark.integration
@pytest.mark.skipif(not HAPROXY, reason="no haproxy")
@EITHER_ENGINE
@pytest.mark.parametrize("way", ["send-proxy", "send-proxy-v2"])
@within(Seconds(60.0))
async def test_haproxy_says_whose_connection_it_is(
    way: str, engine: Engine, tmp_path: Path
) -> None:
    async with (
        open_door(
            tmp_path,
            engine,
            proxy_protocol="required",
            trusted=["127.0.0.1"],
            deny=["127.0.8.0/24"],
        ) as door,
        haproxy(door, tmp_path, way) as at,
    ):
        mine = await door.say(SUBSCRIBE, at=at, source="127.0.7.1")
        denied = await door.say(SUBSCRIBE, at=at, source="127.0.8.1")

        assert is_answer(mine)
        assert denied == b""
        assert door.addresses == {"127.0.7.1"}
