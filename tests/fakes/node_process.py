"""A regtest node for integration tests: the embedded one, or a bitcoind."""

import os
import secrets
import subprocess
import time
from pathlib import Path
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from protocol.errors import RemoteError
from protocol.units import HashesPerSecond, Seconds, UnixTime
from proxy.node.credentials import CookieFile
from proxy.node.rpc import RpcClient, make_rpc_client
from proxy.regtest.node import RegtestNode, RegtestOptions
from proxy.regtest.pace import BlockPace

BITCOIND = os.environ.get("BITCOIND", "")
KINDS = ["embedded", *(["bitcoind"] if BITCOIND else [])]


def now() -> UnixTime:
    return UnixTime(time.time())  # noqa: TID251  (the kernel's clock is the real one)


class RunningNode(Protocol):
    rpc_url: str
    zmq_url: str
    cookie_file: Path

    async def stop(self) -> None: ...


class Embedded:
    def __init__(self, node: RegtestNode) -> None:
        self.node = node
        self.rpc_url = node.rpc_url
        self.zmq_url = node.zmq_url
        self.cookie_file = node.cookie_file

    async def stop(self) -> None:
        await self.node.stopService()


class Bitcoind:
    def __init__(
        self, process: "subprocess.Popen[bytes]", port: int, home: Path, reactor: Any
    ) -> None:
        self.process = process
        self.rpc_url = f"http://127.0.0.1:{port}"
        self.zmq_url = f"tcp://127.0.0.1:{port + 1}"
        self.cookie_file = home / "regtest" / ".cookie"
        self._reactor = reactor

    async def stop(self) -> None:
        """Stop it without blocking: it waits for connections that we must close."""
        self.process.terminate()
        while self.process.poll() is None:
            await pause(self._reactor, 0.02)


async def start_node(  # noqa: PLR0913, PLR0917  (what a node can be started with)
    kind: str,
    reactor: Any,
    home: Path | None,
    block_every: float = 0.0,
    hashrate: float = 0.0,
    port: int = 0,
) -> RunningNode:
    """Start a node of `kind` with its state in `home`; a port of 0: any."""
    if kind == "bitcoind":
        assert home is not None
        return await _start_bitcoind(reactor, home, port)
    pace = BlockPace(Seconds(block_every), HashesPerSecond(hashrate))
    node = RegtestNode(
        RegtestOptions(state_dir=home, rpc_port=port, pace=pace),
        reactor,
        now,
        secrets.token_bytes,
    )
    node.startService()
    await node.ready()
    return Embedded(node)


def client_of(node: RunningNode, reactor: Any) -> RpcClient:
    return make_rpc_client(node.rpc_url, CookieFile(node.cookie_file), reactor)


async def _start_bitcoind(reactor: Any, home: Path, port: int) -> RunningNode:
    port = port or 20_000 + 2 * secrets.randbelow(10_000)
    process = _launch(home, port)
    node = Bitcoind(process, port, home, reactor)
    client = client_of(node, reactor)
    while True:
        assert process.poll() is None, "bitcoind has ended"
        try:
            await client.call("getblockcount")
        except RemoteError:
            await pause(reactor, 0.05)
        else:
            await client.close()
            return node


def _launch(home: Path, port: int) -> "subprocess.Popen[bytes]":
    home.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(  # noqa: S603  (as named by who runs the tests)
        [
            BITCOIND,
            "-regtest",
            f"-datadir={home}",
            f"-rpcport={port}",
            f"-zmqpubhashblock=tcp://127.0.0.1:{port + 1}",
            "-listen=0",
            "-printtoconsole=0",
        ]
    )


def pause(reactor: Any, seconds: float) -> "Deferred[None]":
    return deferLater(reactor, seconds)
