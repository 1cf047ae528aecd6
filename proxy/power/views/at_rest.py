"""Why machines rest though nothing is to change."""

import numpy as np

from protocol.units import Seconds
from proxy.power.machines.fleet import Fleet
from proxy.power.planner.params import PlanParams


def why_at_rest(fleet: Fleet, params: PlanParams, now: Seconds) -> str:
    """Return how many machines rest and what keeps each; empty if none does.

    Args:
        fleet: The machines as commanded.
        params: How long one rests at least.
        now: The moment.
    """
    rests = fleet.level == 0
    if not rests.any():
        return ""
    off_s = now - fleet.switched_at
    is_held = rests & fleet.held
    rests_by_plan = rests & ~is_held
    is_away = rests_by_plan & (fleet.switched_at == np.inf)
    is_deaf = rests_by_plan & ~is_away & ~fleet.responsive
    is_early = rests_by_plan & ~is_away & ~is_deaf & (off_s < params.min_off_s)
    has_no_room = rests_by_plan & ~is_away & ~is_deaf & ~is_early
    longest = params.min_off_s - float(off_s[is_early].min(initial=params.min_off_s))
    found = [
        (is_early, f"have to rest for up to {longest:.0f} s more"),
        (has_no_room, "find no room in the budget"),
        (is_deaf, "did not do as they were told"),
        (is_away, "are not connected"),
        (is_held, "are parked by hand"),
    ]
    parts = [f"{int(who.sum())} {why}" for who, why in found if who.any()]
    return f"{int(rests.sum())} machines rest: {', '.join(parts)}"
