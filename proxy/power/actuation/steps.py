"""The calls that bring a machine to a level through its device API."""

from protocol.units import Seconds
from proxy.power.journal.effects import Verb
from proxy.power.machines.kinds import Mode
from proxy.power.machines.machine import LONG_AGO, Api, Machine

LIMIT_MARGIN = 0.03
"""A limit that is off by less is left as it is: firmware rounds to
its profiles (`found.NEAR`)."""


def steps_to(machine: Machine, level: int) -> list[Verb]:
    """Return the calls that bring `machine` to `level`; none: its connections do.

    What was put to sleep through its API is woken through it, by whatever means it is
    held now.
    """
    if not machine.has_api or machine.api is Api.READS:
        return []
    if level == 0:
        return [] if machine.mode is Mode.PARKED else [Verb.SLEEP]
    wakes = [Verb.WAKE] if _may_be_asleep(machine) else []
    if machine.mode is not Mode.TUNED:
        return wakes
    if machine.heard_at == LONG_AGO and not wakes:
        return []
    wanted, limit = machine.variant.points[level][1], machine.limit_w
    is_off = limit is None or abs(limit - wanted) > LIMIT_MARGIN * wanted
    return [*wakes, Verb.LIMIT] if is_off else wakes


def trial_of(machine: Machine, level: int) -> list[Verb]:
    """Return the calls that show whether a machine that defied its API obeys again."""
    if level > 0:
        return steps_to(machine, level)
    return [] if machine.is_asleep else [Verb.SLEEP]


def may_be_limited(machine: Machine, now: Seconds) -> bool:
    """Tell whether a machine that has a limit is to be held by it."""
    return now >= machine.limits_from


def _may_be_asleep(machine: Machine) -> bool:
    if machine.may_sleep or machine.is_asleep:
        return True
    if machine.is_asleep is None:  # it came by itself: awake, until it says otherwise
        return machine.heard_at != LONG_AGO and machine.mode is not Mode.PARKED
    return False
