"""Look each second at what holds, and tell those who want to know."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from attrs import define, field
from twisted.logger import Logger
from typing_extensions import override

from protocol.units import Seconds
from proxy.alerts.alarm import Alarm, AlertView, Condition, Severity
from proxy.alerts.delivery import Delivery, Known, Notice, Wants
from proxy.alerts.heartbeat import Heartbeat
from proxy.alerts.http import HttpClient
from proxy.alerts.receivers import RE_POSTED, Sender, receiver_of
from proxy.alerts.standing import StandingAlarms
from proxy.alerts.told_file import ToldFile
from proxy.config.alerts import AlertConfig
from proxy.runtime.periodic import PeriodicService
from proxy.runtime.tasks import Tasks

EVERY = Seconds(1.0)


@define(eq=False, repr=False)
class Alerts:
    """The alarms that stand, and each receiver's part.

    Attributes:
        conditions: Returns what holds now.
        is_well: Tells whether heartbeats may be sent.
        standing: What stands.
    """

    _log = Logger()

    sender: Sender
    conditions: Callable[[], Iterable[Condition]]
    is_well: Callable[[], bool]
    file: ToldFile
    standing: StandingAlarms = field(factory=StandingAlarms, init=False)
    _configs: dict[str, AlertConfig] = field(factory=dict, init=False)
    _deliveries: dict[str, Delivery] = field(factory=dict, init=False)
    _heartbeats: dict[str, Heartbeat] = field(factory=dict, init=False)
    _tasks: Tasks = field(factory=Tasks, init=False)

    def take_on(self, configs: Sequence[AlertConfig]) -> None:
        """Tell those of `configs` from now on; who is the same knows what it knew."""
        known = self._known() or self.file.read()
        same = {c.name for c in configs if self._configs.get(c.name) == c}
        before, beats = self._deliveries, self._heartbeats
        self._configs = {config.name: config for config in configs}
        self._deliveries = {
            c.name: before[c.name] if c.name in same else self._delivery(c, known)
            for c in configs
            if c.kind != "heartbeat"
        }
        self._heartbeats = {
            c.name: beats[c.name] if c.name in same else self._heartbeat(c)
            for c in configs
            if c.kind == "heartbeat"
        }

    async def look(self) -> None:
        """Look once; what is to be sent goes on by itself."""
        now, wall = self._now(), self.sender.wall_clock()
        found = [*self.conditions(), *self._undelivered(now)]
        for alarm in self.standing.look(found, now, wall):
            for delivery in self._deliveries.values():
                delivery.has_ended(alarm)
        standing = self.standing.all
        for delivery in self._deliveries.values():
            notices = delivery.due(standing, now, wall)
            if notices:
                self._tasks.start("telling of alarms", self._send(delivery, notices))
        # Also what nobody could be told of; a slow disk keeps nobody from being told.
        self._tasks.start("keeping what was told", self.file.write(self._known()))
        for heartbeat in self._heartbeats.values():
            if self.is_well() and heartbeat.is_due(now):
                self._tasks.start("a heartbeat", self._beat(heartbeat))

    @property
    def views(self) -> list[AlertView]:
        """Return every row of `[[alerts]]`, and whether it can be reached."""
        beats = [
            AlertView(b.name, "heartbeat", b.reason, 0, 0)
            for b in self._heartbeats.values()
        ]
        return beats + [
            AlertView(
                name, self._configs[name].kind, one.reason, len(one.told), one.dropped
            )
            for name, one in self._deliveries.items()
        ]

    async def test(self, name: str) -> None:
        """Send one receiver a message that says that it is a test.

        Raises:
            LookupError: There is none of this name that is told of alarms.
            DeliveryError: It did not take it.
        """
        now = self.sender.wall_clock()
        alarm = Alarm("test", "", "info", "a test: nothing is wrong", (), 0, now)
        await self._deliveries[name].receiver.send([Notice(alarm, "begins")])

    async def stop(self) -> None:
        """Give up what is under way, and keep what is known by then."""
        await self._tasks.cancel_all()
        await self.file.write(self._known())

    async def _send(self, delivery: Delivery, notices: Sequence[Notice]) -> None:
        was = delivery.reason
        await delivery.send(notices, self._now(), self.sender.wall_clock())
        self._tell(delivery.name, was, delivery.reason)
        await self.file.write(self._known())

    async def _beat(self, heartbeat: Heartbeat) -> None:
        was = heartbeat.reason
        await heartbeat.beat()
        self._tell(heartbeat.name, was, heartbeat.reason)

    def _tell(self, name: str, was: str, reason: str) -> None:
        if reason and not was:
            self._log.warn("alerts to {name} fail: {reason}", name=name, reason=reason)
        elif was and not reason:
            self._log.info("alerts to {name} arrive again", name=name)

    def _undelivered(self, now: Seconds) -> Iterable[Condition]:
        failing = [d for d in self._deliveries.values() if d.is_undelivered(now)]
        if failing:
            text = f"alarms do not arrive: {failing[0].name}: {failing[0].reason}"
            names = tuple(delivery.name for delivery in failing)
            yield Condition("alerts_undelivered", "", Severity.WARNING, text, names)

    def _known(self) -> dict[str, Known]:
        return {n: Known(d.told, d.untold) for n, d in self._deliveries.items()}

    def _delivery(
        self, config: AlertConfig, everybody: Mapping[str, Known]
    ) -> Delivery:
        repeat = RE_POSTED if config.kind == "alertmanager" else config.repeat_s
        wants = Wants(
            Severity[config.min_severity.upper()],
            frozenset(config.sites),
            Seconds(repeat),
        )
        receiver = receiver_of(config, self.sender)
        known = everybody.get(config.name, Known())
        told, untold = dict(known.told), dict(known.untold)
        return Delivery(config.name, wants, receiver, self._now(), told, untold)

    def _heartbeat(self, config: AlertConfig) -> Heartbeat:
        client = HttpClient(self.sender.reactor)
        every = Seconds(config.every_s)
        return Heartbeat(config.name, str(config.url), every, client)

    def _now(self) -> Seconds:
        return Seconds(self.sender.reactor.seconds())


class AlertService(PeriodicService):
    """Looks every second; a stop gives up what is being sent."""

    def __init__(self, alerts: Alerts) -> None:
        super().__init__(EVERY, alerts.look, alerts.sender.reactor)
        self._alerts = alerts

    @override
    async def stopService(self) -> None:
        """Stop."""
        await super().stopService()
        await self._alerts.stop()
