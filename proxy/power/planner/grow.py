"""Which machines wake or go faster when a site has watts to spare."""

import numpy as np

from protocol.units import Seconds
from proxy.power.machines.fleet import Bools, Fleet, Floats, Ints
from proxy.power.planner.params import PlanParams
from proxy.power.planner.steps import Reason, Steps, fitting, moves, price_bin

ATTEMPTS = 64
"""How many machines too large for the rest of the room are passed over: so
that the work of a plan is bounded. Chosen."""

RAISED_AGAIN = 60.0
"""Seconds at a level before a faster one: the room that it made is for the machine that
it was made for, which may be told a few looks later. Chosen: a minute."""

UP_BY = 3.0
"""Times as long as a step down takes, a machine takes to wake for which the two may be
told at once: it does nothing for the first quarter of it, and has a ninth of its watts
by the end of the first third (models.toml: 5 s of 35 before it draws any). Chosen."""

UNPROVEN_OFF = 300.0
"""Seconds after which one that could not be shown to be off may work again: it counts
at full power all the same. One that is parked is shown to rest in half of that."""


def grow(
    fleet: Fleet, now: Seconds, params: PlanParams, room: float
) -> tuple[Ints, Ints]:
    """Return levels and reasons after at most `room` model watts are granted.

    The highest class first; in a class best J/TH first, then who has been
    curtailed longest. No machine takes more than one step.
    """
    level, reason = fleet.level.copy(), np.zeros_like(fleet.level)
    # Whatever does not obey is held at full power already: waking it takes no watt.
    asleep = wakeable(fleet, now, params.min_off_s) | unproven(fleet, now)
    wakes = np.flatnonzero(asleep)
    can_rise = fleet.responsive & (level > 0) & (level < fleet.top)
    can_rise &= now - fleet.changed_at >= RAISED_AGAIN
    raises = np.flatnonzero(can_rise)
    rows = np.concatenate([wakes, raises])
    ends = np.concatenate([fleet.top[wakes], level[raises] + 1])
    steps = moves(fleet.level_w, fleet.level_h, rows, level[rows], ends)
    extra = extra_watts(fleet, steps, now)
    order = cheapest_first(fleet, steps, params.cycles_a_day)
    # By what each step adds to what is held for the machine, and not by its watts:
    # those on their way down are still held.
    chosen = steps.take(order[fitting(extra[order], room, ATTEMPTS)])
    reason[chosen.row] = np.where(level[chosen.row] == 0, Reason.WAKE, Reason.RAISE)
    level[chosen.row] = chosen.level
    return level, reason


def wakeable(fleet: Fleet, now: Seconds, min_off_s: float) -> Bools:
    """Tell which machines are off and have been for long enough."""
    may: Bools = fleet.responsive & (fleet.level == 0) & ~fleet.held
    may &= fleet.cold | (now - fleet.switched_at >= min_off_s)
    return may


def waking(fleet: Fleet, now: Seconds) -> Bools:
    """Tell which machines are on their way from sleep to work."""
    slowest = fleet.level_w[:, min(1, fleet.level_w.shape[1] - 1)]
    up: Bools = fleet.responsive & (fleet.level > 0) & (fleet.from_w < slowest)
    return up & ~fleet.settled(now)


def swaps_at_once(fleet: Fleet, down: Ints, up: Ints) -> Bools:
    """Tell which of `up` may be woken as those of `down` are told to draw less.

    Watts are granted once they are free. Where a step down is over long before the
    machine that takes its place draws anything to speak of, waiting for it leaves that
    much unused for as long as the machine takes to wake. One that does not go down is
    found out meanwhile, and kept free by the guard.
    """
    slowest = float(fleet.t_down[down].max(initial=0.0))
    at_once: Bools = fleet.t_up[up] >= UP_BY * slowest
    return at_once


def unproven(fleet: Fleet, now: Seconds) -> Bools:
    """Tell which machines are off by command for long, and count at full power."""
    off: Bools = ~fleet.responsive & (fleet.level == 0) & ~fleet.held
    return off & (now - fleet.switched_at >= UNPROVEN_OFF)


def extra_watts(fleet: Fleet, steps: Steps, now: Seconds) -> Floats:
    """Return what each step commits beyond what is committed, never below 0."""
    held = fleet.committed_w(now)[steps.row]
    return np.clip(fleet.level_w[steps.row, steps.level] - held, 0.0, None)


def cheapest_first(fleet: Fleet, steps: Steps, cycles_a_day: float) -> Ints:
    """Return the places of `steps`, those to take first at the front."""
    wakes = fleet.level[steps.row] == 0
    is_worn = wakes & (fleet.cycles[steps.row] >= cycles_a_day)
    # lexsort's last key is the first to decide.
    return np.lexsort(
        (
            steps.row,
            -fleet.debt_h[steps.row],
            price_bin(steps.price),
            is_worn,
            -fleet.priority[steps.row],
        )
    )
