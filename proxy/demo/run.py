"""`baseload demo`: node, proxy, controller and a simulated plant, for a look."""

import os
import random
import shutil
import socket
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from secrets import token_hex
from tempfile import mkdtemp
from typing import Any, Literal

from attrs import define, field, frozen
from msgspec.structs import replace
from twisted.application.service import IService
from twisted.internet import task
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.defer import TimeoutError as DeadlineError
from twisted.internet.error import CannotListenError
from twisted.internet.task import deferLater
from twisted.logger import Logger, globalLogBeginner

from protocol.units import HashesPerSecond, Seconds, UnixTime, Watts
from proxy.admin.operations import Operations
from proxy.admin.views import StatusView
from proxy.demo.config import MODEL, WATTS_EACH, Ports, demo_config
from proxy.demo.output import Output, OutputClosedError, event_of, open_output
from proxy.demo.story import StoryPlant
from proxy.regtest.node import RegtestNode, RegtestOptions
from proxy.regtest.pace import BlockPace
from proxy.runtime.logs import observer
from proxy.runtime.shutdown import until_shutdown
from proxy.runtime.tasks import Tasks
from proxy.share_process.program import Program, build
from proxy.sim.kinds import kind_of
from proxy.sim.nonce_search import DEFAULT_HASH_SCALE
from proxy.sim.plant import Plant, PlantOptions
from proxy.sim.plant_network import PlantNetwork, PoolAddress, YardOptions

BLOCK_EVERY = Seconds(5.0)
FIRST_BLOCK = Seconds(1.0)
"""The first one comes sooner: a viewer waits for it."""

S21_NAMEPLATE = 200e12

COME_WITHIN = Seconds(5.0)
"""All machines connect in so long, as fast as the ramp lets them begin."""

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

    @property
    def level(self) -> Literal["info", "critical"]:
        """From which level on log lines are shown."""
        return "info" if self.output == "log" else "critical"


@define(eq=False, repr=False)
class Demo:
    """A node, a proxy with its controller, and a plant that mines on them.

    Attributes:
        folder: Where everything is that they write.
    """

    reactor: Any
    options: DemoOptions
    folder: Path
    _started: AsyncExitStack = field(factory=AsyncExitStack, init=False)
    _program: Program | None = field(default=None, init=False)
    _plant: StoryPlant | None = field(default=None, init=False)

    async def start(self) -> None:
        """Start everything; shares flow soon after this returns."""
        node = await self._start_node()
        ports = Ports(_free_port(), _free_port(), _free_port())
        token = token_hex(16)
        config = demo_config(self.folder, node, self.options.miners, ports, token)
        config = replace(
            config, proxy=replace(config.proxy, log_level=self.options.level)
        )
        program = build(config, self.reactor, _wall_clock, random.random)
        self._run(program.root)
        await program.ready()
        self._program = program
        self._started.push_async_callback(deferLater, self.reactor, ANSWER_SECONDS)
        plant = StoryPlant(
            f"http://127.0.0.1:{ports.orders}",
            token,
            Watts(WATTS_EACH * self.options.miners),
            self.reactor,
        )
        await plant.until_heard()  # else the site would begin at its fail-safe
        self._run(self._network(ports))
        telling = Tasks()
        self._started.push_async_callback(telling.cancel_all)
        telling.start("tell the story", plant.run())
        self._plant = plant

    async def stop(self) -> None:
        """Stop what was started, in the reverse order."""
        await self._started.aclose()

    def status(self) -> StatusView | None:
        """Return how the demo is doing; None until all of it is there."""
        return Operations(self._program).status() if self._program else None

    @property
    def scene(self) -> str:
        """What is happening at the plant."""
        return self._plant.scene.text if self._plant else "Starting."

    async def _start_node(self) -> RegtestNode:
        hashrate = S21_NAMEPLATE * DEFAULT_HASH_SCALE * self.options.miners
        pace = BlockPace(BLOCK_EVERY, HashesPerSecond(hashrate), FIRST_BLOCK)
        options = RegtestOptions(scratch_dir=self.folder / "node", pace=pace)
        node = RegtestNode(options, self.reactor, _wall_clock, os.urandom)
        self._run(node)
        await node.ready()
        return node

    def _run(self, service: IService) -> None:
        self._started.push_async_callback(maybeDeferred, service.stopService)
        service.startService()

    def _network(self, ports: Ports) -> PlantNetwork:
        """Return the machines, each at an address of its own, and the meter."""
        start = Seconds(self.reactor.seconds())
        kinds = (kind_of(MODEL),) * self.options.miners
        options = YardOptions(
            # two demos on one machine: the port of a device's API is given
            first_address=f"127.{random.randint(21, 250)}.{random.randint(0, 99)}.1",  # noqa: S311
            meter_port=ports.meter,
            pools=(PoolAddress("127.0.0.1", ports.miners),),
            connects_per_second=self.options.miners / COME_WITHIN,
        )
        plant = Plant(PlantOptions(kinds, starts_idle=True), start)
        return PlantNetwork(plant, options, self.reactor)


def run(options: DemoOptions) -> None:
    """Run the demo until its time is up, or Ctrl-C; exit status 0 for both."""
    lines, _ = observer(sys.stderr, as_json=False, secrets=(), level=options.level)
    globalLogBeginner.beginLoggingTo([lines], redirectStandardIO=False)
    task.react(lambda reactor: Deferred.fromCoroutine(_main(reactor, options)))


async def _main(reactor: Any, options: DemoOptions) -> None:
    try:
        await until_shutdown(reactor, lambda: _demo(reactor, options))
    except OutputClosedError as error:
        raise SystemExit(1) from error
    except CannotListenError as error:
        sys.stderr.write(f"baseload: {error}\n")
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
            output.show(at, status, demo.scene)
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
