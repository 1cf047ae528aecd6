"""A simulated plant on sockets: a device API and a miner each machine, one meter."""

import time
from ipaddress import IPv4Address
from typing import Any

import msgspec
from attrs import frozen
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import (
    IDelayedCall,
    IListeningPort,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory
from typing_extensions import override

from protocol.units import HashesPerSecond, Seconds, WorkerName
from proxy.sim.device import DeviceConnection, SimulatedDevice
from proxy.sim.dialect import CGMINER
from proxy.sim.fleet import FleetStats, SimulatedFleet
from proxy.sim.kinds import PATIENCE, Fault
from proxy.sim.luxos_view import PoolState
from proxy.sim.miner import PoolSlot, SimulatedMachine, SimulatedMiner
from proxy.sim.modbus import MeterRegisters
from proxy.sim.nonce_search import DEFAULT_HASH_SCALE
from proxy.sim.plant import Plant

TICK = Seconds(0.5)
"""How often watts, meter and miners follow the machines."""

MAX_MACHINES = 16_000
"""Each takes a listening socket, and its miner one more."""


@frozen
class PoolAddress:
    """Where a pool is."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """As a miner's configuration spells it."""
        return f"stratum+tcp://{self.host}:{self.port}"


@frozen
class YardOptions:
    """Where a plant is to be found, and where it mines."""

    first_address: str = "127.20.0.1"  # of the first machine; the next has the next
    api_port: int = 4028
    meter_host: str = "127.0.0.1"
    meter_port: int | None = None  # None: no meter; 0: any free one
    pools: tuple[PoolAddress, ...] = ()  # none: no miners, machines always have work
    foreign: PoolAddress | None = None  # where machines that fail over go
    worker: str = "rack-a"
    hash_scale: float = DEFAULT_HASH_SCALE
    connects_per_second: float = 100.0


class PlantStats(msgspec.Struct, frozen=True):
    """A plant at one moment; `power_w` is the truth, `meter_w` what is shown."""

    machines: int
    asleep: int
    hashing: int
    power_w: float
    meter_w: float | None
    hashrate_hs: float
    commands: int
    fleet: FleetStats | None


class PlantNetwork(Service):
    """Runs a plant in real time.

    Attributes:
        addresses: Of the machines, in the plant's order.
        devices: Their control boards.
        miners: Their Stratum sides; empty without pools.
    """

    def __init__(self, plant: Plant, options: YardOptions, reactor: Any) -> None:
        if len(plant) > MAX_MACHINES:
            raise ValueError(f"{len(plant)} machines > {MAX_MACHINES}")
        first = IPv4Address(options.first_address)
        self.plant = plant
        self._models = list(dict.fromkeys(k.model.name for k in plant.options.kinds))
        self.addresses = [str(first + row) for row in range(len(plant))]
        self.devices = [self._device(row, reactor) for row in range(len(plant))]
        self.miners: list[SimulatedMiner] = []
        self._options = options
        self._reactor = reactor
        self._ports: list[IListeningPort] = []
        self._tick: IDelayedCall | None = None
        self._booting: set[int] = set()
        self._fleet: SimulatedFleet | None = None
        if options.pools:
            self.miners = [self._miner(row) for row in range(len(plant))]
            pace = options.connects_per_second
            self._fleet = SimulatedFleet(self.miners, reactor, pace)

    @property
    def meter_port(self) -> int:
        """The meter's port, once started."""
        host: Any = self._ports[0].getHost()
        return int(host.port)

    @override
    def startService(self) -> None:
        """Open every port.

        Raises:
            CannotListenError: One of them is taken; none stays open.
        """
        super().startService()
        try:
            self._listen()
        except Exception:
            self._closing = self._close_ports()  # as soon as the reactor turns
            raise
        if self._fleet is not None:
            self._fleet.startService()
        self._tick = self._reactor.callLater(TICK, self._on_tick)

    @override
    async def stopService(self) -> None:
        """Switch everything off."""
        super().stopService()
        if self._tick is not None and self._tick.active():
            self._tick.cancel()
        if self._fleet is not None:
            self._fleet.stopService()
        await self._close_ports()

    def stats(self) -> PlantStats:
        """Return how the plant is."""
        asics, shown = self.plant.asics, self.plant.meter.reading().watts
        return PlantStats(
            machines=len(self.plant),
            asleep=int(asics.asleep.sum()),
            hashing=int((asics.hashrate(self.plant.now) > 0).sum()),
            power_w=self.plant.power_w,
            meter_w=shown if shown == shown else None,  # noqa: PLR0124  (NaN)
            hashrate_hs=self.plant.hashrate_hs * self._options.hash_scale,
            commands=sum(device.commands for device in self.devices),
            fleet=None if self._fleet is None else self._fleet.stats(),
        )

    def _close_ports(self) -> Deferred[Any]:
        return DeferredList([maybeDeferred(port.stopListening) for port in self._ports])

    def _listen(self) -> None:
        options, listen = self._options, self._reactor.listenTCP
        if options.meter_port is not None:
            factory = Factory.forProtocol(self._meter_connection)
            factory.noisy = False
            at = options.meter_host
            self._ports.append(listen(options.meter_port, factory, interface=at))
        for device, address in zip(self.devices, self.addresses, strict=True):
            api = _Api(device, self._reactor)
            self._ports.append(listen(options.api_port, api, interface=address))

    def _meter_connection(self) -> MeterRegisters:
        meter = self.plant.meter
        return MeterRegisters(
            lambda: None if meter.is_silent else meter.registers(), meter.options.unit
        )

    def _on_tick(self) -> None:
        now = Seconds(self._reactor.seconds())
        asics = self.plant.asics
        if self.miners:
            self._note_jobs()
        else:
            asics.give_jobs(range(len(self.plant)), now)
        self.plant.advance(now)
        if self.miners:
            self._drive_miners(now)
        self._tick = self._reactor.callLater(TICK, self._on_tick)

    def _note_jobs(self) -> None:
        last = self.plant.asics.last_job_at
        for row, miner in enumerate(self.miners):
            session = miner.session
            if session is not None and session.search is not None:
                last[row] = max(last[row], session.search.started)

    def _drive_miners(self, now: Seconds) -> None:
        asics = self.plant.asics
        found = asics.hashrate(now)
        for row, miner in enumerate(self.miners):
            top = self.plant.options.kinds[row].model.hashrate()
            miner.hashing = bool(found[row] > 0)
            miner.speed = float(found[row]) / top
            self._boot(row, miner, is_booting=asics.is_booting(row, now))
        for row in self.plant.rows_with(Fault.FAILS_OVER):
            if now - asics.last_job_at[row] > PATIENCE:
                self.miners[row].fail_over()
                asics.last_job_at[row] = now  # it rolls its last job until the next

    def _boot(self, row: int, miner: SimulatedMiner, *, is_booting: bool) -> None:
        if is_booting and row not in self._booting:
            self._booting.add(row)
            miner.stop()
        elif not is_booting and row in self._booting:
            self._booting.discard(row)
            miner.start()

    def _device(self, row: int, reactor: Any) -> SimulatedDevice:
        return SimulatedDevice(
            self.plant,
            row,
            reactor.seconds,
            lambda: self._pools_of(row),
            time.time,  # noqa: TID251  (what people read, no duration)
        )

    def _slots(self, row: int) -> list[PoolAddress]:
        fails_over = self.plant.faults[row] is Fault.FAILS_OVER
        foreign = self._options.foreign if fails_over else None
        return [*self._options.pools, *([foreign] if foreign is not None else [])]

    def _pools_of(self, row: int) -> tuple[PoolState, ...]:
        user = self.worker(row)
        active = self.miners[row].slot if self.miners else 0
        return tuple(
            PoolState(pool.url, user, n == active)
            for n, pool in enumerate(self._slots(row))
        )

    def worker(self, row: int) -> WorkerName:
        """Return a name that tells a machine's kind, where there are several."""
        kind = self.plant.options.kinds[row].model.name
        names = self._models
        rack = f"-{names.index(kind) + 1}" if len(names) > 1 else ""
        return WorkerName(f"{self._options.worker}{rack}.{row + 1:04d}")

    def _miner(self, row: int) -> SimulatedMiner:
        here = self.addresses[row]

        def dial(host: str, port: int) -> IStreamClientEndpoint:
            return TCP4ClientEndpoint(self._reactor, host, port, bindAddress=(here, 0))

        options = self.plant.options
        machine = SimulatedMachine(
            self.worker(row),
            CGMINER,
            HashesPerSecond(
                options.kinds[row].model.hashrate(self._options.hash_scale)
            ),
            options.seed * 1_000_003 + row * 7919,
        )
        slots = tuple(PoolSlot(p.host, p.port, dial) for p in self._slots(row))
        return SimulatedMiner(machine, slots, self._reactor)


class _Api(Factory):
    """Lets callers of one device in."""

    noisy = False  # a thousand lines at the start tell nobody anything

    def __init__(self, device: SimulatedDevice, clock: Any) -> None:
        self._device = device
        self._clock = clock

    @override
    def buildProtocol(self, addr: object) -> DeviceConnection:
        return DeviceConnection(self._device, self._clock)
