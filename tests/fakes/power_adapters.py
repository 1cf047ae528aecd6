"""The machines of a site as they really are, and what its control sees of them."""

import json
import math
import random
import sqlite3
from typing import Any, Protocol

from attrs import define
from twisted.internet.task import Clock, deferLater

from protocol.units import HashesPerSecond, Seconds, Watts
from protocol.work.hashrate import HASHES_PER_DIFFICULTY
from proxy.power.ports import (
    DeviceError,
    DeviceReport,
    MeterError,
    RelayError,
    SignalListener,
)

WATCHDOG = 125.0
TIME_OUT = 3.0


class PlantView(Protocol):
    """What the edges see of the plant."""

    clock: Clock
    boxes: "dict[str, Box]"
    random: random.Random

    @property
    def now(self) -> float: ...

    @property
    def power_w(self) -> float: ...


@define(eq=False)
class Box:
    """A machine of the plant as it really is."""

    address: str
    worker: str
    model: Any
    bias: float
    watts: float = 0.0
    asleep: bool = False
    changed_at: float = -math.inf
    limit_w: float = math.inf
    miner: int | None = None
    is_parked: bool = True
    parked_at: float = -math.inf
    starved_at: float = math.inf  # no job came since, though it is granted work
    lies: bool = False  # says yes, does nothing, reads back as told
    ignores: bool = False  # says yes, does nothing, reads back the truth
    hangs: bool = False
    told_asleep: bool = False
    is_on: bool = True
    boards: float = 1.0  # part of its hashes that it finds for us
    watchdog: float = WATCHDOG
    pace: float = 20.0  # shares a minute at full speed

    @property
    def difficulty(self) -> float:
        """Of its shares."""
        each = float(self.model.hashrate()) * 60.0 / self.pace
        return each / HASHES_PER_DIFFICULTY

    def finds(self, chance: random.Random) -> int:
        """Return the shares that it happens to find in one second."""
        part = self.watts / (self.bias * self.model.watts)
        if part < 2 * self.model.idle_w / self.model.watts:
            return 0
        shares, rest = 0, chance.expovariate(1.0)
        while rest < part * self.boards * self.pace / 60.0:
            shares, rest = shares + 1, rest + chance.expovariate(1.0)
        return shares

    def goal_w(self, now: float) -> float:
        if not self.is_on:
            return 0.0
        if self.asleep:
            return float(self.model.sleep_w)
        full = min(self.model.watts, self.limit_w)
        return float(full if self.has_job(now) else self.model.idle_w)

    def has_job(self, now: float) -> bool:
        """It is given jobs, or its watchdog has not noticed yet that it is not."""
        is_served = not self.is_parked and self.miner is not None
        since = self.starved_at if is_served else min(self.starved_at, self.parked_at)
        return now - since < self.watchdog

    def live(self, now: float) -> None:
        goal = self.goal_w(now) * self.bias
        if goal <= self.watts:
            slow = self.asleep and now - self.changed_at < 0.8 * self.model.t_down_s
            self.watts = self.watts if slow else goal
            return
        if now - self.changed_at >= 0.3 * self.model.t_up_s:
            per_second = self.model.watts / max(1.0, 0.7 * self.model.t_up_s)
            self.watts = min(goal, self.watts + per_second)


class FakeDevices:
    """The device APIs of the plant."""

    def __init__(self, plant: PlantView) -> None:
        self._plant = plant
        self.calls: list[tuple[float, str, str]] = []

    async def sleep(self, address: str) -> bool:
        box = await self._reach(address, "sleep")
        box.told_asleep = True
        if not (box.lies or box.ignores) and not box.asleep:
            box.asleep, box.changed_at = True, self._plant.now
        return True

    async def wake(self, address: str) -> bool:
        box = await self._reach(address, "wake")
        box.told_asleep = False
        if box.asleep:
            box.asleep, box.changed_at = False, self._plant.now
        return True

    async def limit(self, address: str, watts: Watts) -> bool:
        box = await self._reach(address, "limit")
        if not (box.lies or box.ignores):
            box.limit_w = watts
        return True

    async def read(self, address: str) -> DeviceReport:
        box = await self._reach(address, "read")
        asleep = box.told_asleep if box.lies else box.asleep
        watts = box.model.sleep_w if box.lies and asleep else box.watts
        limit = min(box.limit_w, box.model.watts)
        return DeviceReport(asleep, Watts(limit), Watts(watts), HashesPerSecond(0.0))

    async def _reach(self, address: str, what: str) -> Box:
        box = self._plant.boxes[address]
        self.calls.append((self._plant.clock.seconds(), what, address))
        if box.hangs or not box.is_on:
            await deferLater(self._plant.clock, TIME_OUT)
            raise DeviceError(f"{address}: no answer in 3 s")
        return box


class FakeMeter:
    """The plant's meter: `fault` frozen, nan or silent; `spikes` readings to come."""

    hertz: float | None = None
    energy_wh: float | None = None

    def __init__(self, plant: PlantView) -> None:
        self._plant = plant
        self.fault = ""
        self.spikes = 0
        self._last = 0.0

    async def read(self) -> float:
        if self.fault == "silent":
            raise MeterError("no answer")
        if self.fault == "nan":
            return math.nan
        if self.fault != "frozen":
            noise = 1.0 + 0.001 * self._plant.random.gauss(0.0, 1.0)
            self._last = self._plant.power_w * noise
        if self.spikes:
            self.spikes -= 1
            return 10.0 * self._last
        return self._last

    def close(self) -> None:
        pass


class FakeSignal:
    """A signal with a lease, spoken for by the test."""

    def __init__(self, name: str = "grid", lease_s: float | None = 30.0) -> None:
        self.name = name
        self.lease_s = None if lease_s is None else Seconds(lease_s)
        self.listener: SignalListener | None = None

    def start(self, listener: SignalListener) -> None:
        self.listener = listener

    async def stop(self) -> None:
        self.listener = None


class FakeRelay:
    def __init__(self) -> None:
        self.beats: list[bool] = []
        self.is_lost = False

    async def beat(self, *, may_run: bool) -> None:
        if self.is_lost:
            raise RelayError("no answer")
        self.beats.append(may_run)

    async def close(self) -> None:
        pass


def read_events(path: Any, start: float) -> list[dict[str, Any]]:
    """Return the log of a controller, its times counted from `start`."""
    sql = "SELECT at, kind, cause, body FROM event ORDER BY id"
    db = sqlite3.connect(path)
    rows = [
        {"at": at - start, "kind": kind, "cause": cause, **json.loads(body)}
        for at, kind, cause, body in db.execute(sql)
    ]
    db.close()
    return rows
