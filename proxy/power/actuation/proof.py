"""What is known of a command without asking the device, and what it lacked."""

from protocol.units import Seconds
from proxy.power.actuation.command import Fault, FaultKind, PendingCommand
from proxy.power.actuation.verify import Evidence, Rung, Stage
from proxy.power.machines.table import SHARES_UNDER_WAY


def standing_evidence(
    pending: PendingCommand, now: Seconds, *, is_metered: bool
) -> Evidence:
    """Return what connections, shares and the meter say of a command by now.

    Args:
        pending: The command.
        now: The moment.
        is_metered: The site draws what its machines shall, as far as is known.
    """
    actuation, machine = pending.actuation, pending.machine
    downs_at = actuation.began_at + actuation.allowance
    is_quiet = actuation.level > 0 or machine.hashed_at < downs_at
    metered = (is_metered or is_quiet) if now >= downs_at else None
    if actuation.rung is Rung.PARK:
        is_off = actuation.level == 0
        done = all(p is is_off for p in machine.miners.values())
        return Evidence(done or None, actuation.level if done else None, metered)
    if actuation.level > 0 and not pending.has_told:
        works = machine.hashed_at >= actuation.began_at + SHARES_UNDER_WAY
        return Evidence(None, actuation.level if works else None, metered)
    return Evidence(is_metered=metered)


def quiet_until(pending: PendingCommand, now: Seconds) -> Seconds:
    """Return until when nothing new can be said of a command that nothing is heard of.

    The most of a trip's commands are looked at twice, and not each second.
    """
    if pending.waits:
        return pending.again_at
    if pending.fault is not None:
        return min(pending.decided_by, pending.read_at)
    actuation = pending.actuation
    has_api = actuation.rung is not Rung.PARK
    downs_at = Seconds(actuation.began_at + actuation.allowance)
    match actuation.stage:
        case Stage.ISSUED if has_api:  # its answer is heard
            event = actuation.deadline
        case Stage.ACKNOWLEDGED if actuation.level == 0:  # its reading is heard
            event = actuation.deadline
        case Stage.READ_BACK if now < downs_at:
            event = downs_at
        case _:
            event = None
    return now if event is None else min(event, pending.read_at)


def unmet(pending: PendingCommand, before: Stage) -> Fault:
    """Return why a command that nobody refused is given up, last seen at `before`."""
    is_untold = before is Stage.ACKNOWLEDGED and not pending.has_told
    if is_untold and pending.actuation.level == 0:
        return Fault(FaultKind.UNTOLD, "cannot be told: it does not say how it is")
    return Fault(FaultKind.NO_EFFECT, pending.actuation.reason)
