"""Commands on their way to machines: issued, believed once proved, else retried."""

from collections.abc import Iterator
from itertools import count

from attrs import define, evolve, field

from protocol.units import Seconds
from proxy.power.actuation.admission import Admission
from proxy.power.actuation.command import PendingCommand, rung_of, stages_passed
from proxy.power.actuation.readback import draws_as_told
from proxy.power.actuation.verify import Actuation, Evidence, Rung, Stage, verify
from proxy.power.journal.effects import Call, Verb
from proxy.power.journal.outbox import SiteOutbox
from proxy.power.machines.machine import LONG_AGO, Machine, Mode
from proxy.power.machines.table import SHARES_UNDER_WAY, Table
from proxy.power.ports import DeviceReport

RETRY = Seconds(60.0)
"""How long a machine that failed is left alone before it is tried again."""

QUIET = Seconds(150.0)
"""Parked for so long and no share seen: it has stopped."""

ATTEMPTS = 2
READ_BACK_EVERY = Seconds(3.0)
LIMIT_MARGIN = 0.03
"""A limit that is off by less is left as it is."""


@define(eq=False, repr=False)
class Actuations:
    """The commands under way at one site, and the machines that failed theirs."""

    table: Table
    outbox: SiteOutbox
    admission: Admission
    _numbers: Iterator[int] = field(factory=lambda: count(1), init=False)
    _pending: dict[str, PendingCommand] = field(factory=dict, init=False)
    _retry_at: dict[str, Seconds] = field(factory=dict, init=False)

    def __len__(self) -> int:
        return len(self._pending)

    def is_under_way(self, machine: Machine) -> bool:
        """Tell whether a command to `machine` is not over."""
        return machine.key in self._pending

    def command(
        self, machine: Machine, cause: str, now: Seconds, attempts: int = ATTEMPTS
    ) -> None:
        """Make `machine` do what its level says, on its connections and its device.

        Args:
            machine: Its level is noted already.
            cause: Why.
            now: The moment.
            attempts: How often to try before it counts as unresponsive.
        """
        level = self.table.level_of(machine)
        variant = machine.variant
        steps = self._steps(machine, level)
        watts = variant.points[level][1]
        pending = PendingCommand(
            next(self._numbers),
            machine,
            Actuation(
                machine.key,
                level,
                watts,
                Rung.PARK if machine.mode is Mode.PARKED else rung_of(steps),
                now,
                variant.t_down if level == 0 else variant.t_up,
            ),
            steps,
            attempts,
            is_down=float(self.table.fleet.from_w[machine.row]) > watts,
        )
        self._pending[machine.key] = pending
        self.outbox.log("command", cause, pending.body())
        self.admission.connect(machine)
        if pending.actuation.rung is not Rung.PARK:
            self._next_step(pending, now)

    def answered(self, call: Call, why_not: str | None, now: Seconds) -> None:
        """Take in how a call ended.

        Args:
            call: As it was made.
            why_not: None: the device acknowledged it; else what went wrong.
            now: The moment.
        """
        pending = self._pending.get(call.key)
        if pending is None or pending.number != call.number:
            return
        body = {"machine": call.key, "verb": call.verb.value, "ok": why_not is None}
        self.outbox.log("acknowledgement", why_not or "acknowledged", body)
        if why_not is None:
            self._next_step(pending, now)
        else:
            self._judge(pending, Evidence(acknowledged=False), now)

    def reported(
        self, machine: Machine, report: DeviceReport, level: int | None, now: Seconds
    ) -> None:
        """Take in at what level a device says it is; None: it does not say."""
        pending = self._pending.get(machine.key)
        if pending is not None:
            is_met = draws_as_told(report, pending.actuation.watts) or None
            self._judge(pending, Evidence(level=level, is_metered=is_met), now)
        elif level is not None and level != self.table.level_of(machine):
            body = {"machine": machine.key, "level": level}
            self.outbox.log("read_back", "it is not as it was told", body)
            self.table.fall_from_full(machine, now)
            self.command(machine, "it was not as told", now, attempts=1)
        elif not machine.is_responsive and now - machine.hashed_at >= RETRY:
            self._is_well(machine, "reads back as it was told")

    def hashed(self, machine: Machine, now: Seconds) -> None:
        """Take note of a share of a machine that is commanded to do no work."""
        machine.hashed_at = now
        fleet, row = self.table.fleet, machine.row
        since = now - fleet.changed_at[row]
        if machine.is_responsive and since >= fleet.t_down[row] + SHARES_UNDER_WAY:
            self._pending.pop(machine.key, None)
            self._is_unwell(machine, "it hashes on though it was told not to", now)

    def tick(self, now: Seconds, *, is_metered: bool | None) -> list[Machine]:
        """Do what time brings; return the devices to be asked how they are.

        Args:
            now: The moment.
            is_metered: The site draws what its machines shall; None: nobody knows.
                What it draws beyond is put down to a machine only if that machine
                sends shares: else it may be any load, and is shed for as such.
        """
        asked: list[Machine] = []
        for pending in list(self._pending.values()):
            if now >= pending.read_at:
                pending.read_at = Seconds(now + READ_BACK_EVERY)
                asked.append(pending.machine)
            self._mind(pending, now, is_metered=is_metered is not False)
        for key, at in list(self._retry_at.items()):
            if now >= at and (machine := self.table.find(key)) is not None:
                asked += self._retry(machine, now)
        return asked

    def unwell(self, machine: Machine, why: str, now: Seconds) -> None:
        """Count a machine at full power until it is seen to do as it was told."""
        if machine.is_responsive:
            self._is_unwell(machine, why, now)

    def forget(self, machine: Machine) -> None:
        """Drop all that is known of a machine that is gone."""
        self._pending.pop(machine.key, None)
        self._retry_at.pop(machine.key, None)

    def _steps(self, machine: Machine, level: int) -> list[Verb]:
        """Return the calls that bring a device to `level`."""
        if machine.mode is Mode.PARKED:
            return []
        if level == 0:
            return [Verb.SLEEP]
        if machine.heard_at == LONG_AGO and machine.is_asleep is None:
            return []  # it came by itself: it is awake until it says otherwise
        wanted, limit = machine.variant.points[level][1], machine.limit_w
        is_off = limit is None or abs(limit - wanted) > LIMIT_MARGIN * wanted
        limits = machine.mode is Mode.TUNED and is_off
        wakes = [] if machine.is_asleep is False else [Verb.WAKE]
        return [*wakes, Verb.LIMIT] if limits else wakes

    def _next_step(self, pending: PendingCommand, now: Seconds) -> None:
        """Make the next call; after the last one the device has acknowledged it all."""
        actuation = pending.actuation
        if not pending.steps:
            pending.read_at = Seconds(now + 1.0)
            self._judge(pending, Evidence(acknowledged=True), now)
            return
        verb = pending.steps.pop(0)
        pending.actuation = evolve(actuation, issued_at=now)
        self.outbox.effects.calls.append(
            Call(
                pending.machine.key,
                pending.machine.address,
                verb,
                pending.number,
                actuation.watts,
                is_down=pending.is_down,
            )
        )

    def _mind(self, pending: PendingCommand, now: Seconds, *, is_metered: bool) -> None:
        actuation = pending.actuation
        downs_at = actuation.issued_at + actuation.allowance
        is_quiet = actuation.level > 0 or pending.machine.hashed_at < downs_at
        metered = (is_metered or is_quiet) if now >= downs_at else None
        evidence = Evidence(is_metered=metered)
        if actuation.rung is Rung.PARK:
            is_off = actuation.level == 0
            done = all(p is is_off for p in pending.machine.miners.values())
            level = actuation.level if done else None
            evidence = Evidence(done or None, level, metered)
        self._judge(pending, evidence, now)

    def _judge(self, pending: PendingCommand, evidence: Evidence, now: Seconds) -> None:
        before = pending.actuation.stage
        pending.actuation = verify(pending.actuation, evidence, now)
        stage = pending.actuation.stage
        if stage is before:
            return
        if stage is Stage.UNRESPONSIVE:
            self._failed(pending, now)
            return
        for passed in stages_passed(before, stage):
            self.outbox.log(
                passed.value.replace(" ", "_"), passed.value, pending.body()
            )
        if stage is Stage.SETTLED:
            del self._pending[pending.machine.key]
            if not pending.machine.is_responsive:
                self._is_well(pending.machine, "did as it was told")

    def _failed(self, pending: PendingCommand, now: Seconds) -> None:
        """Try again, else go up the ladder, else count the machine at full power."""
        machine, why = pending.machine, pending.actuation.reason
        del self._pending[machine.key]
        self.outbox.log("verdict", why, pending.body())
        level = self.table.level_of(machine)
        if level == 0:
            self.table.fall_from_full(machine, now)
        if pending.attempts > 1:
            self.command(machine, f"again: {why}", now, pending.attempts - 1)
        elif pending.actuation.rung is Rung.LIMIT and pending.is_down:
            self.table.command_one(machine, 0, now)
            self.command(machine, f"escalated to sleep: {why}", now)
        elif level > 0 and machine.miners:
            self.table.set_mode(machine, Mode.PARKED)  # counts at full: level is top
        else:
            self._is_unwell(machine, why, now)

    def _retry(self, machine: Machine, now: Seconds) -> list[Machine]:
        """Look at a machine that failed again; return it if it can be asked."""
        self._retry_at[machine.key] = Seconds(now + RETRY)
        changed = float(self.table.fleet.changed_at[machine.row])
        is_quiet = now - max(changed, machine.hashed_at) >= QUIET
        is_parked = bool(machine.miners) and all(machine.miners.values())
        if self.table.level_of(machine) == 0 and is_quiet and is_parked:
            self.table.set_mode(machine, Mode.PARKED)
            self._is_well(machine, f"parked, no share seen for {QUIET:.0f} s")
        return [machine] if machine.has_api else []

    def _is_unwell(self, machine: Machine, why: str, now: Seconds) -> None:
        self.table.set_responsive(machine, is_responsive=False)
        self._retry_at[machine.key] = Seconds(now + RETRY)
        self.outbox.log("unresponsive", why, {"machine": machine.key})

    def _is_well(self, machine: Machine, why: str) -> None:
        self.table.set_responsive(machine, is_responsive=True)
        self._retry_at.pop(machine.key, None)
        self.outbox.log("responsive", why, {"machine": machine.key})
