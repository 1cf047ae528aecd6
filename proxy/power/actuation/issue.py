"""A command is issued: written down, told to its connections, called step by step."""

from collections.abc import Iterator
from itertools import count

from attrs import define, evolve, field

from protocol.units import Seconds, Watts
from proxy.power.actuation.admission import Admission
from proxy.power.actuation.command import PendingCommand, command_to
from proxy.power.journal.effects import Call, Verb
from proxy.power.journal.outbox import SiteOutbox
from proxy.power.machines.machine import Machine
from proxy.power.machines.table import Table


@define(eq=False, repr=False)
class Issuer:
    """Makes commands of one site, and the calls that they consist of."""

    table: Table
    outbox: SiteOutbox
    admission: Admission
    _numbers: Iterator[int] = field(factory=lambda: count(1), init=False)

    def issue(  # noqa: PLR0913  (all that a command is made of)
        self,
        machine: Machine,
        steps: list[Verb],
        cause: str,
        now: Seconds,
        attempts: int,
        *,
        is_trial: bool = False,
    ) -> PendingCommand:
        """Return a command that brings `machine` to its level; no call is made yet."""
        draws_w = float(self.table.fleet.from_w[machine.row])
        pending = command_to(
            machine,
            self.table.level_of(machine),
            steps,
            number=next(self._numbers),
            attempts=attempts,
            draws_w=Watts(draws_w),
            is_trial=is_trial,
            now=now,
        )
        self.outbox.log("command", cause, pending.body())
        self.admission.connect(machine)
        return pending

    def call_next(self, pending: PendingCommand, now: Seconds) -> bool:
        """Make the next call; return whether there was one left to make."""
        machine = pending.machine
        if not pending.steps:
            return False
        verb = pending.verb = pending.steps.pop(0)
        if verb is Verb.SLEEP:
            machine.slept_at = now
        pending.actuation = evolve(pending.actuation, issued_at=now)
        self.outbox.effects.calls.append(
            Call(
                machine.key,
                machine.address,
                verb,
                pending.number,
                pending.actuation.watts,
                is_down=pending.is_down,
            )
        )
        return True
