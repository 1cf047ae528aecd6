"""A site under its real control loop, on a virtual clock, over fakes of its edges."""

import math
import random
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from twisted.internet.task import Clock

from protocol.units import Seconds, UnixTime, Watts
from proxy.config import FleetConfig, PowerConfig, SiteConfig
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
from proxy.power.machines.models import find_model
from proxy.power.orders.order import Order
from proxy.power.settings import site_control
from proxy.power.views.show import figures
from tests.fakes.power_adapters import (
    Box,
    FakeDevices,
    FakeMeter,
    FakeRelay,
    FakeSignal,
    read_events,
)

START = 1_700_000_000.0
HOLD = 600.0
"""Without a source for so long, miners are reported as parked."""


class PowerSite:
    """`count` machines, their miners, and the loop that holds them to a budget."""

    def __init__(  # noqa: PLR0913
        self,
        path: Any,
        count: int = 50,
        *,
        budget_w: float = 200_000.0,
        fail_safe_w: float = 20_000.0,
        models: Sequence[str] = ("Antminer S19j Pro", "Antminer S21"),
        control: Any = "pyasic",
        with_meter: bool = True,
        ramp_up: float = 1e9,
        signals: Sequence[FakeSignal] = (),
        bias: float = 1.03,
        seed: int = 1,
        hot: bool = True,
    ) -> None:
        self.random = random.Random(seed)  # noqa: S311
        self.clock = Clock()
        self.clock.advance(1000.0)
        self.step = 0.0  # of the wall clock
        self.extra_w = 0.0  # beside machines and auxiliary load
        self.path = path
        self.boxes: dict[str, Box] = {}
        self.signals = list(signals)
        self.relay = FakeRelay()
        self.meter = FakeMeter(self)
        self.devices = FakeDevices(self)
        self.news: list[dict[str, Any]] = []
        self.sent: list[Up] = []
        self._lost_at = math.inf
        self._is_up = False
        self._ids = iter(range(1, 1_000_000))
        self._changes: list[tuple[int, bool]] = []
        self.power = PowerConfig(
            budget_w=budget_w,
            fail_safe_w=fail_safe_w,
            ramp_up_w_per_s=ramp_up,
            meter="modbus://127.0.0.1:502/1" if with_meter else "model",
        )
        rows = tuple(
            FleetConfig(workers=f"m{i}.*", model=name, control=control)
            for i, name in enumerate(models)
        )
        self.config = SiteConfig(
            name="hall-a",
            listen=("tcp:3333",),
            sources=["main"],
            power=self.power,
            fleet=rows,
        )
        for i in range(count):
            kind = i % len(models)
            address = f"10.0.{i // 250}.{i % 250 + 1}"
            box = Box(
                address,
                f"m{kind}.{i}",
                find_model(models[kind]),
                bias * self.random.gauss(1.0, 0.02),
            )
            if hot:
                box.is_parked, box.watts = False, box.model.watts * box.bias
            self.boxes[address] = box
        self.loop: SiteLoop
        self.store: Store
        self.open()

    # the process

    def open(self) -> None:
        """Start a controller; it finds what the last one left."""
        store = open_store(self.path)
        adapters = SiteAdapters(
            self.devices,
            self.meter if self.power.meter != "model" else None,
            self.signals,
            self.relay,
        )
        leases = {s.name: s.lease_s for s in self.signals}
        control = site_control(self.config, self.power, leases, adapters.foreign)
        now, at = Seconds(self.clock.seconds()), self.wall()
        kept = store.kept("hall-a", at)
        control.orders.restore(kept.orders, kept.silent_for, now)
        control.table.known.restore(kept.limits)
        control.table.restore(kept.machines, now)
        control.begin(now, at, kept.learned)
        loop = SiteLoop(
            control,
            adapters,
            store,
            send=self._send,
            clock=self.clock,
            wall_clock=self.wall,
        )
        self.loop, self.store, self._is_up = loop, store, True
        loop.startService()
        self._tell_all()

    def kill(self) -> None:
        """End the controller as kill -9 would: nothing more is done or written."""
        for call in list(self.clock.getDelayedCalls()):
            call.cancel()
        self.loop._ticks._loop.running = False
        self._is_up = False
        self.store._db.close()

    def restart(self) -> None:
        self.kill()
        self.open()

    @property
    def now(self) -> float:
        return float(self.clock.seconds())

    @property
    def power_w(self) -> float:
        aux = self.loop.control.params.estimate.aux
        return aux.site_watts(sum(b.watts for b in self.boxes.values())) + self.extra_w

    @property
    def state(self) -> str:
        seen = figures(self.loop.control, Seconds(self.now))
        assert seen is not None
        return seen.state

    def wall(self) -> UnixTime:
        return UnixTime(START + self.clock.seconds() + self.step)

    # the miners

    def connect(self, boxes: Sequence[Box] | None = None) -> None:
        """Let machines connect: they start parked."""
        for box in boxes if boxes is not None else self.boxes.values():
            if box.miner is not None:
                self.disconnect([box])
            box.miner = next(self._ids)
            if not box.is_parked:
                box.parked_at = self.now
            box.is_parked = True
        self._report(joined=list(self._joined(boxes)))

    def disconnect(self, boxes: Sequence[Box]) -> None:
        gone = [b.miner for b in boxes if b.miner is not None]
        for box in boxes:
            box.miner = None
            if not box.is_parked:
                box.is_parked, box.parked_at = True, self.now
        self._report(left=gone)

    def lose_upstream(self) -> None:
        """Let no source have work from now on."""
        self._lost_at = self.now
        for box in self.boxes.values():
            box.starved_at = self.now
        self._report(difficulty=self._difficulties())

    def regain_upstream(self) -> None:
        """Give every machine that is granted work its jobs again, at once."""
        self._hold_out(is_out=False)
        self._lost_at = math.inf
        for box in self.boxes.values():
            box.starved_at = math.inf
        self._report(difficulty=self._difficulties())

    def retarget(self, pace: float) -> None:
        """Let every machine send so many shares a minute."""
        for box in self.boxes.values():
            box.pace = pace
        self._report(difficulty=self._difficulties())

    def _difficulties(self) -> list[tuple[int, float]]:
        """Tell what shares are judged at; 0 of those that no source has work for."""
        return [
            (b.miner, b.difficulty if b.starved_at == math.inf else 0.0)
            for b in self.boxes.values()
            if b.miner is not None
        ]

    def _hold_out(self, *, is_out: bool) -> None:
        granted = [b.miner for b in self.boxes.values() if not b.is_parked]
        self._changes += [(m, is_out) for m in granted if m is not None]

    def forget_miners(self) -> None:
        """Cut every connection with nobody there to be told: a share process died."""
        for box in self.boxes.values():
            box.miner = None
            if not box.is_parked:
                box.is_parked, box.parked_at = True, self.now
        self._changes = []

    def _joined(self, boxes: Sequence[Box] | None) -> Iterator[Joined]:
        for box in boxes if boxes is not None else self.boxes.values():
            if box.miner is not None:
                yield Joined(box.miner, box.worker, box.address, box.is_parked)

    def _tell_all(self) -> None:
        self.loop.report(FleetReport("hall-a", True, [], [], [], []))
        self._report(joined=list(self._joined(None)))

    def _report(self, **what: Any) -> None:
        if not self._is_up:
            return
        rows = {"joined": [], "left": [], "parked": [], "work": [], **what}
        if rows["joined"]:
            rows["difficulty"] = self._difficulties()
        self.loop.report(FleetReport("hall-a", False, **rows))

    def _send(self, message: Up) -> None:
        self.sent.append(message)
        match message:
            case ParkMiners():
                self._obey(message.miners, is_parked=True)
            case GrantMiners():
                self._obey(message.miners, is_parked=False)
            case EventNotice():
                self.news.append(msgspec.json.decode(message.value))
            case _:
                return

    def _obey(self, miners: Sequence[int], *, is_parked: bool) -> None:
        by_miner = {b.miner: b for b in self.boxes.values()}
        for miner in miners:
            box = by_miner.get(miner)
            if box is None or box.is_parked is is_parked:
                continue
            box.is_parked = is_parked
            box.parked_at = self.now if is_parked else -math.inf
            self._changes.append((miner, is_parked))

    def _work(self) -> list[MinerWork]:
        found = []
        for box in self.boxes.values():
            shares, each = box.finds(self.random), box.difficulty
            if not shares or box.miner is None:
                continue
            if box.is_parked and self.now - box.parked_at >= 135.0:
                found.append(MinerWork(box.miner, 0, 0.0, 0.0, 0.0, shares * each))
            else:
                work, late = shares * each, shares * each if box.is_parked else 0.0
                found.append(MinerWork(box.miner, shares, work, work * each, late, 0.0))
        return found

    # time

    def run(self, seconds: float, *, renew: bool = True) -> list[float]:
        """Live through `seconds`; return the site's watts at each of them."""
        seen = []
        for _ in range(int(seconds)):
            for _ in range(10):
                self.clock.advance(0.1)
            for box in self.boxes.values():
                box.live(self.now)
            if 0 <= self.now - self._lost_at - HOLD < 1:
                self._hold_out(is_out=True)
            changes, self._changes = self._changes, []
            self._report(parked=changes, work=self._work())
            if renew:
                for signal in self.signals:
                    if signal.listener is not None:
                        signal.listener.renew(signal.name)
            seen.append(self.power_w)
        return seen

    def order(
        self,
        watts: float,
        *,
        source: str = "operator",
        for_s: float | None = None,
        **more: Any,
    ) -> bool:
        at = self.wall()
        return self.loop.listener.take(
            [
                Order(
                    site="hall-a",
                    watts=Watts(watts),
                    seq=self.loop.control.orders.next_seq(source),
                    source=source,
                    not_before=at,
                    received_at=at,
                    expires=None if for_s is None else UnixTime(at + for_s),
                    **more,
                )
            ]
        ).is_taken

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Return what is in the log, oldest first."""
        return [r for r in read_events(self.path, START) if kind in {None, r["kind"]}]


def connected(path: Any, **options: Any) -> PowerSite:
    """Return a site whose miners have all just connected."""
    site = PowerSite(path, **options)
    site.connect()
    return site
