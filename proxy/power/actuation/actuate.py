"""Commands on their way to machines: issued, believed once proved, else retried."""

from collections import deque
from collections.abc import Iterable
from itertools import islice

from attrs import define, field

from protocol.units import Seconds
from proxy.power.actuation.admission import Admission
from proxy.power.actuation.command import (
    Fault,
    FaultKind,
    PendingCommand,
    fault_of,
    stages_passed,
)
from proxy.power.actuation.issue import Issuer
from proxy.power.actuation.ladder import Ladder
from proxy.power.actuation.look import look
from proxy.power.actuation.proof import quiet_until, standing_evidence, unmet
from proxy.power.actuation.readback import draws_as_told
from proxy.power.actuation.recovery import Recovery
from proxy.power.actuation.steps import steps_to, trial_of
from proxy.power.actuation.verify import Evidence, Rung, Stage, verify
from proxy.power.actuation.waiting import SLICE, WaitingCommands
from proxy.power.journal.effects import Call, Verb
from proxy.power.journal.outbox import SiteOutbox
from proxy.power.machines.machine import Machine
from proxy.power.machines.table import Table
from proxy.power.ports import DeviceError, DeviceReport

ATTEMPTS = 2
"""One lost packet is not disobedience; a third try would put off the next rung."""

AGAIN_AFTER = Seconds(2.0)
"""Between the tries of one command: chosen, so that both are over within 10 s."""

BUSY_AGAIN_AFTER = Seconds(5.0)  # another tool holds the device: chosen
DECIDED_WITHIN = Seconds(5.0)
"""A device whose command failed is read: within so long that ends as a rule. Chosen."""


@define(eq=False, repr=False)
class Actuations:
    """The commands under way at one site.

    Attributes:
        asked: Machines whose devices are to be read, until `take_asked`.
    """

    table: Table
    outbox: SiteOutbox
    admission: Admission
    recovery: Recovery = field(init=False)
    asked: list[Machine] = field(factory=list, init=False)
    _ladder: Ladder = field(init=False)
    _issuer: Issuer = field(init=False)
    _waiting: WaitingCommands = field(factory=WaitingCommands, init=False)
    _pending: dict[str, PendingCommand] = field(factory=dict, init=False)
    _due: deque[PendingCommand] = field(factory=deque, init=False)  # to be minded
    _is_metered: bool = field(default=True, init=False)

    def __attrs_post_init__(self) -> None:
        self.recovery = Recovery(self.table, self.outbox)
        self._ladder = Ladder(self.table, self.recovery)
        self._issuer = Issuer(self.table, self.outbox, self.admission)

    def __len__(self) -> int:
        return len(self._pending) + len(self._waiting)

    @property
    def is_behind(self) -> bool:
        """There is more to be done at once: `go_on`."""
        return bool(self._waiting or self._due)

    def is_under_way(self, machine: Machine) -> bool:
        """Tell whether a command to `machine` is not over."""
        return machine.key in self._pending or machine in self._waiting

    def resume(self, call: Call) -> bool:
        """Connect anew whom a late call is for; return whether the call holds."""
        pending = self._pending.get(call.key)
        if pending is None or pending.number != call.number:
            return False
        self.admission.connect(pending.machine)
        return True

    def command_all(self, told: Iterable[tuple[Machine, str]]) -> None:
        """Make machines do what their levels say, each for its cause, by `go_on`."""
        fleet, told = self.table.fleet, list(told)
        for machine, _ in told:
            self._pending.pop(machine.key, None)  # it is to do something else
        self._waiting.put(told, (fleet.from_w > fleet.target_w).tolist())

    def go_on(self, now: Seconds) -> None:
        """Do the next slice of what is to be done at once."""
        if self._waiting:
            self._issue_some(now)
        else:
            self._mind_some(now)

    def command(
        self, machine: Machine, cause: str, now: Seconds, attempts: int = ATTEMPTS
    ) -> None:
        """Make `machine` do what its level says, on its connections and its device.

        It counts as unresponsive once that was tried `attempts` times.
        """
        steps = steps_to(machine, self.table.level_of(machine))
        self._start(self._issuer.issue(machine, steps, cause, now, attempts), now)

    def answered(self, call: Call, error: DeviceError | None, now: Seconds) -> None:
        """Take in how a call ended: None, the device acknowledged it."""
        pending = self._pending.get(call.key)
        if pending is None or pending.number != call.number:
            return
        body = {"machine": call.key, "verb": call.verb.value, "ok": error is None}
        self.outbox.log("acknowledgement", str(error or "acknowledged"), body)
        if error is None:
            self._next_step(pending, now)
            return
        pending.fault, pending.read_at = fault_of(error), now
        pending.decided_by = Seconds(now + DECIDED_WITHIN)

    def reported(
        self, machine: Machine, report: DeviceReport, level: int | None, now: Seconds
    ) -> None:
        """Take in at what level a device says it is; None: it does not say."""
        pending = self._pending.get(machine.key)
        if pending is not None:
            pending.is_to_be_at(self.table.level_of(machine))
            self._read_back(pending, report, level, now)
        elif machine in self._waiting:  # it does not know yet
            return
        elif level is not None and level == self.table.level_of(machine):
            self.recovery.is_as_told(machine, level, now)
        elif level is not None and not self.recovery.is_left_alone(machine):
            body = {"machine": machine.key, "level": level}
            self.outbox.log("read_back", "it is not as it was told", body)
            self.table.found_otherwise(machine, now)
            self.command(machine, "it was not as told", now, attempts=1)

    def unheard(self, machine: Machine, now: Seconds) -> None:
        """Take note that a device could not be read."""
        pending = self._pending.get(machine.key)
        if pending is not None and pending.fault is not None and not pending.waits:
            self._failed(pending, pending.fault, now)

    def hashed(self, machine: Machine, now: Seconds) -> None:
        """Take note of a share of a machine that is commanded to do no work."""
        if self.recovery.hashed(machine, now):
            self._pending.pop(machine.key, None)

    def tick(self, now: Seconds, *, is_metered: bool | None) -> list[Machine]:
        """Do what time brings; return the devices to be asked how they are.

        Args:
            now: The moment.
            is_metered: The site draws what its machines shall; None: nobody knows.
                What it draws beyond is put down to a machine only if that machine
                sends shares: else it may be any load, and is shed for as such.
        """
        self._is_metered = is_metered is not False
        found, falling = look(self._pending.values(), now)
        self._due = deque(found)
        self.table.fleet.changed_at[falling + self._waiting.yet_to_fall()] = now
        self._mind_some(now)
        due = (m for m in self.recovery.due(now) if not self.is_under_way(m))
        for machine in islice(due, SLICE):
            self._try(machine, now)
        return self.take_asked() + self.recovery.look(now)

    def take_asked(self) -> list[Machine]:
        """Return the devices to be asked how they are, once."""
        asked, self.asked = self.asked, []
        return asked

    def forget(self, machine: Machine) -> None:
        """Drop all that is known of a machine that is gone."""
        self._pending.pop(machine.key, None)
        self._waiting.drop(machine)
        self.recovery.forget(machine)

    # from issue to proof

    def _issue_some(self, now: Seconds) -> None:
        for machine, cause in self._waiting.slice():
            self.command(machine, cause, now)
            self.outbox.save(self.table.saved_row(machine))

    def _mind_some(self, now: Seconds) -> None:
        for _ in range(min(SLICE, len(self._due))):
            pending = self._due.popleft()
            if self._pending.get(pending.machine.key) is not pending:
                continue
            if pending.is_to_be_read(now):
                self.asked.append(pending.machine)
            self._mind(pending, now)
            pending.mind_at = quiet_until(pending, now)

    def _start(self, pending: PendingCommand, now: Seconds) -> None:
        self._waiting.drop(pending.machine)
        self._pending[pending.machine.key] = pending
        if pending.actuation.rung is not Rung.PARK:
            self._next_step(pending, now)

    def _next_step(self, pending: PendingCommand, now: Seconds) -> None:
        """Make the next call; after the last one the device has acknowledged it all."""
        if not self._issuer.call_next(pending, now):
            pending.read_at = Seconds(now + 1.0)
            self._judge(pending, Evidence(acknowledged=True), now)

    def _read_back(
        self,
        pending: PendingCommand,
        report: DeviceReport,
        level: int | None,
        now: Seconds,
    ) -> None:
        """Hold what a device says of itself against its command."""
        if pending.waits:
            return
        pending.has_told |= level is not None
        is_met = draws_as_told(report, pending.actuation.watts) or None
        if pending.fault is None:
            self._judge(pending, Evidence(level=level, is_metered=is_met), now)
        elif level == pending.actuation.level:  # it obeyed, whatever its answer was
            pending.fault, pending.steps = None, []
            self._judge(pending, Evidence(True, level, is_met), now)
        elif pending.verb is Verb.WAKE and report.is_asleep is False:
            pending.fault = None
            self._next_step(pending, now)
        else:
            self._failed(pending, pending.fault, now)

    def _mind(self, pending: PendingCommand, now: Seconds) -> None:
        if pending.waits:
            self._issue_again(pending, now)
        elif pending.fault is None:
            evidence = standing_evidence(pending, now, is_metered=self._is_metered)
            self._judge(pending, evidence, now)
        elif now >= pending.decided_by:
            self._failed(pending, pending.fault, now)

    def _judge(self, pending: PendingCommand, evidence: Evidence, now: Seconds) -> None:
        before = pending.actuation.stage
        pending.actuation = verify(pending.actuation, evidence, now)
        stage, machine = pending.actuation.stage, pending.machine
        if stage is before:
            return
        if stage is Stage.UNRESPONSIVE:
            self._failed(pending, unmet(pending, before), now)
            return
        for passed in stages_passed(before, stage):
            self.outbox.log(
                passed.value.replace(" ", "_"), passed.value, pending.body()
            )
        if stage is not Stage.SETTLED:
            return
        del self._pending[machine.key]
        is_by_api = pending.verb is not None
        self.recovery.settled(machine, pending.actuation.level, is_by_api=is_by_api)

    # failures

    def _failed(self, pending: PendingCommand, fault: Fault, now: Seconds) -> None:
        """Try again, else go up the ladder."""
        machine, why = pending.machine, fault.why
        is_busy = fault.kind is FaultKind.BUSY
        self.outbox.log("verdict", why, pending.body())
        if pending.is_trial:
            del self._pending[machine.key]
            self.recovery.defied(machine, why, now, is_busy=is_busy)
            return
        if self.table.level_of(machine) == 0:
            self.table.fall_from_full(machine, now)
        if pending.attempts > 1 and fault.kind is not FaultKind.UNTOLD:
            wait = BUSY_AGAIN_AFTER if is_busy else AGAIN_AFTER
            pending.fault, pending.again_at = fault, Seconds(now + wait)
            return
        del self._pending[machine.key]
        if self._ladder.gave_up(pending, fault, now):
            self.command(machine, f"escalated to sleep: {why}", now)

    def _issue_again(self, pending: PendingCommand, now: Seconds) -> None:
        if now < pending.again_at or pending.fault is None:
            return
        machine, cause = pending.machine, f"again: {pending.fault.why}"
        self.command(machine, cause, now, pending.attempts - 1)

    def _try(self, machine: Machine, now: Seconds) -> None:
        """See whether a machine that defied its API obeys it again."""
        steps = trial_of(machine, self.table.level_of(machine))
        if steps:
            cause = f"to see whether it obeys: {machine.fault}"
            trial = self._issuer.issue(machine, steps, cause, now, 1, is_trial=True)
            self._start(trial, now)
        else:
            self.recovery.nothing_to_try(machine, now)
