"""`baseload demo`: node, proxy and simulated ASICs in one process, for a look."""

import os
import random
import shutil
import socket
import sys
import time
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Literal

import msgspec
from attrs import define, field, frozen
from rich.console import Console
from rich.live import Live
from twisted.internet import task
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import globalLogBeginner

from protocol.units import HashesPerSecond, Seconds, UnixTime
from proxy.admin.operations import Operations
from proxy.admin.top import frame
from proxy.app import Program, build
from proxy.config import Config
from proxy.logs import observer
from proxy.node.regtest import RegtestNode, RegtestOptions
from proxy.node.regtest_chain import Pace
from proxy.sim.command import FleetOptions, build_fleet
from proxy.sim.fleet import SimulatedFleet
from proxy.sim.hashing import DEFAULT_HASH_SCALE

BLOCK_EVERY = Seconds(5.0)
S21_NAMEPLATE = 200e12
SHARE_DIFFICULTY = 2.0**-20
PAYOUT = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
"""The key of this address is published in BIP 173: nobody is paid by accident."""

REPORT_EVERY = 5.0


@frozen
class DemoOptions:
    """How long the demo runs, how big it is, and what it prints."""

    for_s: float | None
    miners: int
    output: Literal["screen", "log", "json"]


class Event(msgspec.Struct):
    """A line of `--json`; the last one is a summary."""

    event: str
    at_s: float
    miners: int
    accepted: int
    rejected: dict[str, int]
    lost: dict[str, int]
    blocks_found: int
    blocks_accepted: int
    height: int | None
    hashrate_hs: float


@define(eq=False)
class Demo:
    """A node, a proxy and a fleet that mines on it."""

    reactor: Any
    options: DemoOptions
    folder: Path
    started_at: float
    node: RegtestNode = field(init=False)
    program: Program = field(init=False)
    fleet: SimulatedFleet = field(init=False)

    async def start(self) -> None:
        """Start everything; shares flow when this returns."""
        hashrate = HashesPerSecond(
            S21_NAMEPLATE * DEFAULT_HASH_SCALE * self.options.miners
        )
        options = RegtestOptions(pace=Pace(BLOCK_EVERY, hashrate))
        self.node = RegtestNode(options, self.reactor, _wall_clock, os.urandom)
        self.node.startService()
        await self.node.ready()
        port = _free_port()
        config = self._config(port)
        self.program = build(config, self.reactor, _wall_clock, random.random)
        self.program.root.startService()
        await self.program.ready()
        url = f"stratum+tcp://127.0.0.1:{port}"
        self.fleet = build_fleet(
            self.reactor, FleetOptions(urls=(url,), miners=self.options.miners)
        )
        self.fleet.startService()

    async def stop(self) -> None:
        """Stop everything in the reverse order and remove the folder."""
        await maybeDeferred(self.fleet.stopService)
        await deferLater(self.reactor, 0.2)  # answers that are on their way
        await maybeDeferred(self.program.root.stopService)
        await maybeDeferred(self.node.stopService)
        shutil.rmtree(self.folder, ignore_errors=True)

    def event(self, name: str) -> Event:
        """Return how the demo is doing."""
        status = Operations(self.program).status()
        site = status.sites[0]
        return Event(
            name,
            round(self.reactor.seconds() - self.started_at, 1),
            site.miners.connected,
            site.shares.accepted,
            site.shares.rejected,
            site.shares.lost,
            status.blocks.found,
            status.blocks.accepted,
            status.nodes[0].height,
            site.hashrate_hs.m1,
        )

    def _config(self, port: int) -> Config:
        tables = {
            "proxy": {
                "name": "demo",
                "state_dir": str(self.folder / "state"),
                "admin": f"unix:{self.folder / 'admin.sock'}",
            },
            "nodes": [
                {
                    "name": "regtest",
                    "rpc": self.node.rpc_url,
                    "cookie_file": self.node.cookie_file,
                    "zmq_hashblock": self.node.zmq_url,
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
    """Run the demo until its time is up, or Ctrl-C."""
    level = "info" if options.output == "log" else "critical"
    lines, _ = observer(sys.stderr, as_json=False, secrets=(), level=level)
    globalLogBeginner.beginLoggingTo([lines], redirectStandardIO=False)
    task.react(lambda reactor: Deferred.fromCoroutine(_demo(reactor, options)))


async def _demo(reactor: Any, options: DemoOptions) -> None:
    folder = Path(mkdtemp(prefix="baseload-demo-"))
    demo = Demo(reactor, options, folder, reactor.seconds())
    stopped: Deferred[None] = Deferred()
    reactor.addSystemEventTrigger("before", "shutdown", _once(stopped))
    await demo.start()
    show = LoopingCall(_printer(demo))
    show.clock = reactor
    drawing = show.start(1.0 if options.output == "screen" else REPORT_EVERY)
    if options.for_s is not None:
        reactor.callLater(options.for_s, _once(stopped))
    await stopped
    show.stop()
    await drawing
    summary = demo.event("summary")
    await demo.stop()
    sys.stdout.write(msgspec.json.encode(summary).decode() + "\n")
    sys.stdout.flush()


def _printer(demo: Demo) -> Any:
    if demo.options.output != "screen":
        return lambda: _print_event(demo.event("status"))
    live = Live(console=Console(), auto_refresh=False)
    live.start()

    def draw() -> None:
        status = Operations(demo.program).status()
        live.update(frame(msgspec.to_builtins(status)), refresh=True)

    return draw


def _print_event(event: Event) -> None:
    sys.stdout.write(msgspec.json.encode(event).decode() + "\n")
    sys.stdout.flush()


def _once(stopped: "Deferred[None]") -> Any:
    def stop() -> None:
        if not stopped.called:
            stopped.callback(None)

    return stop


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wall_clock() -> UnixTime:
    return UnixTime(time.time())  # noqa: TID251  (where the clock comes in)
