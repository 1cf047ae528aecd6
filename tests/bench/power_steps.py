"""What each step of a large site's control takes of the processor.

    python -m tests.bench.power_steps [--machines 27000]

The control loop of one site, its database and its link are the real ones; machines
answer 50 ms after they are asked, and half of them have no device API. Prints a line
of JSON for each phase of its life: the longest time for which the reactor was held,
that of the busiest second together, both in CPU time, and a calibration loop beside.
"""

import argparse
import math
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from protocol.units import HashesPerSecond, Seconds, UnixTime, Watts
from proxy.config import FleetConfig, PowerConfig, SiteConfig
from proxy.controller.adapters import SiteAdapters
from proxy.controller.control_loop import SiteLoop
from proxy.power.journal.store import open_store
from proxy.power.link.messages import (
    MAX_ROWS,
    FleetReport,
    GrantMiners,
    Joined,
    MinerWork,
    ParkMiners,
    Up,
)
from proxy.power.orders.order import Order
from proxy.power.ports import DeviceError, DeviceReport
from proxy.power.settings import site_control
from proxy.runtime.collector import calm_collector
from tests.bench.measured import calibration_ms, cpu_ms, report

AT = UnixTime(1_700_000_000.0)
START = Seconds(1000.0)
ANSWERS_AFTER = 0.05
WATTS, IDLE_W = Watts(3000.0), Watts(100.0)
SHARES_EVERY = 3
"""Seconds from a share of a machine to its next: 20 a minute."""


class Devices:
    """Device APIs that answer at their leisure, and do as they are told or refuse."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.waiting: deque[tuple[float, Deferred[None]]] = deque()
        self._asleep: set[str] = set()
        self.refuse = False

    async def sleep(self, address: str) -> bool:
        await self._answer()
        self._asleep.add(address)
        return True

    async def wake(self, address: str) -> bool:
        await self._answer()
        self._asleep.discard(address)
        return True

    async def limit(self, address: str, watts: Watts) -> bool:
        await self._answer()
        return bool(address and watts)

    async def read(self, address: str) -> DeviceReport:
        await self._wait()
        is_asleep = address in self._asleep
        watts = IDLE_W if is_asleep else WATTS
        return DeviceReport(is_asleep, None, watts, HashesPerSecond(0.0))

    async def _answer(self) -> None:
        await self._wait()
        if self.refuse:
            raise DeviceError("refused")

    async def _wait(self) -> None:
        waits: Deferred[None] = Deferred()
        self.waiting.append((self._clock.seconds() + ANSWERS_AFTER, waits))
        await waits


class Yard:
    """A site of `count` machines, its loop, and what each of its steps took."""

    def __init__(self, folder: Path, count: int) -> None:
        self.count = count
        self.clock = Clock()
        self.clock.rightNow = START
        self.devices = Devices(self.clock)
        self._parked: dict[int, bool] = {}
        self._changes: dict[int, bool] = {}
        self._steps: dict[int, list[tuple[float, str]]] = defaultdict(list)
        power = PowerConfig(
            budget_w=2.0 * count * WATTS,
            fail_safe_w=0.1 * count * WATTS,
            ramp_up_w_per_s=1e12,
        )
        fleet = (
            FleetConfig(workers="api.*", model="Antminer S19j Pro", control="pyasic"),
            FleetConfig(workers="bare.*", model="Antminer S19j Pro"),
        )
        site = SiteConfig(
            name="hall-a", listen=("tcp:1",), sources=["p"], power=power, fleet=fleet
        )
        control = site_control(site, power, {}, lambda _: ())
        control.begin(START, AT)
        self.loop = SiteLoop(
            control,
            SiteAdapters(self.devices),
            open_store(folder / "controller.sqlite3"),
            send=self._hear,
            clock=self.clock,
            wall_clock=lambda: UnixTime(AT - START + self.clock.seconds()),
        )

    def _hear(self, message: Up) -> None:
        match message:
            case ParkMiners() | GrantMiners():
                is_parked = isinstance(message, ParkMiners)
                self._changes |= dict.fromkeys(message.miners, is_parked)
            case _:
                return

    def come(self) -> None:
        """Let all machines connect, working."""
        self._parked = dict.fromkeys(range(self.count), False)
        self._tell(FleetReport("hall-a", True, [], [], [], []))
        for begin in range(0, self.count, MAX_ROWS):
            rows = range(begin, min(begin + MAX_ROWS, self.count))
            joined = [Joined(n, _worker(n), _address(n), False) for n in rows]
            difficulty = [(n, 100_000.0) for n in rows]
            self._tell(FleetReport("hall-a", False, joined, [], [], [], difficulty))

    def order(self, watts: float) -> None:
        """Give an order, and hear at once that it was taken."""
        at = self.loop.control.outbox.at
        order = Order("hall-a", Watts(watts), int(at), "operator", at, at)
        self._note("order", lambda: self.loop.listener.take([order]))

    def live(self, seconds: int) -> None:
        """Let `seconds` pass; each is measured."""
        for _ in range(seconds):
            end = self.clock.seconds() + 1.0
            for name, due in self._due_by(end):
                self._note(name, due)
            self.clock.rightNow = end
            for told in self._second():
                self._tell(told)

    def print_phase(self, name: str) -> None:
        """Print what was measured since the last call."""
        slices = [step for steps in self._steps.values() for step in steps]
        seconds = [sum(ms for ms, _ in steps) for steps in self._steps.values()]
        longest_ms, longest = max(slices)
        report(
            phase=name,
            machines=self.count,
            longest_ms=longest_ms,
            longest=longest,
            busiest_second_ms=max(seconds),
            mean_second_ms=sum(seconds) / len(seconds),
            seconds=len(seconds),
            calibration_ms=calibration_ms(),
        )
        self._steps.clear()

    def _due_by(self, end: float) -> Iterator[tuple[str, Callable[[], object]]]:
        """Yield what is due, one call or one answer at a time, each at its moment."""
        while (at := min(self._call_at(), self._answer_at())) <= end:
            self.clock.rightNow = max(self.clock.rightNow, at)
            if self._answer_at() == at:
                _, waits = self.devices.waiting.popleft()
                yield "answer", lambda d=waits: d.callback(None)  # type: ignore[misc]
                continue
            call = self.clock.calls.pop(0)
            call.called = 1
            name = getattr(call.func, "__qualname__", type(call.func).__name__)
            yield name, lambda c=call: c.func(*c.args, **c.kw)  # type: ignore[misc]

    def _call_at(self) -> float:
        return self.clock.calls[0].getTime() if self.clock.calls else math.inf

    def _answer_at(self) -> float:
        waiting = self.devices.waiting
        return waiting[0][0] if waiting else math.inf

    def _second(self) -> Iterator[FleetReport]:
        """Yield what the share process reports each second: who is parked, shares."""
        changes, self._changes = self._changes, {}
        self._parked |= changes
        parked = list(changes.items())
        turn = int(self.clock.seconds()) % SHARES_EVERY
        work = [
            MinerWork(n, 1, 1e5, 1e10, 0.0, 0.0)
            for n in range(turn, self.count, SHARES_EVERY)
            if not self._parked[n]
        ]
        for i in range(0, max(len(parked), len(work)), MAX_ROWS):
            told, found = parked[i : i + MAX_ROWS], work[i : i + MAX_ROWS]
            yield FleetReport("hall-a", False, [], [], told, found, [])

    def _tell(self, told: FleetReport) -> None:
        self._note("report", lambda: self.loop.report(told))

    def _note(self, name: str, step: Callable[[], object]) -> None:
        second = int(self.clock.seconds())
        self._steps[second].append((cpu_ms(step), name))


def _address(number: int) -> str:
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"


def _worker(number: int) -> str:
    return f"{'bare' if number % 2 else 'api'}.{number}"


def live(yard: Yard) -> None:
    yard.come()
    yard.loop.startService()
    yard.print_phase("all connect")
    yard.live(10)
    yard.print_phase("they are granted work")
    yard.live(20)
    yard.print_phase("at work")
    yard.order(0.05 * yard.count * WATTS)
    yard.print_phase("a trip is ordered")
    yard.live(10)
    yard.print_phase("the first 10 s of the trip")
    yard.live(145)
    yard.print_phase("the trip settles, and all rest")
    yard.order(2.0 * yard.count * WATTS)
    yard.live(10)
    yard.print_phase("all are woken")
    yard.live(60)
    yard.print_phase("at work again")
    yard.devices.refuse = True
    yard.order(0.05 * yard.count * WATTS)
    yard.live(30)
    yard.print_phase("a trip that every device refuses")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--machines", type=int, default=27_000)
    calm_collector()  # as the controller does
    with TemporaryDirectory() as folder:
        live(Yard(Path(folder), options.parse_args().machines))


if __name__ == "__main__":
    main()
