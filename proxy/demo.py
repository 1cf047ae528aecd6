"""`baseload demo`: node, proxy and simulated ASICs in one process, for a look."""

import os
import random
import shutil
import socket
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Literal

import msgspec
from attrs import define, field, frozen
from twisted.application.service import IService
from twisted.internet import task
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.defer import TimeoutError as DeadlineError
from twisted.internet.task import deferLater
from twisted.logger import Logger, globalLogBeginner

from protocol.units import HashesPerSecond, Seconds, UnixTime
from proxy.admin.operations import Operations
from proxy.admin.views import StatusView
from proxy.app import Program, build
from proxy.config import Config
from proxy.demo_output import Output, OutputClosedError, event_of, open_output
from proxy.logs import observer
from proxy.node.regtest import RegtestNode, RegtestOptions
from proxy.node.regtest_pace import Pace
from proxy.runtime.shutdown import until_shutdown
from proxy.sim.command import FleetOptions, build_fleet
from proxy.sim.hashing import DEFAULT_HASH_SCALE

BLOCK_EVERY = Seconds(5.0)
S21_NAMEPLATE = 200e12
SHARE_DIFFICULTY = 2.0**-20
PAYOUT = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
"""The key of this address is published in BIP 173: nobody is paid by accident."""

STOP_SECONDS = Seconds(10.0)
"""What has not stopped after so long is left to the end of the process."""

ANSWER_SECONDS = Seconds(0.2)
"""Answers that are on their way when the fleet stops are waited for so long."""


@frozen
class DemoOptions:
    """How long the demo runs, how big it is, and what it prints."""

    for_s: float | None
    miners: int
    output: Literal["screen", "log", "json"]


@define(eq=False)
class Demo:
    """A node, a proxy and a fleet that mines on it.

    Attributes:
        folder: Where everything is that they write.
    """

    reactor: Any
    options: DemoOptions
    folder: Path
    _started: AsyncExitStack = field(factory=AsyncExitStack, init=False)
    _program: Program | None = field(default=None, init=False)

    async def start(self) -> None:
        """Start everything; shares flow soon after this returns."""
        node = await self._start_node()
        port = _free_port()
        program = build(
            self._config(node, port), self.reactor, _wall_clock, random.random
        )
        self._run(program.root)
        await program.ready()
        self._program = program
        self._started.push_async_callback(deferLater, self.reactor, ANSWER_SECONDS)
        url = f"stratum+tcp://127.0.0.1:{port}"
        fleet = FleetOptions(urls=(url,), miners=self.options.miners)
        self._run(build_fleet(self.reactor, fleet))

    async def stop(self) -> None:
        """Stop what was started, in the reverse order."""
        await self._started.aclose()

    def status(self) -> StatusView | None:
        """Return how the demo is doing; None until all of it is there."""
        return Operations(self._program).status() if self._program else None

    async def _start_node(self) -> RegtestNode:
        hashrate = S21_NAMEPLATE * DEFAULT_HASH_SCALE * self.options.miners
        pace = Pace(BLOCK_EVERY, HashesPerSecond(hashrate))
        options = RegtestOptions(scratch_dir=self.folder / "node", pace=pace)
        node = RegtestNode(options, self.reactor, _wall_clock, os.urandom)
        self._run(node)
        await node.ready()
        return node

    def _run(self, service: IService) -> None:
        self._started.push_async_callback(maybeDeferred, service.stopService)
        service.startService()

    def _config(self, node: RegtestNode, port: int) -> Config:
        tables = {
            "proxy": {
                "name": "demo",
                "state_dir": str(self.folder / "state"),
                "admin": f"unix:{self.folder / 'admin.sock'}",
            },
            "nodes": [
                {
                    "name": "regtest",
                    "rpc": node.rpc_url,
                    "cookie_file": node.cookie_file,
                    "zmq_hashblock": node.zmq_url,
                    "payout_address": PAYOUT,
                }
            ],
            "sites": [
                {
                    "name": "hall-a",
                    "listen": [f"tcp:{port}:interface=127.0.0.1"],
                    "sources": ["regtest"],
                    "difficulty": {
                        "start": SHARE_DIFFICULTY,
                        "minimum": SHARE_DIFFICULTY / 4096,
                        "shares_per_minute": 20,
                    },
                }
            ],
        }
        return msgspec.convert(tables, Config)


def run(options: DemoOptions) -> None:
    """Run the demo until its time is up, or Ctrl-C; exit status 0 for both."""
    level = "info" if options.output == "log" else "critical"
    lines, _ = observer(sys.stderr, as_json=False, secrets=(), level=level)
    globalLogBeginner.beginLoggingTo([lines], redirectStandardIO=False)
    task.react(lambda reactor: Deferred.fromCoroutine(_main(reactor, options)))


async def _main(reactor: Any, options: DemoOptions) -> None:
    try:
        await until_shutdown(reactor, lambda: _demo(reactor, options))
    except OutputClosedError as error:
        raise SystemExit(1) from error


async def _demo(reactor: Any, options: DemoOptions) -> None:
    began = reactor.seconds()
    folder = Path(mkdtemp(prefix="baseload-demo-"))
    demo = Demo(reactor, options, folder)
    output = open_output(options.output)
    try:
        await _show(demo, output, began)
    except CancelledError:
        pass  # Ctrl-C ends a demo as well as its time does
    finally:
        status, ran = demo.status(), Seconds(reactor.seconds() - began)
        output.close()
        await _stop(demo)
        shutil.rmtree(folder, ignore_errors=True)
    output.end(event_of("summary", ran, status))


async def _show(demo: Demo, output: Output, began: float) -> None:
    await demo.start()
    reactor, left = demo.reactor, output.every
    while left > 0:
        status, at = demo.status(), Seconds(reactor.seconds() - began)
        if status is not None:
            output.show(at, status)
        if demo.options.for_s is not None:
            left = Seconds(min(output.every, demo.options.for_s - at))
        await deferLater(reactor, max(left, 0.0))


async def _stop(demo: Demo) -> None:
    stopping = Deferred.fromCoroutine(demo.stop())
    try:
        await stopping.addTimeout(STOP_SECONDS, demo.reactor)
    except DeadlineError:
        Logger("proxy").critical("not stopped after {s} s", s=STOP_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wall_clock() -> UnixTime:
    return UnixTime(time.time())  # noqa: TID251  (where the clock comes in)
