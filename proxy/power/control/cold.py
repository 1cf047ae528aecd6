"""Which machines that were never seen at work the meter shows to be at rest.

One that connects for the first time may still be at a job from somebody else: it counts
at full power for as long as that may last (`fleet.PARKED_DOWN`). A hall that starts
cold would wait that long for watts that no machine draws.

    left = P / (1 + share) / lowest bias - least that all machines draw

is the most that those can draw together, and where that is less than the error that a
model has anyway, none of them works: they count as at rest. The fixed part of the
auxiliary load is left in, so that nothing depends on what was configured of it.
"""

import numpy as np

from protocol.units import Seconds
from proxy.power.control.estimate_state import EstimateParams
from proxy.power.control.looks import LAGGED, LEAST, Looks
from proxy.power.machines.fleet import Fleet, Ints

NONE = np.zeros(0, dtype=np.int64)


def shown_at_rest(
    fleet: Fleet, looks: Looks, now: Seconds, params: EstimateParams
) -> Ints:
    """Return the rows of machines that count at full power and are at rest.

    Args:
        fleet: The machines as commanded.
        looks: The last believable readings of the meter.
        now: The moment.
        params: The site's.
    """
    told_for = now - fleet.changed_at
    cold = fleet.cold & fleet.responsive & (fleet.level == 0)
    cold &= (told_for < fleet.t_down) & (fleet.from_w > fleet.target_w)
    # Only readings from after they were told count, and none of a meter that may be
    # frozen where it was before they came.
    if len(set(looks.last)) < LEAST or not cold.any():
        return NONE
    if float(told_for[cold].min()) < LAGGED + LEAST:
        return NONE
    it_w = max(looks.last) / (1.0 + params.aux.share) / params.bias_low
    left = it_w - fleet.drawn_w(now)[0]
    counted = float((fleet.from_w - fleet.target_w)[cold].sum())
    is_shown = left < (1.0 - params.settled_share) * counted
    return np.flatnonzero(cold) if is_shown else NONE
