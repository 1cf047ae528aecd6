"""What becomes of a machine that did not do as it was told, tried often enough."""

from attrs import define

from protocol.units import Seconds
from proxy.power.actuation.command import Fault, FaultKind, PendingCommand
from proxy.power.actuation.recovery import Recovery
from proxy.power.journal.effects import Verb
from proxy.power.machines.kinds import Mode
from proxy.power.machines.table import Table

LIMITED_AGAIN_AFTER = Seconds(3600.0)
"""A machine that took no limit is switched alone for so long: chosen, since some
firmware restarts at each try."""


@define(eq=False, repr=False)
class Ladder:
    """Goes from a limit to sleep, and from a device API to parking."""

    table: Table
    recovery: Recovery

    def gave_up(self, pending: PendingCommand, fault: Fault, now: Seconds) -> bool:
        """Hold the machine by the next rung; return whether it is to be told anew.

        On the last one it counts at full power, until it is seen to rest.
        """
        machine, why = pending.machine, fault.why
        if pending.verb is Verb.LIMIT and not machine.is_asleep:
            return self._takes_no_limit(pending, now)
        if self.table.level_of(machine) == 0 or not machine.miners:
            self.recovery.unwell(machine, why, now)
        if pending.verb is None:  # it was told by its connections alone
            return False
        if fault.kind is FaultKind.UNTOLD:
            self.table.set_mode(machine, Mode.PARKED)
            machine.fault = why
        else:
            is_busy = fault.kind is FaultKind.BUSY
            is_locked_out = fault.kind is FaultKind.LOGIN
            self.recovery.lock_out(machine, is_so=is_locked_out)
            self.recovery.defied(machine, why, now, is_busy=is_busy)
        return False

    def _takes_no_limit(self, pending: PendingCommand, now: Seconds) -> bool:
        """Switch a machine alone: to sleep, where it was to draw less."""
        machine = pending.machine
        machine.limits_from = Seconds(now + LIMITED_AGAIN_AFTER)
        if pending.is_down:
            self.table.command_one(machine, 0, now)
        self.table.set_mode(machine, Mode.SWITCHED)
        return pending.is_down
