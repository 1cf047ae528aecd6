"""The control loop of one site: hear, decide, write down, act."""

import math
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from attrs import evolve
from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from typing_extensions import override

from protocol.setpoint.points import Points
from protocol.units import Seconds, UnixTime, Watts
from proxy.controller.adapters import SiteAdapters
from proxy.controller.calls import DeviceCalls
from proxy.controller.meter_poll import MeterPoller
from proxy.controller.relay_beat import RelayHeartbeat
from proxy.controller.site_journal import SiteJournal
from proxy.devices.login import makers_own
from proxy.power.evidence.minutes import MinuteLog
from proxy.power.journal.alarms import AlarmName
from proxy.power.journal.effects import Call
from proxy.power.journal.store import Store
from proxy.power.link.messages import (
    FailSafe,
    FleetReport,
    GrantMiners,
    ParkMiners,
    SiteFigures,
    Up,
)
from proxy.power.machines.holds import Holds
from proxy.power.orders.documents import DocumentRow, Recorded
from proxy.power.orders.market import Market, ModelGroup
from proxy.power.orders.order import Order
from proxy.power.orders.orders import OrderBookState
from proxy.power.orders.receipt import InForce, Receipt
from proxy.power.ports import DeviceError, DeviceReport
from proxy.power.site import SiteControl
from proxy.power.views.back_channel import in_force, note_clock, note_refused, points
from proxy.power.views.market import models, needs_w
from proxy.power.views.show import figures
from proxy.runtime.periodic import PeriodicService
from proxy.signals.signed.source import SignedDocuments

SENSE_EVERY = Seconds(1.0)
GATHER = Seconds(0.02)
"""How long what devices answer is gathered before it is written down."""

ALIVE_FOR = Seconds(5.0)
"""After a look at the site; with no other one nobody holds it to its budget."""

MAX_TOLD = 50_000
"""Connections parked or granted by one message: 500 kB."""

NOT_WRITTEN = "it could not be written down"


class SeenByOthers(Protocol):
    """The event log as others see it."""

    def origin(self) -> str:
        """Return what it is called; empty: none is published."""

    def cosigned(self) -> Mapping[str, float]:
        """Return when each witness cosigned it last, Unix seconds, by its name."""


class SeenByNobody:
    """No log is published."""

    def origin(self) -> str:
        """See `SeenByOthers`."""
        return ""

    def cosigned(self) -> Mapping[str, float]:
        """See `SeenByOthers`."""
        return {}


class SiteLoop(Service):
    """Runs the control of one site, and is the listener of its signals and devices.

    Args:
        control: Begun.
        adapters: Its surroundings.
        store: Where all is written first.
        send: Sends a message to the share process.
        clock: Monotonic.
        wall_clock: What time it is.
        keeps_minutes: Each minute's watts and shares go into the log, for others.
        others: The log as others see it.
    """

    def __init__(  # noqa: PLR0913
        self,
        control: SiteControl,
        adapters: SiteAdapters,
        store: Store,
        *,
        send: Callable[[Up], None],
        clock: IReactorTime,
        wall_clock: Callable[[], UnixTime],
        keeps_minutes: bool = False,
        others: SeenByOthers | None = None,
    ) -> None:
        self.control = control
        self._others = others or SeenByNobody()
        self._adapters = adapters
        self._send = send
        self._clock = clock
        self._wall_clock = wall_clock
        self._calls = DeviceCalls(adapters.devices, self)
        self._ticks = PeriodicService(SENSE_EVERY, self._sense, clock)
        meter, relay = adapters.meter, adapters.relay
        self._meter_poller = None if meter is None else MeterPoller(meter, clock)
        self._relay_heartbeat = (
            None
            if relay is None
            else RelayHeartbeat(relay, control, clock, self.is_alive)
        )
        self._soon: IDelayedCall | None = None
        self._journal = SiteJournal(
            control, store, send, wall_clock, self._others.origin
        )
        self._reading: float | None = None
        self._minutes = (
            MinuteLog(control.outbox.log, meter is not None, secrets.token_bytes)
            if keeps_minutes
            else None
        )
        self._ticked_at = Seconds(-math.inf)

    @override
    def startService(self) -> None:
        super().startService()
        self._adapters.learn_logins(self.control.login_of)
        for signal in self._adapters.signals:
            signal.start(self)
        self._ticks.startService()
        if self._relay_heartbeat is not None:
            self._relay_heartbeat.startService()

    @override
    async def stopService(self) -> None:
        """Stop; machines stay as they are."""
        super().stopService()
        if self._relay_heartbeat is not None:
            await self._relay_heartbeat.stopService()
        await self._ticks.stopService()
        for signal in self._adapters.signals:
            await signal.stop()
        if self._soon is not None and self._soon.active():
            self._soon.cancel()
        await self._calls.stop()
        self._adapters.learn_logins(makers_own)
        if self._minutes is not None:
            self.control.outbox.at = self._wall_clock()
            self._minutes.end()
        if self._meter_poller is not None:
            await self._meter_poller.stop()
        self._flush()
        self._journal.keep()
        if self._relay_heartbeat is not None:
            await self._relay_heartbeat.hang_up()

    def is_alive(self) -> bool:
        """Tell whether the site is looked at, and so held to its budget."""
        return self._now() - self._ticked_at < ALIVE_FOR

    def figures(self) -> SiteFigures | None:
        """Return the site's power at a glance, None before its first look."""
        return figures(self.control, self._now())

    # what is heard

    def take(
        self, orders: Sequence[Order], *, instead_of: str | None = None
    ) -> Receipt:
        """See `ports.SignalListener`."""
        said, lagged = self.control.orders.said(), self._journal.lags
        receipt = self.control.take(orders, self._now(), self._wall_clock(), instead_of)
        self._flush()
        self._soon_again(Seconds(0.0))
        if receipt.is_taken and self._journal.lags:
            return self._not_kept(orders, said, lagged=lagged)
        for source in {o.source for o in orders} if receipt.is_taken else ():
            self._journal.spoke(source)
        return receipt

    @property
    def signed(self) -> SignedDocuments | None:
        """The site's signal of signed documents, None if it has none."""
        found = (s for s in self._adapters.signals if isinstance(s, SignedDocuments))
        return next(found, None)

    def standing(self, source: str) -> Sequence[Order]:
        """See `ports.SignalListener`."""
        return [o for o in self.control.orders.orders if o.source == source]

    def in_force(self) -> InForce:
        """See `ports.SignalListener`."""
        return in_force(self.control)

    def renew(self, source: str) -> None:
        """See `ports.SignalListener`."""
        self.control.orders.renew(source, self._now())
        self._journal.spoke(source)

    def refused(self, source: str, why: str, body: dict[str, Any]) -> None:
        """See `ports.SignalListener`."""
        note_refused(self.control, {"source": source, **body}, why, self._wall_clock())
        self._soon_again(GATHER)

    def record(
        self,
        kind: str,
        cause: str,
        body: dict[str, Any],
        rows: Sequence[DocumentRow] = (),
    ) -> Recorded | None:
        """See `ports.SignalListener`."""
        # What has gathered comes before it in the log, where it can be written at all.
        return self._journal.record(kind, cause, body, rows) if self._flush() else None

    def documents(self) -> Sequence[DocumentRow]:
        """See `ports.SignalListener`."""
        return self._journal.documents()

    def forget_documents(self, until: UnixTime) -> None:
        """See `ports.SignalListener`."""
        self._journal.forget_documents(until)

    def moments(self) -> Sequence[UnixTime]:
        """See `ports.SignalListener`."""
        return self.control.wall.moments(self._now(), self._wall_clock())

    def cosigned(self) -> Mapping[str, float]:
        """See `ports.SignalListener`."""
        return self._others.cosigned()

    def points(self, source: str) -> Points:
        """See `ports.SignalListener`."""
        meter = self._adapters.meter
        found = points(self.control, source, self._now())
        return found if meter is None else evolve(found, hz=meter.hertz)

    def describe(self, source: str, text: str) -> None:
        """See `ports.SignalListener`."""
        self.control.said_of[source] = text

    def clock_off(self, source: str, skew_s: Seconds | None) -> None:
        """See `ports.SignalListener`."""
        note_clock(self.control, source, skew_s, self._now(), self._wall_clock())
        self._soon_again(GATHER)

    def models(self) -> Sequence[ModelGroup]:
        """See `ports.SignalListener`."""
        return models(self.control)

    def needs_w(self, runs: frozenset[str]) -> Watts:
        """See `ports.SignalListener`."""
        return needs_w(self.control, runs)

    def priced(self, market: Market) -> None:
        """See `ports.SignalListener`."""
        self.control.market = market

    def clear(self, source: str, cause: str) -> int | None:
        """Forget the orders of `source`; return how many there were.

        None: that could not be written down, and is undone.
        """
        said, lagged = self.control.orders.said(), self._journal.lags
        count = self.control.withdraw(source, cause, self._wall_clock())
        self._flush()
        self._soon_again(Seconds(0.0))
        if count and self._journal.lags:
            self._not_kept((), said, lagged=lagged)
            return None
        return count

    def forget(self, pattern: str) -> int:
        """Forget absent machines; return how many that were."""
        count = self.control.forget(pattern, self._now(), self._wall_clock())
        self._flush()
        return count

    def note_action(self, cause: str, body: dict[str, Any]) -> None:
        """Put into the log what an operator did beside orders, and who it was."""
        self.note("action", cause, body)

    def note(self, kind: str, cause: str, body: dict[str, Any]) -> None:
        """Put an event into the log that the control law knows nothing of."""
        self.control.outbox.at = self._wall_clock()
        self.control.outbox.log(kind, cause, body)
        self._flush()

    def alarm(self, name: AlarmName, why: str, body: dict[str, Any]) -> None:
        """Have an alarm of more than this site stand; it ends where `why` is empty."""
        self.control.outbox.at = self._wall_clock()
        if why:
            self.control.alarms.holds(name, why, body, self._now())
        else:
            self.control.alarms.lapses(name, self._now(), after=Seconds(0.0))
        self._flush()

    def hold_off(self, holds: Holds) -> None:
        """Hold machines off, as an operator says."""
        self.control.hold_off(holds, self._wall_clock())
        self._flush()
        self._soon_again(Seconds(0.0))

    def report(self, report: FleetReport) -> None:
        """Take in what changed among the miners."""
        self.control.report(report, self._now(), self._wall_clock())
        if self._minutes is not None:
            table = self.control.table
            owners = [table.of_miner(work.id) for work in report.work]
            tenants = [None if m is None else m.kind.tenant for m in owners]
            self._minutes.shares(zip(report.work, tenants, strict=True))
        self._flush()

    def failed_safe(self, told: FailSafe) -> None:
        """Take in what the share process did without us."""
        self.control.presence.failed_safe(told)
        self._flush()

    def answered(self, call: Call, error: DeviceError | None) -> None:
        """See `calls.CallListener`."""
        self.control.answered(call, error, self._now(), self._wall_clock())
        self._soon_again(GATHER)

    def reported(self, key: str, report: DeviceReport | None) -> None:
        """See `calls.CallListener`."""
        self.control.reported(key, report, self._now(), self._wall_clock())
        self._soon_again(GATHER)

    # what is done

    async def _sense(self) -> None:
        self._reading = (
            None if self._meter_poller is None else await self._meter_poller.look()
        )
        self._note_second()
        self._tick()
        self._journal.tick(self._now())

    def _note_second(self) -> None:
        """Take down what others may want to know of this second."""
        budget = self.control.budget
        if self._minutes is not None and budget is not None:
            self.control.outbox.at = at = self._wall_clock()
            self._minutes.second(at, self._reading, budget.watts)

    def _tick(self) -> None:
        self.control.tick(self._now(), self._wall_clock(), self._reading)
        self._flush()
        self._ticked_at = self._now()
        self._go_on_soon()

    def _soon_again(self, delay: Seconds) -> None:
        """Write down and do what has gathered; look at the site if that is urgent."""
        if self._soon is not None and self._soon.active():
            if delay > 0:
                return
            self._soon.cancel()
        self._soon = self._clock.callLater(delay, self._gathered)

    def _gathered(self) -> None:
        if self.control.is_urgent and self.running:
            self._tick()
            return
        if self.control.is_behind and self.running:
            self.control.go_on(self._now(), self._wall_clock())
        self._flush()
        self._go_on_soon()

    def _go_on_soon(self) -> None:
        """Go on in the next turn of the reactor: it is held for no longer than that."""
        if self.control.is_behind and self.running:
            self._soon_again(Seconds(0.0))

    def _flush(self) -> bool:
        """Write down what is to be done, then do it; return whether it is written.

        What cannot be written down is not done, but for what lowers power.
        """
        effects = self.control.drain()
        is_written = self._journal.write(effects)
        self._tell(ParkMiners, effects.park)
        if is_written:
            self._tell(GrantMiners, effects.grant)
        for call in effects.calls:
            if is_written or call.is_down:
                self._calls.add(call)
            else:
                self._calls.hold(call)
        if is_written:
            self._calls.release(self.control.actuations.resume)
        return is_written

    def _tell(self, kind: type[ParkMiners | GrantMiners], miners: list[int]) -> None:
        for begin in range(0, len(miners), MAX_TOLD):
            self._send(kind(self.control.name, miners[begin : begin + MAX_TOLD]))

    def _not_kept(
        self, orders: Sequence[Order], said: OrderBookState, *, lagged: bool
    ) -> Receipt:
        """Undo what was heard and could not be written down, unless it lowers.

        Args:
            orders: That were taken; none where some were withdrawn.
            said: What was said before.
            lagged: That was not all written down either.
        """
        holds = self.control.take_back(
            orders, said, NOT_WRITTEN, self._now(), self._wall_clock()
        )
        if holds:  # given again, or with the next write, it becomes durable
            why = f"{NOT_WRITTEN}: it holds while this controller runs"
            return Receipt(is_taken=False, reason=why)
        self._journal.lags = lagged
        return Receipt(is_taken=False, reason=NOT_WRITTEN)

    def _now(self) -> Seconds:
        return Seconds(self._clock.seconds())
