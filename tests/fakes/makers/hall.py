"""A hall of machines of all makers under the real control loop, on a virtual clock."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from protocol.units import Seconds, UnixTime
from proxy.config import FleetConfig, PowerConfig, SiteConfig
from proxy.config.machines import ModelConfig
from proxy.controller.adapters import SiteAdapters
from proxy.controller.control_loop import SiteLoop
from proxy.power.journal.store import Store, open_store
from proxy.power.link.messages import (
    EventNotice,
    FleetReport,
    GrantMiners,
    Joined,
    MinerWork,
    ParkMiners,
    Up,
)
from proxy.power.machines.models import models_with
from proxy.power.ports import MeterError
from proxy.power.settings import site_control
from proxy.power.site import SiteControl
from tests.fakes.makers.behaviour import FakeMachine, Switches
from tests.fakes.makers.every import MAKERS
from tests.fakes.makers.virtual import VirtualMakers
from tests.fakes.virtual_adapters import SITE, Speaker

MONDAY = 1_764_547_200.0
WORK_EVERY = 10
MODELS = {
    "LuxOS": "Antminer S19j Pro",
    "Antminer stock": "Antminer S19 Pro",
    "Antminer S9": "Antminer S9",
    "Whatsminer v2": "Whatsminer M50",
    "Whatsminer v3": "Whatsminer M50S",
    "Braiins OS": "Antminer S19 Pro",
    "VNish": "Antminer S19 Pro",
    "ePIC": "Antminer S19 Pro",
    "Auradine": "AT1500",
    "Avalon": "Avalon A1246",
    "Bitaxe": "Bitaxe Gamma",
}
"""What an operator writes in the fleet's row of each maker."""

OWN = (ModelConfig(name="AT1500", th_s=150.0, watts=2900.0, sleep_w=60.0),)
POOLS = ("stratum+tcp://10.0.0.5:3333", "10.0.0.5:3333")


@define(eq=False)
class HallMeter:
    """The meter of a hall, without sockets.

    Attributes:
        is_silent: It does not answer.
    """

    machines: Sequence[FakeMachine]
    clock: Clock
    is_silent: bool = False
    hertz: float | None = None
    energy_wh: float | None = None

    async def read(self) -> float:
        if self.is_silent:
            raise MeterError("silent")
        # no hall draws the same for a minute: a reading that stands still is no reading
        wobble = 1.0 + 0.001 * np.sin(self.clock.seconds())
        return float(wobble * sum(machine.watts for machine in self.machines))

    def close(self) -> None:
        pass


@define(eq=False)
class MixedHall:
    """Machines of every maker, their control, and the share process between them.

    Attributes:
        contract: What the site may draw without an order, by what all draw.
        has_meter: Control reads the hall's meter.
        power_w, budget_w: Second by second.
        wall_ahead_s: How far the wall clock is off.
    """

    path: Path
    each: int = 2
    contract: float = 1.1
    has_meter: bool = False
    clock: Clock = field(factory=Clock)
    machines: list[FakeMachine] = field(factory=list, init=False)
    power_w: list[float] = field(factory=list, init=False)
    budget_w: list[float] = field(factory=list, init=False)
    wall_ahead_s: float = field(default=0.0, init=False)
    meter: HallMeter = field(init=False)
    control: SiteControl = field(init=False)
    loop: SiteLoop = field(init=False)
    store: Store = field(init=False)
    orders: Speaker = field(factory=lambda: Speaker("grid", None), init=False)
    _granted: set[int] = field(factory=set, init=False)
    _changes: list[tuple[int, bool]] = field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        for maker in MAKERS:
            for _ in range(self.each):
                machine = FakeMachine(maker.behaviour, self.clock.seconds, Switches())
                machine.pools, machine.last_job_at = POOLS, -np.inf
                self.machines.append(machine)
        self.meter = HallMeter(self.machines, self.clock)
        self._start()
        self._report(
            joined=[
                Joined(n + 1, self._worker(n), self._address(n), is_parked=True)
                for n in range(len(self.machines))
            ]
        )

    @property
    def full_w(self) -> float:
        """What all draw at full speed."""
        return sum(machine.behaviour.full_w for machine in self.machines)

    def run(self, seconds: int) -> None:
        """Live for so long, second by second."""
        for _ in range(seconds):
            self.clock.advance(1.0)
            now = self.clock.seconds()
            for row in self._granted:
                self.machines[row].last_job_at = now
            changes, self._changes = self._changes, []
            work = self._work() if int(now) % WORK_EVERY == 0 else []
            if changes or work:
                self._report(parked=changes, work=work)
            budget = self.control.budget
            self.power_w.append(sum(machine.watts for machine in self.machines))
            self.budget_w.append(np.inf if budget is None else budget.watts)

    def order(self, watts: float) -> None:
        """Let the signal say what the site may draw."""
        self.orders.order(watts, self.wall())

    def wall(self) -> UnixTime:
        return UnixTime(MONDAY + self.clock.seconds() + self.wall_ahead_s)

    def restart(self) -> None:
        """Let the controller end, and another take over with what was kept."""
        self.stop()
        self._start()
        self._report(
            joined=[
                Joined(
                    n + 1,
                    self._worker(n),
                    self._address(n),
                    is_parked=n not in self._granted,
                )
                for n in range(len(self.machines))
            ]
        )

    def stop(self) -> None:
        """End the controller; nothing of it is left on the clock."""
        stopped = Deferred.fromCoroutine(self.loop.stopService())
        self.clock.pump([1.0] * 35)
        assert stopped.called
        self.store.close()

    def _start(self) -> None:
        power = PowerConfig(
            budget_w=self.contract * self.full_w,
            meter="modbus://127.0.0.1:502/1" if self.has_meter else "model",
            fail_safe_w=0.3 * self.full_w,
            ramp_up_w_per_s=self.full_w,
            aux_w=0.0,
            aux_share=0.0,
        )
        rows = tuple(
            FleetConfig(workers=f"rack-{i}.*", model=MODELS[name], control="pyasic")
            for i, name in enumerate(m.behaviour.name for m in MAKERS)
        )
        site = SiteConfig(
            name=SITE, listen=("tcp:1",), sources=["main"], power=power, fleet=rows
        )
        addresses = {self._address(n): m for n, m in enumerate(self.machines)}
        devices = VirtualMakers(addresses, self.clock)
        adapters = SiteAdapters(devices, self.meter, [self.orders])
        self.store = open_store(self.path)
        self.store._db.execute("PRAGMA synchronous = OFF")  # it outlives no power cut
        leases = {self.orders.name: None}
        self.control = site_control(
            site, power, leases, adapters.foreign, models_with(OWN)
        )
        self._begin()
        self.loop = SiteLoop(
            self.control,
            adapters,
            self.store,
            send=self._send,
            clock=self.clock,
            wall_clock=self.wall,
        )
        self.loop.startService()
        self._report(is_whole=True)

    def _begin(self) -> None:
        now, at = Seconds(self.clock.seconds()), self.wall()
        kept = self.store.kept(SITE, at)
        self.control.orders.restore(kept.orders, kept.silent_for, now)
        self.control.table.known.restore(kept.limits)
        self.control.table.restore(kept.machines, now)
        self.control.begin(now, at, kept.learned)

    def _worker(self, row: int) -> str:
        return f"rack-{row // self.each}.{row}"

    def _address(self, row: int) -> str:
        return f"10.0.{row // 200}.{row % 200 + 1}"

    def _send(self, message: Up) -> None:
        match message:
            case ParkMiners():
                self._note(message.miners, is_parked=True)
            case GrantMiners():
                self._note(message.miners, is_parked=False)
            case EventNotice():
                pass
            case _:
                pass

    def _note(self, miners: Sequence[int], *, is_parked: bool) -> None:
        for miner in miners:
            if is_parked:
                self._granted.discard(miner - 1)
            else:
                self._granted.add(miner - 1)
            self._changes.append((miner, is_parked))

    def _work(self) -> list[MinerWork]:
        return [
            MinerWork(row + 1, 3, 3.0, 3.0, 0.0, 0.0)
            for row, machine in enumerate(self.machines)
            if machine.th_s > 0 and row in self._granted
        ]

    def _report(
        self,
        *,
        is_whole: bool = False,
        joined: Sequence[Joined] = (),
        parked: Sequence[tuple[int, bool]] = (),
        work: Sequence[MinerWork] = (),
    ) -> None:
        report = FleetReport(SITE, is_whole, list(joined), [], list(parked), list(work))
        self.loop.report(report)
