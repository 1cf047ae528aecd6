"""What the control of a simulated plant sees of it, without sockets."""

from attrs import define, field
from twisted.internet.task import Clock, deferLater

from protocol.units import HashesPerSecond, Seconds, UnixTime, Watts
from proxy.devices.quirks import QUIRKS, is_asleep
from proxy.power.orders.order import Order
from proxy.power.ports import (
    DEVICE_DEADLINE,
    DeviceError,
    DeviceReport,
    MeterError,
    SignalListener,
)
from proxy.sim.kinds import Fault
from proxy.sim.plant import Plant

SITE = "hall-a"


@define(eq=False)
class VirtualDevices:
    """The device APIs of a plant, without sockets."""

    plant: Plant
    clock: Clock
    rows: dict[str, int]
    unlimited: frozenset[int] = frozenset()  # machines that can only be switched
    told: dict[int, bool] = field(factory=dict)  # asleep, of those that feign
    calls: int = 0
    commands: int = 0  # of these, all but reads

    async def sleep(self, address: str) -> bool:
        return await self._command(address, asleep=True)

    async def wake(self, address: str) -> bool:
        return await self._command(address, asleep=False)

    async def limit(self, address: str, watts: Watts) -> bool:
        self.commands += 1
        row, fault = await self._reach(address)
        if fault is Fault.IGNORES or row in self.unlimited:
            return False
        fits = [n for n, (_, w) in enumerate(self._levels(row), 1) if w <= watts + 1]
        if fits and fault not in {Fault.LIES, Fault.FEIGNS}:
            self.plant.asics.set_level([row], fits[-1], self._now)
        return bool(fits)

    async def read(self, address: str) -> DeviceReport:
        row, fault = await self._reach(address)
        asics = self.plant.asics
        power = float(asics.nominal_w(self._now)[row])
        hashes = float(asics.hashrate(self._now)[row])
        if fault is Fault.FEIGNS and self.told.get(row):
            power, hashes = 25.0, 0.0
        asleep = is_asleep(
            QUIRKS["LUXMiner"],
            is_mining=True,
            power_w=Watts(power),
            hashrate_hs=HashesPerSecond(hashes),
        )
        watts = self._levels(row)[int(asics.level[row]) - 1][1]
        limit = None if row in self.unlimited else Watts(watts)
        return DeviceReport(asleep, limit, Watts(power), HashesPerSecond(hashes))

    @property
    def _now(self) -> Seconds:
        return Seconds(self.clock.seconds())

    def _levels(self, row: int) -> list[tuple[float, float]]:
        return self.plant.asics.levels_of(row)

    async def _command(self, address: str, *, asleep: bool) -> bool:
        self.commands += 1
        row, fault = await self._reach(address)
        if fault is Fault.IGNORES:
            return False
        self.told[row] = asleep
        if fault not in {Fault.LIES, Fault.FEIGNS}:
            act = self.plant.asics.sleep if asleep else self.plant.asics.wake
            act([row], self._now)
        return True

    async def _reach(self, address: str) -> tuple[int, Fault | None]:
        self.calls += 1
        row = self.rows[address]
        fault = self.plant.faults[row]
        is_booting = self.plant.asics.is_booting(row, self._now)
        if fault in {Fault.HANGS, Fault.DEAD} or is_booting:
            await deferLater(self.clock, DEVICE_DEADLINE)
            raise DeviceError(f"{address}: no answer in {DEVICE_DEADLINE:g} s")
        return row, fault


@define(eq=False)
class VirtualMeter:
    """The meter of a plant, without sockets."""

    plant: Plant
    hertz: float | None = None
    energy_wh: float | None = None

    async def read(self) -> float:
        if self.plant.meter.is_silent:
            raise MeterError("silent")
        return self.plant.meter.reading().watts

    def close(self) -> None:
        pass


class Speaker:
    """A signal that the trace speaks for."""

    def __init__(self, name: str, lease_s: float | None) -> None:
        self.name = name
        self.lease_s = None if lease_s is None else Seconds(lease_s)
        self.listener: SignalListener | None = None
        self._seq = 0

    def start(self, listener: SignalListener) -> None:
        self.listener = listener

    async def stop(self) -> None:
        self.listener = None

    def order(self, watts: float, at: UnixTime) -> None:
        """Say that the site shall draw no more than `watts`."""
        assert self.listener is not None
        self._seq += 1
        order = Order(SITE, Watts(watts), self._seq, self.name, at, at)
        receipt = self.listener.take([order])
        assert receipt.is_taken, receipt.reason

    def renew(self) -> None:
        assert self.listener is not None
        self.listener.renew(self.name)
