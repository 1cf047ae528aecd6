"""The control loop of one site: hear, decide, write down, act.

`SiteListener` hears its signals, `EffectRunner` does what is decided; here is when.
"""

import math
import secrets
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from typing_extensions import override

from protocol.units import Seconds, UnixTime
from proxy.controller.adapters import SiteAdapters
from proxy.controller.calls import DeviceCalls
from proxy.controller.effect_runner import EffectRunner
from proxy.controller.meter_poll import MeterPoller
from proxy.controller.relay_beat import RelayHeartbeat
from proxy.controller.site_journal import SiteJournal
from proxy.controller.site_listener import SeenByNobody, SeenByOthers, SiteListener
from proxy.devices.login import makers_own
from proxy.power.evidence.minutes import MinuteLog
from proxy.power.journal.alarms import AlarmName
from proxy.power.journal.effects import Call
from proxy.power.journal.store import Store
from proxy.power.link.messages import FailSafe, FleetReport, SiteFigures, Up
from proxy.power.machines.holds import Holds
from proxy.power.ports import DeviceError, DeviceReport
from proxy.power.site import SiteControl
from proxy.power.views.show import figures
from proxy.runtime.periodic import PeriodicService
from proxy.signals.signed.source import SignedDocuments

SENSE_EVERY = Seconds(1.0)

ALIVE_FOR = Seconds(5.0)
"""After a look at the site; with no other one nobody holds it to its budget."""


class SiteLoop(Service):
    """Runs the control of one site, and hears its machines.

    Args:
        control: Begun.
        adapters: Its surroundings.
        store: Where all is written first.
        send: Sends a message to the share process.
        clock: Monotonic.
        wall_clock: What time it is.
        keeps_minutes: Each minute's watts and shares go into the log, for others.
        others: The log as others see it.

    Attributes:
        listener: Hears its signals, and operators' orders.
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
        self._adapters = adapters
        self._clock = clock
        self._wall_clock = wall_clock
        others = others or SeenByNobody()
        self._journal = SiteJournal(control, store, send, wall_clock, others.origin)
        self._calls = DeviceCalls(adapters.devices, self)
        self._runner = EffectRunner(
            control, self._journal, self._calls, send, clock, wall_clock, self._tick
        )
        meter, relay = adapters.meter, adapters.relay
        self.listener = SiteListener(
            control, self._journal, self._runner, meter, others, clock, wall_clock
        )
        self._ticks = PeriodicService(SENSE_EVERY, self._sense, clock)
        self._meter_poller = None if meter is None else MeterPoller(meter, clock)
        self._relay_heartbeat = (
            None
            if relay is None
            else RelayHeartbeat(relay, control, clock, self.is_alive)
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
        self._runner.is_running = True
        self._adapters.learn_logins(self.control.login_of)
        for signal in self._adapters.signals:
            signal.start(self.listener)
        self._ticks.startService()
        if self._relay_heartbeat is not None:
            self._relay_heartbeat.startService()

    @override
    async def stopService(self) -> None:
        """Stop; machines stay as they are."""
        super().stopService()
        self._runner.is_running = False
        if self._relay_heartbeat is not None:
            await self._relay_heartbeat.stopService()
        await self._ticks.stopService()
        for signal in self._adapters.signals:
            await signal.stop()
        self._runner.stop()
        await self._calls.stop()
        self._adapters.learn_logins(makers_own)
        if self._minutes is not None:
            self.control.outbox.at = self._wall_clock()
            self._minutes.end()
        if self._meter_poller is not None:
            await self._meter_poller.stop()
        self._runner.flush()
        self._journal.keep()
        if self._relay_heartbeat is not None:
            await self._relay_heartbeat.hang_up()

    def is_alive(self) -> bool:
        """Tell whether the site is looked at, and so held to its budget."""
        return self._now() - self._ticked_at < ALIVE_FOR

    def figures(self) -> SiteFigures | None:
        """Return the site's power at a glance, None before its first look."""
        return figures(self.control, self._now())

    @property
    def signed(self) -> SignedDocuments | None:
        """The site's signal of signed documents, None if it has none."""
        found = (s for s in self._adapters.signals if isinstance(s, SignedDocuments))
        return next(found, None)

    # what is heard

    def forget(self, pattern: str) -> int:
        """Forget absent machines; return how many that were."""
        count = self.control.forget(pattern, self._now(), self._wall_clock())
        self._runner.flush()
        return count

    def note_action(self, cause: str, body: dict[str, Any]) -> None:
        """Put into the log what an operator did beside orders, and who it was."""
        self.note("action", cause, body)

    def note(self, kind: str, cause: str, body: dict[str, Any]) -> None:
        """Put an event into the log that the control law knows nothing of."""
        self.control.outbox.at = self._wall_clock()
        self.control.outbox.log(kind, cause, body)
        self._runner.flush()

    def alarm(self, name: AlarmName, why: str, body: dict[str, Any]) -> None:
        """Have an alarm of more than this site stand; it ends where `why` is empty."""
        self.control.outbox.at = self._wall_clock()
        if why:
            self.control.alarms.holds(name, why, body, self._now())
        else:
            self.control.alarms.lapses(name, self._now(), after=Seconds(0.0))
        self._runner.flush()

    def hold_off(self, holds: Holds) -> None:
        """Hold machines off, as an operator says."""
        self.control.hold_off(holds, self._wall_clock())
        self._runner.at_once()

    def report(self, report: FleetReport) -> None:
        """Take in what changed among the miners."""
        self.control.report(report, self._now(), self._wall_clock())
        if self._minutes is not None:
            table = self.control.table
            owners = [table.of_miner(work.id) for work in report.work]
            tenants = [None if m is None else m.kind.tenant for m in owners]
            self._minutes.shares(zip(report.work, tenants, strict=True))
        self._runner.flush()

    def failed_safe(self, told: FailSafe) -> None:
        """Take in what the share process did without us."""
        self.control.presence.failed_safe(told)
        self._runner.flush()

    def answered(self, call: Call, error: DeviceError | None) -> None:
        """See `calls.CallListener`."""
        self.control.answered(call, error, self._now(), self._wall_clock())
        self._runner.soon()

    def reported(self, key: str, report: DeviceReport | None) -> None:
        """See `calls.CallListener`."""
        self.control.reported(key, report, self._now(), self._wall_clock())
        self._runner.soon()

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
            meter = self._adapters.meter
            counted = None if meter is None else meter.energy_wh
            self._minutes.second(at, self._reading, budget.watts, counted)

    def _tick(self) -> None:
        self.control.tick(self._now(), self._wall_clock(), self._reading)
        self._runner.flush()
        self._ticked_at = self._now()
        self._runner.go_on_soon()

    def _now(self) -> Seconds:
        return Seconds(self._clock.seconds())
