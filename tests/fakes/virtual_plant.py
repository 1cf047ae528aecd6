"""A simulated plant under the real control loop, both on a virtual clock."""

import math
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Literal

import numpy as np
from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from protocol.units import Seconds, UnixTime
from proxy.config import FleetConfig, PowerConfig, SiteConfig
from proxy.controller.adapters import SiteAdapters
from proxy.controller.control_loop import SiteLoop
from proxy.power.journal.store import open_store
from proxy.power.link.messages import (
    EventNotice,
    FleetReport,
    GrantMiners,
    Joined,
    MinerWork,
    ParkMiners,
    Up,
)
from proxy.power.machines.fleet import Bools, Floats, Ints
from proxy.power.settings import site_control
from proxy.sim.kinds import MachineKind, kind_of
from proxy.sim.plant import Plant
from tests.fakes.virtual_adapters import SITE, Speaker, VirtualDevices, VirtualMeter

MONDAY = 1_764_547_200.0
WORK_EVERY = 10
HOLD_S = 600
"""Without a source for so long, miners are told of as parked."""

LEAST = 0.05
"""Of the envelope: less than that no site of sleeping machines can keep to."""

FOUR_KINDS: tuple[tuple[MachineKind, float], ...] = (
    (kind_of("Antminer S19j Pro"), 0.3),
    (kind_of("Antminer S21"), 0.3),
    (kind_of("Whatsminer M50S"), 0.2),
    (kind_of("Antminer S19 Pro"), 0.2),
)
"""A mixed site, each kind as its catalogue says."""


class Means(Enum):
    """By what a site's machines can be held."""

    LIMITS = "limits"  # all take power limits
    SOME = "some"  # two of five take limits, the others sleep
    PARKING = "parking"  # none has an API that is used

    @property
    def control(self) -> Literal["pyasic", "stratum"]:
        """As in a fleet row."""
        return "stratum" if self is Means.PARKING else "pyasic"

    def unlimited(self, count: int) -> frozenset[int]:
        """Return which of `count` machines refuse limits."""
        if self is not Means.SOME:
            return frozenset()
        return frozenset(n for n in range(count) if n % 5 not in {0, 3})


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
        curtailed_s: (N,) seconds of full speed that each was kept from.
        switches: (N,) how often each began or ceased to hash.
        soonest_s: The shortest time between two such changes of one machine.
    """

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        path: Path,
        plant: Plant,
        clock: Clock,
        power: PowerConfig,
        signals: Sequence[Speaker] = (),
        means: Means = Means.LIMITS,
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
            FleetConfig(workers=f"rack-{i}.*", model=name, control=means.control)
            for i, name in enumerate(names)
        )
        site = SiteConfig(
            name=SITE, listen=("tcp:1",), sources=["main"], power=power, fleet=rows
        )
        rows_by_address = {a: n for n, a in enumerate(self.addresses)}
        unlimited = means.unlimited(count)
        self.devices = VirtualDevices(plant, clock, rows_by_address, unlimited)
        adapters = SiteAdapters(self.devices, VirtualMeter(plant), self.signals)
        self.store = open_store(path)
        self.store._db.execute("PRAGMA synchronous = OFF")  # it outlives no power cut
        leases = {s.name: s.lease_s for s in self.signals}
        self.control = site_control(site, power, leases, adapters.foreign)
        self.news: list[EventNotice] = []
        self.granted: Bools = np.zeros(count, dtype=np.bool_)
        self.curtailed_s: Floats = np.zeros(count)
        self.trace = Trace()
        self.switches: Ints = np.zeros(count, dtype=np.int64)
        self.soonest_s = math.inf
        self._switched_at: Floats = np.full(count, -math.inf)
        self._hashes: Bools = np.ones(count, dtype=np.bool_)
        self._changes: list[tuple[int, bool]] = []
        self._seconds = 0
        self._full_hs = plant.asics.hashrate(self._now)
        self._round = 0  # how often the miners have connected
        self._lost_at = math.inf
        self.control.begin(self._now, self.wall(), None)
        self.loop = SiteLoop(
            self.control,
            adapters,
            self.store,
            send=self._send,
            clock=clock,
            wall_clock=self.wall,
        )
        self.loop.startService()
        self._report(is_whole=True)
        self.connect(0, 1)

    def wall(self) -> UnixTime:
        return UnixTime(MONDAY + self.clock.seconds())

    @property
    def state(self) -> str:
        sensed = self.control.sensed
        return "" if sensed is None else sensed.state.safety.state.value

    def live(self, seconds: int = 1) -> None:
        """Live for `seconds` at once: control looks only at their end."""
        self._seconds += seconds
        self.clock.advance(float(seconds))
        if self._now < self._lost_at:
            self.plant.asics.give_jobs(np.flatnonzero(self.granted), self._now)
        elif self._now - self._lost_at - HOLD_S in range(seconds):
            self._hold_out(is_out=True)
        self.plant.advance(self._now)
        changes, self._changes = self._changes, []
        work = self._work() if self._seconds % WORK_EVERY == 0 else []
        if changes or work:
            self._report(parked=changes, work=work)
        budget = self.control.budget
        self.trace.power_w += [self.plant.power_w] * seconds
        self.trace.budget_w += [0.0 if budget is None else budget.watts] * seconds
        self.trace.state += [self.state] * seconds
        found = self.plant.asics.hashrate(self._now)
        self.curtailed_s += seconds * (1.0 - found / self._full_hs)
        self._count_switches(found > 0)

    def _count_switches(self, hashes: Bools) -> None:
        changed, self._hashes = self._hashes != hashes, hashes
        self.switches += changed
        lasted = self._now - self._switched_at[changed]
        self.soonest_s = min(self.soonest_s, float(lasted.min(initial=math.inf)))
        # In the first second those fall silent that start idle.
        self._switched_at[changed] = self._now if self._seconds > 1 else -math.inf

    def connect(self, part: int, parts: int) -> None:
        """Let that part of the machines connect, parked."""
        rows = range(part, len(self.plant), parts)
        self._report(
            joined=[
                Joined(self._id(n), self._workers[n], self.addresses[n], is_parked=True)
                for n in rows
            ]
        )

    def cut_supply(self) -> None:
        """Let every machine go off and boot; each has to connect again."""
        count = len(self.plant)
        self.plant.asics.reboot(range(count), self._now)
        self._report(left=[self._id(n) for n in range(count)])
        self.plant.asics.last_job_at[:] = -np.inf
        self.granted[:] = False
        self._changes = []
        self._round += 1

    def lose_upstream(self) -> None:
        """Let no source have work from now on."""
        self._lost_at = float(self._now)

    def regain_upstream(self) -> None:
        """Let all that are granted work have it again."""
        self._lost_at = math.inf
        self._hold_out(is_out=False)

    def _hold_out(self, *, is_out: bool) -> None:
        self._changes += [
            (self._id(n), is_out) for n in np.flatnonzero(self.granted).tolist()
        ]

    def _id(self, row: int) -> int:
        return self._round * len(self.plant) + row + 1

    def run(self, seconds: int) -> Floats:
        """Live for `seconds`; return the site's watts in them."""
        for _ in range(seconds):
            self.live()
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
            case ParkMiners():
                self._obey(message.miners, is_parked=True)
            case GrantMiners():
                self._obey(message.miners, is_parked=False)
            case EventNotice():
                self.news.append(message)
            case _:
                pass

    def _obey(self, miners: Sequence[int], *, is_parked: bool) -> None:
        for miner in miners:
            row = miner - 1 - self._round * len(self.plant)
            if row >= 0:  # else it has gone
                self.granted[row] = not is_parked
                self._changes.append((miner, is_parked))

    def _work(self) -> list[MinerWork]:
        hashing = np.flatnonzero(self.plant.asics.hashrate(self._now) > 0)
        return [
            MinerWork(self._id(int(n)), 3, 3.0, 3.0, 0.0, 0.0)
            for n in hashing
            if self.granted[n]
        ]

    def _report(
        self,
        *,
        is_whole: bool = False,
        joined: Sequence[Joined] = (),
        left: Sequence[int] = (),
        parked: Sequence[tuple[int, bool]] = (),
        work: Sequence[MinerWork] = (),
    ) -> None:
        self.loop.report(
            FleetReport(
                SITE, is_whole, list(joined), list(left), list(parked), list(work)
            )
        )


PARKED_GRACE = 150
"""Seconds until a machine that is held by parking has stopped: as those that defy
their API are, once they were found out."""


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
