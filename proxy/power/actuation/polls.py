"""Which devices are asked how they are, and what becomes of those that do not say."""

from collections.abc import Callable, Iterable
from itertools import chain, islice

from attrs import define, field

from protocol.units import Seconds
from proxy.power.actuation.actuate import Actuations
from proxy.power.actuation.readback import level_of_report
from proxy.power.actuation.recognition import Recognition
from proxy.power.actuation.steps import may_be_limited
from proxy.power.journal.alarms import AlarmName, Alarms
from proxy.power.journal.effects import Call, Verb
from proxy.power.journal.outbox import SiteOutbox
from proxy.power.machines.kinds import Mode
from proxy.power.machines.machine import LONG_AGO, Api, Machine
from proxy.power.machines.table import Table
from proxy.power.ports import DeviceReport

POLL = Seconds(60.0)
"""How often a device is asked when nothing is wanted of it: 27,000 are 450 questions a
second, and what they say holds for two (`recovery.HEARD_FOR`)."""

ROUND = 5
"""Ticks in which all machines are looked at once, whether their question is due: in
`POLL` twelve times, and a hall that starts is not asked in one go."""

ASKED = 1000
"""Devices asked in one go: 5 ms. The read-backs of a trip fall due together."""

LOOKED_AT = 1000
"""Machines that are looked at in a tick at the least: 1 ms."""

GIVE_UP_AFTER = Seconds(150.0)
"""How long a device's own API may be silent, though asked, until it is given up: two
questions, and longer than a machine takes to boot as a rule."""

SLEEPS_WITHIN = Seconds(60.0)
"""One that is awake so long after it was told to sleep did not take that: three
times as long as the slowest stock firmware took to answer (21 s)."""

Foreign = Callable[[tuple[str, ...]], tuple[str, ...]]
"""Returns the pool slots that lead elsewhere."""


@define(eq=False, repr=False)
class Polls:
    """The questions to the devices of one site."""

    table: Table
    actuations: Actuations
    outbox: SiteOutbox
    alarms: Alarms
    foreign: Foreign
    recognition: Recognition = field(init=False)
    _asked_at: dict[str, Seconds] = field(factory=dict, init=False)
    _unanswered: set[str] = field(factory=set, init=False)
    _silent_since: dict[str, Seconds] = field(factory=dict, init=False)
    _waiting: dict[str, None] = field(factory=dict, init=False)
    _soon: set[str] = field(factory=set, init=False)
    _looked_at: int = field(default=0, init=False)
    _moved: dict[str, str] = field(factory=dict, init=False)
    """Where machines of the table are now; all go at once, for the rest move up."""

    def __attrs_post_init__(self) -> None:
        self.recognition = Recognition(self.table, self.outbox)

    def tick(self, now: Seconds, *, is_metered: bool | None) -> list[Call]:
        """Let the commands under way go on; return the devices to be read now.

        More of them may be left to `go_on`, those of commands first.
        """
        self._forget_moved(now)
        for machine in self.actuations.tick(now, is_metered=is_metered):
            self._waiting[machine.key] = None
        asked_at = self._asked_at
        for machine in self._next():
            if not machine.has_api or now - asked_at.get(machine.key, LONG_AGO) < POLL:
                continue
            if not self.actuations.is_under_way(machine):
                self._waiting[machine.key] = None
        return self.go_on(now)

    @property
    def is_behind(self) -> bool:
        """There are more devices to be read at once: `go_on`."""
        return bool(self._waiting or self.actuations.asked)

    def go_on(self, now: Seconds) -> list[Call]:
        """Return some more of the devices to be read now."""
        for machine in self.actuations.take_asked():
            self._waiting[machine.key] = None
        some = list(islice(self._waiting, ASKED))
        for key in some:
            del self._waiting[key]
        found = (m for m in map(self.table.find, some) if m is not None)
        return [self._ask(m, now) for m in found if self._may_be_asked(m, now)]

    def _next(self) -> Iterable[Machine]:
        """Return whose question may be due: those that are to be read soon, some more.

        All machines are looked at within `ROUND` ticks.
        """
        soon, self._soon = self._soon, set()
        begin = self._looked_at
        machines = self.table.machines
        end = begin + max(LOOKED_AT, -(-len(machines) // ROUND))
        self._looked_at = end if end < len(machines) else 0
        found = (m for m in map(self.table.find, soon) if m is not None)
        return chain(found, machines[begin:end])

    def _ask_soon(self, key: str) -> None:
        self._asked_at.pop(key, None)
        self._soon.add(key)

    def _may_be_asked(self, machine: Machine, now: Seconds) -> bool:
        """Tell whether a device has answered; questions would pile up."""
        is_open = machine.key in self._unanswered
        is_lost = now - self._asked_at.get(machine.key, LONG_AGO) >= POLL
        return machine.has_api and (is_lost or not is_open)

    def _ask(self, machine: Machine, now: Seconds) -> Call:
        self._asked_at[machine.key] = now
        self._unanswered.add(machine.key)
        return Call(machine.key, machine.address, Verb.READ)

    def reported(self, key: str, report: DeviceReport | None, now: Seconds) -> None:
        """Take in what a device says of itself; None: it does not answer."""
        self._unanswered.discard(key)
        machine = self.table.find(key)
        if machine is None:
            return
        if report is None:
            self._unheard(machine, now)
            return
        self._silent_since.pop(key, None)
        self._note(machine, report, now)
        points = machine.variant.points
        level = level_of_report(points, machine.kind.idle_w, report)
        if not machine.is_new:
            self.actuations.reported(machine, report, level, now)

    def drop(self, machine: Machine, cause: str, now: Seconds) -> None:
        """Take note that the table has forgotten a machine."""
        self.recognition.forget(machine)
        self.forget(machine)
        self.alarms.forget(machine.key, now)
        self.outbox.effects.forgotten.append(machine.key)
        self.outbox.log("machine", cause, {"machine": machine.key})

    def forget(self, machine: Machine) -> None:
        """Drop what was asked of a machine, and what it was told."""
        self.actuations.forget(machine)
        self._asked_at.pop(machine.key, None)
        self._unanswered.discard(machine.key)
        self._silent_since.pop(machine.key, None)

    def _unheard(self, machine: Machine, now: Seconds) -> None:
        moved = self.recognition.moved_from(machine)
        if moved is not None:
            self._moved[machine.key] = moved.key
            self._ask_soon(moved.key)
            return
        self.actuations.unheard(machine, now)
        if now - self._silent_since.setdefault(machine.key, now) >= GIVE_UP_AFTER:
            self._give_up(machine, now)

    def _forget_moved(self, now: Seconds) -> None:
        """Forget machines where they were, unless something has connected there."""
        moved, self._moved = self._moved, {}
        found = [m for m in map(self.table.find, moved) if m is not None]
        gone = [m for m in found if not m.miners]
        if gone:
            self.table.forget(gone)
        for machine in gone:
            self.drop(machine, f"it is {moved[machine.key]}", now)

    def _unite(self, machine: Machine, now: Seconds) -> None:
        """Take connections that came before its API had answered for its own."""
        others = self.table.unite(machine, now)
        if others:
            self._moved |= {other.key: machine.key for other in others}
            self.actuations.admission.admit([machine], "its other connections, too")

    def _note(self, machine: Machine, report: DeviceReport, now: Seconds) -> None:
        if machine.heard_at == LONG_AGO:
            self._unite(machine, now)
        machine.heard_at = now
        machine.power_w, machine.limit_w = report.power_w, report.limit_w
        machine.temperature_c = report.temperature_c
        machine.is_asleep = report.is_asleep
        slept_at = now if machine.slept_at is None else machine.slept_at
        if report.is_asleep is False and now - slept_at >= SLEEPS_WITHIN:
            machine.slept_at = None
        for key in self.recognition.heard(machine, report.identity):
            self._ask_soon(key)
        self._note_limit(machine, report, now)
        self._note_api(machine, can_sleep=report.can_sleep)
        is_limited = report.limit_w is not None and may_be_limited(machine, now)
        if machine.mode is Mode.TUNED and report.is_asleep is False:
            if not is_limited:  # it can only be switched
                self.table.set_mode(machine, Mode.SWITCHED)
        elif machine.mode is Mode.SWITCHED and is_limited:
            self.table.set_mode(machine, Mode.TUNED)
        self._audit(machine, report.pool_urls, now)

    def _note_limit(self, machine: Machine, report: DeviceReport, now: Seconds) -> None:
        """Take the limit that a machine is found with as its top."""
        if machine.found_w is not None or report.limit_w is None:
            return
        found_w = self.recognition.limit_found(machine, report.limit_w, now)
        if found_w is None:
            return
        if self.recognition.note_found(machine, found_w):
            body = {"machine": machine.key, "watts": found_w}
            why = "its owner has set a limit: it is run at that and no higher"
            self.outbox.log("machine", why, body)
        self.outbox.save(self.table.saved_row(machine))

    def _note_api(self, machine: Machine, *, can_sleep: bool) -> None:
        """Hold a machine by what its API is good for, as far as that is known."""
        if not can_sleep:
            if machine.api is not Api.READS:
                self.actuations.forget(machine)
                machine.api = Api.READS
                self.table.set_mode(machine, Mode.PARKED)
                why = "its API has no command to stop it: it is parked instead"
                self.outbox.log("machine", why, {"machine": machine.key})
            return
        if machine.api is Api.READS:  # another one, or other firmware
            machine.api = Api.OBEYS
        is_told = not machine.fault or self.table.level_of(machine) > 0
        if machine.mode is Mode.PARKED and machine.api is Api.OBEYS and is_told:
            self.outbox.log("responsive", "its API answers", {"machine": machine.key})
            self.table.set_mode(machine, Mode.TUNED)

    def _audit(self, machine: Machine, urls: tuple[str, ...], now: Seconds) -> None:
        """Raise the alarm over pool slots that lead elsewhere."""
        name, found = AlarmName.FOREIGN_POOL, self.foreign(urls)
        if found:
            body = {"pools": list(found)}
            cause = "a pool slot leads elsewhere"
            self.alarms.holds(name, cause, body, now, machine.key)
        elif urls:
            self.alarms.lapses(name, now, machine.key, Seconds(0.0))

    def _give_up(self, machine: Machine, now: Seconds) -> None:
        """Hold a device that does not answer by parking alone, if it is connected."""
        silent = now - self._silent_since[machine.key]
        why = f"its API has not answered for {silent:.0f} s"
        if not machine.miners:
            self.actuations.recovery.unwell(machine, why, now)
        elif machine.mode is not Mode.PARKED:
            self.outbox.log("unresponsive", why, {"machine": machine.key})
            self.table.set_mode(machine, Mode.PARKED)
