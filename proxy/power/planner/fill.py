"""Which machines go slower so that one more fits into what is left of a budget.

What is left when no whole machine fits any more is up to one machine, 1 % of a site of
a hundred. Machines with levels fill it: some go a step down until the next one fits,
and what is left then is less than a step of theirs.
"""

import numpy as np

from protocol.units import Seconds
from proxy.power.machines.fleet import Fleet, Ints
from proxy.power.planner.grow import (
    cheapest_first,
    extra_watts,
    swaps_at_once,
    wakeable,
    waking,
)
from proxy.power.planner.params import PlanParams
from proxy.power.planner.steps import Reason, moves, prefix_reaching, price_bin


def make_room(
    fleet: Fleet, now: Seconds, params: PlanParams, room: float
) -> tuple[Ints, Ints]:
    """Return levels and reasons after machines have made room for the next to wake.

    It is woken with them if it takes as long as `swaps_at_once` says; else the watts
    are granted once they are free. Who goes slower is dearer than the machine that it
    makes room for, and of no higher class: that one comes before it when the room is
    given away. As few as do go, by several steps each: nothing is learned while many
    are under way.

    Args:
        fleet: The machines.
        now: The moment.
        params: How they may be used.
        room: Model watts that are left, too few for any machine that may wake.
    """
    level, reason = fleet.level.copy(), np.zeros_like(fleet.level)
    may_wake = wakeable(fleet, now, params.min_off_s)
    wakes = np.flatnonzero(may_wake & (fleet.cycles < params.cycles_a_day))
    # The watts of the last steps are not free yet, or not drawn yet: until the one that
    # they were for is up, the site draws less, and nobody knows what it will.
    if not len(wakes) or fleet.falling_w(now) > 0 or waking(fleet, now).any():
        return level, reason
    nexts = moves(
        fleet.level_w, fleet.level_h, wakes, np.zeros_like(wakes), fleet.top[wakes]
    )
    first = nexts.take(cheapest_first(fleet, nexts, params.cycles_a_day)[:1])
    if not len(first):
        return level, reason
    need = float(extra_watts(fleet, first, now).sum()) - room
    may_slow = fleet.responsive & (level > 1) & fleet.settled(now)
    may_slow &= fleet.priority <= fleet.priority[first.row[0]]
    rows = np.flatnonzero(may_slow)
    steps = moves(fleet.level_w, fleet.level_h, rows, level[rows], np.ones_like(rows))
    dearer = price_bin(steps.price) > price_bin(first.price)[0]
    steps = steps.take(dearer)
    steps = steps.take(np.lexsort((steps.row, -price_bin(steps.price))))
    if need <= 0 or float(steps.watts.sum()) < need:
        return level, reason
    chosen = steps.take(np.arange(prefix_reaching(steps.watts, need)))
    level[chosen.row] = chosen.level
    reason[chosen.row] = Reason.FILL
    # The last one goes no slower than it takes.
    last, spare = int(chosen.row[-1]), float(chosen.watts.sum()) - need
    kept_w = fleet.level_w[last] <= fleet.level_w[last, 1] + spare
    level[last] = min(int(np.flatnonzero(kept_w)[-1]), int(fleet.level[last]) - 1)
    if swaps_at_once(fleet, chosen.row, first.row).all():
        level[first.row], reason[first.row] = first.level, Reason.WAKE
    return level, reason
