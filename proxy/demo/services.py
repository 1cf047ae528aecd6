"""What a demo runs: a node, the proxy with its controller, and a plant."""

import errno
import os
import random
import socket
import time
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any, Literal

import msgspec
from attrs import define, field, frozen
from msgspec.structs import replace
from twisted.application.service import IService
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.defer import TimeoutError as DeadlineError
from twisted.internet.error import CannotListenError
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool

from protocol.units import Seconds, UnixTime, Watts
from proxy.admin.look import LOGGED, Look, Looker
from proxy.admin.operations import Operations
from proxy.admin.rpc import RpcError
from proxy.admin.views import StatusView
from proxy.demo.config import ADMIN_SOCKET, SITE, Ports, demo_config
from proxy.demo.hall import WORKERS, contract_of, hashrate_of, kinds_of
from proxy.demo.output import (
    Way,
)
from proxy.demo.oversight import Around, OversightStory
from proxy.demo.parties import Parties
from proxy.demo.story import STORIES, StoryPlant
from proxy.regtest.node import RegtestNode, RegtestOptions
from proxy.regtest.pace import BlockPace
from proxy.runtime.tasks import Tasks
from proxy.share_process.build import build
from proxy.share_process.program import Program
from proxy.sim.plant import Plant, PlantOptions
from proxy.sim.plant_network import PlantNetwork, PoolAddress, YardOptions

BLOCK_EVERY = Seconds(5.0)

FIRST_BLOCK = Seconds(1.0)
"""The first one comes sooner: a viewer waits for it."""

COME_WITHIN = Seconds(5.0)
"""All machines connect in so long, as fast as the ramp lets them begin."""

HEARD_WITHIN = Seconds(90.0)
"""The controller takes orders after so long, also on a slow machine: else its port was
taken in the moment between our look and its own."""

ANSWER_SECONDS = Seconds(0.2)
"""Answers that are on their way when the fleet stops are waited for so long."""


@frozen
class DemoOptions:
    """How long the demo runs, how big it is, and what it prints."""

    for_s: float | None
    miners: int
    output: Literal["screen", "log", "json"]
    story: Literal["fast", "slow", "oversight"] = "fast"

    @property
    def level(self) -> Literal["info", "critical"]:
        """From which level on log lines are shown."""
        return "info" if self.output == "log" else "critical"


@define(eq=False, repr=False)
class Demo:
    """A node, a proxy with its controller, and a plant that mines on them.

    Attributes:
        folder: Where everything is that they write.
        way: How others reach it, once it runs.
    """

    reactor: Any
    options: DemoOptions
    folder: Path
    _started: AsyncExitStack = field(factory=AsyncExitStack, init=False)
    _program: Program | None = field(default=None, init=False)
    _plant: StoryPlant | OversightStory | None = field(default=None, init=False)
    _looker: Looker = field(factory=lambda: Looker(wall_clock), init=False)
    way: Way = field(factory=Way, init=False)

    async def start(self) -> None:
        """Start everything; shares flow soon after this returns."""
        node = await self._start_node()
        ports = Ports(*(_free_port() for _ in range(4)))
        token = token_hex(16)
        config = demo_config(self.folder, node, self.options.miners, ports, token)
        config = replace(
            config, proxy=replace(config.proxy, log_level=self.options.level)
        )
        plant: StoryPlant | OversightStory
        if self.options.story == "oversight":
            plant = self._parties(ports)
            config = plant.configured(config)
            await plant.start()
            self._started.push_async_callback(plant.stop)
        else:
            plant = self._teller(ports, token, self.options.story)
        program = build(config, self.reactor, wall_clock, random.random)
        self._run(program.root)
        await program.ready()
        self._program = program
        self._started.push_async_callback(deferLater, self.reactor, ANSWER_SECONDS)
        await self._until_heard(plant, ports)  # else the site begins at its fail-safe
        self._run(self._network(ports))
        socket = str(self.folder / ADMIN_SOCKET)
        self.way = Way(socket, ports.miners, ports.web, token)
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

    async def look(self, status: StatusView, *, is_whole: bool) -> Look:
        """Return what there is to see; `is_whole`: what the controller says, too."""
        seen = msgspec.to_builtins(status)
        if is_whole and self._program and self._looker.is_due(seen):
            power = Operations(self._program).power
            try:
                shown, page = await power.show(), await power.history(limit=LOGGED)
                self._looker.detail(*map(msgspec.json.decode, (shown, page)))
            except RpcError:  # the controller is on its way
                self._looker.detail([], {"events": []})
        return self._looker.look(seen)

    @property
    def scene(self) -> str:
        """What is happening at the plant."""
        return self._plant.scene.text if self._plant else "Starting."

    def _teller(self, ports: Ports, token: str, story: str) -> StoryPlant:
        url = f"http://127.0.0.1:{ports.orders}"
        return StoryPlant(url, token, self._contract_w, self.reactor, STORIES[story])

    def _parties(self, ports: Ports) -> OversightStory:
        """Return the story of several parties, who sign what may be drawn."""
        url = f"http://127.0.0.1:{ports.orders}"
        parties = Parties(SITE, url, self._contract_w, self.reactor, wall_clock)
        pool = self.reactor.getThreadPool()
        around = Around(
            self.folder,
            ports.orders,
            _free_port(),
            self.reactor,
            wall_clock,
            partial(deferToThreadPool, self.reactor, pool),
        )
        return OversightStory(parties, around)

    @property
    def _contract_w(self) -> Watts:
        return contract_of(kinds_of(self.options.miners))

    async def _until_heard(
        self, plant: StoryPlant | OversightStory, ports: Ports
    ) -> None:
        heard = Deferred.fromCoroutine(plant.until_heard())
        try:
            await heard.addTimeout(HEARD_WITHIN, self.reactor)
        except DeadlineError as error:
            taken = OSError(errno.EADDRINUSE, "no controller answers there")
            raise CannotListenError("127.0.0.1", ports.orders, taken) from error

    async def _start_node(self) -> RegtestNode:
        hashrate = hashrate_of(kinds_of(self.options.miners))
        pace = BlockPace(BLOCK_EVERY, hashrate, FIRST_BLOCK)
        options = RegtestOptions(scratch_dir=self.folder / "node", pace=pace)
        node = RegtestNode(options, self.reactor, wall_clock, os.urandom)
        self._run(node)
        await node.ready()
        return node

    def _run(self, service: IService) -> None:
        self._started.push_async_callback(maybeDeferred, service.stopService)
        service.startService()

    def _network(self, ports: Ports) -> PlantNetwork:
        """Return the machines, each at an address of its own, and the meter."""
        start = Seconds(self.reactor.seconds())
        kinds = kinds_of(self.options.miners)
        options = YardOptions(
            # two demos on one machine: the port of a device's API is given
            first_address=f"127.{random.randint(21, 250)}.{random.randint(0, 99)}.1",  # noqa: S311
            meter_port=ports.meter,
            worker=WORKERS,
            pools=(PoolAddress("127.0.0.1", ports.miners),),
            connects_per_second=self.options.miners / COME_WITHIN,
        )
        plant = Plant(PlantOptions(kinds, starts_idle=True), start)
        return PlantNetwork(plant, options, self.reactor)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wall_clock() -> UnixTime:
    """Return the time of day."""
    return UnixTime(time.time())  # noqa: TID251  (where the clock comes in)
