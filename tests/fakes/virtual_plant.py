"""A simulated plant under the real control loop, both on a virtual clock."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater

from protocol.units import HashesPerSecond, Seconds, UnixTime, Watts
from proxy.config import FleetConfig, PowerConfig, SiteConfig
from proxy.controller.edges import SiteEdges
from proxy.controller.loop import SiteLoop
from proxy.devices.quirks import QUIRKS, is_asleep
from proxy.power.budget import Order
from proxy.power.fleet import Bools, Floats
from proxy.power.messages import FleetReport, Grant, Joined, News, Park, Up, Work
from proxy.power.ports import (
    DEVICE_DEADLINE,
    DeviceError,
    DeviceReport,
    MeterError,
    SignalListener,
)
from proxy.power.settings import site_control
from proxy.power.store import open_store
from proxy.sim.kinds import Fault, Kind, kind_of
from proxy.sim.plant import Plant

MONDAY = 1_764_547_200.0
SITE = "hall-a"
WORK_EVERY = 10
LEAST = 0.05
"""Of the envelope: less than that no site of sleeping machines can keep to."""

FOUR_KINDS: tuple[tuple[Kind, float], ...] = (
    (kind_of("Antminer S19j Pro"), 0.3),
    (kind_of("Antminer S21"), 0.3),
    (kind_of("Whatsminer M50S"), 0.2),
    (kind_of("Antminer S19 Pro"), 0.2),
)
"""A mixed site, each kind as its catalogue says."""


@define(eq=False)
class VirtualDevices:
    """The device APIs of a plant, without sockets."""

    plant: Plant
    clock: Clock
    rows: dict[str, int]
    told: dict[int, bool] = field(factory=dict)  # asleep, of those that feign
    calls: int = 0

    async def sleep(self, address: str) -> bool:
        return await self._command(address, asleep=True)

    async def wake(self, address: str) -> bool:
        return await self._command(address, asleep=False)

    async def limit(self, address: str, watts: Watts) -> bool:
        row, fault = await self._reach(address)
        if fault is Fault.IGNORES:
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
        limit = self._levels(row)[int(asics.level[row]) - 1][1]
        return DeviceReport(asleep, Watts(limit), Watts(power), HashesPerSecond(hashes))

    @property
    def _now(self) -> Seconds:
        return Seconds(self.clock.seconds())

    def _levels(self, row: int) -> list[tuple[float, float]]:
        return self.plant.asics.levels_of(row)

    async def _command(self, address: str, *, asleep: bool) -> bool:
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


@define(eq=False)
class Trace:
    """What happened, second by second."""

    power_w: list[float] = field(factory=list)
    budget_w: list[float] = field(factory=list)
    state: list[str] = field(factory=list)


class VirtualSite:
    """A plant, its control, and the share process between them.

    Attributes:
        granted: (N,) which machines are given jobs.
        curtailed_s: (N,) how long each was commanded to less than full speed.
    """

    def __init__(
        self,
        path: Path,
        plant: Plant,
        clock: Clock,
        power: PowerConfig,
        signals: Sequence[Speaker] = (),
    ) -> None:
        self.plant, self.clock = plant, clock
        self.signals = list(signals)
        count = len(plant)
        self.addresses = [f"10.{n // 250}.{n % 250}.1" for n in range(count)]
        names = list(dict.fromkeys(k.model.name for k in plant.options.kinds))
        self._workers = [
            f"rack-{names.index(kind.model.name)}.{n}"
            for n, kind in enumerate(plant.options.kinds)
        ]
        rows = tuple(
            FleetConfig(workers=f"rack-{i}.*", model=name, control="pyasic")
            for i, name in enumerate(names)
        )
        site = SiteConfig(
            name=SITE, listen=("tcp:1",), sources=["main"], power=power, fleet=rows
        )
        rows_by_address = {a: n for n, a in enumerate(self.addresses)}
        self.devices = VirtualDevices(plant, clock, rows_by_address)
        edges = SiteEdges(self.devices, VirtualMeter(plant), self.signals)
        self.store = open_store(path)
        leases = {s.name: s.lease_s for s in self.signals}
        self.control = site_control(site, power, leases, edges.foreign)
        self.news: list[News] = []
        self.granted: Bools = np.zeros(count, dtype=np.bool_)
        self.curtailed_s: Floats = np.zeros(count)
        self.trace = Trace()
        self._changes: list[tuple[int, bool]] = []
        self._seconds = 0
        self.control.begin(self._now, self.wall(), None)
        self.loop = SiteLoop(
            self.control,
            edges,
            self.store,
            send=self._send,
            clock=clock,
            wall_clock=self.wall,
        )
        self.loop.startService()
        self._report(is_whole=True)
        self._report(
            joined=[
                Joined(n + 1, self._workers[n], self.addresses[n], is_parked=True)
                for n in range(count)
            ]
        )

    def wall(self) -> UnixTime:
        return UnixTime(MONDAY + self.clock.seconds())

    @property
    def state(self) -> str:
        sensed = self.control.sensed
        return "" if sensed is None else sensed.state.safety.state.value

    def second(self) -> None:
        """Live for one second."""
        self._seconds += 1
        self.clock.advance(1.0)
        self.plant.asics.give_jobs(np.flatnonzero(self.granted), self._now)
        self.plant.advance(self._now)
        changes, self._changes = self._changes, []
        work = self._work() if self._seconds % WORK_EVERY == 0 else []
        if changes or work:
            self._report(parked=changes, work=work)
        budget = self.control.budget
        self.trace.power_w.append(self.plant.power_w)
        self.trace.budget_w.append(0.0 if budget is None else budget.watts)
        self.trace.state.append(self.state)
        asics = self.plant.asics
        self.curtailed_s += asics.hashrate(self._now) == 0

    def run(self, seconds: int) -> Floats:
        """Live for `seconds`; return the site's watts in them."""
        for _ in range(seconds):
            self.second()
        return np.array(self.trace.power_w[-seconds:])

    def stop(self) -> None:
        """End it; nothing is left on the clock."""
        stopped = Deferred.fromCoroutine(self.loop.stopService())
        self.clock.pump([1.0] * 5)
        assert stopped.called
        self.store.close()

    @property
    def _now(self) -> Seconds:
        return Seconds(self.clock.seconds())

    def _send(self, message: Up) -> None:
        match message:
            case Park():
                self._obey(message.miners, is_parked=True)
            case Grant():
                self._obey(message.miners, is_parked=False)
            case News():
                self.news.append(message)
            case _:
                pass

    def _obey(self, miners: Sequence[int], *, is_parked: bool) -> None:
        for miner in miners:
            self.granted[miner - 1] = not is_parked
            self._changes.append((miner, is_parked))

    def _work(self) -> list[Work]:
        hashing = np.flatnonzero(self.plant.asics.hashrate(self._now) > 0)
        return [
            Work(int(n) + 1, 3, 3.0, 3.0, 0.0, 0.0) for n in hashing if self.granted[n]
        ]

    def _report(
        self,
        *,
        is_whole: bool = False,
        joined: Sequence[Joined] = (),
        parked: Sequence[tuple[int, bool]] = (),
        work: Sequence[Work] = (),
    ) -> None:
        self.loop.report(
            FleetReport(SITE, is_whole, list(joined), [], list(parked), list(work))
        )


def worst_minute(trace: Trace, grace: int = 20) -> float:
    """Return the worst minute's mean watts by what it might have been.

    What may be drawn at a moment is the highest budget of the `grace` seconds
    before: an order has so long to show. Budgets below what machines draw asleep,
    which nobody can keep, do not count.
    """
    budget = np.array(trace.budget_w)
    budget = np.maximum(budget, LEAST * budget.max())
    padded = np.concatenate([np.full(grace, budget[0]), budget])
    allowed = np.max(np.lib.stride_tricks.sliding_window_view(padded, grace + 1), 1)
    minute = np.ones(60) / 60
    drawn = np.convolve(trace.power_w, minute, "valid")
    return float((drawn / np.convolve(allowed, minute, "valid")).max())
