"""The bias of a fleet, what it draws by what its model says, as the meter shows it.

A filter of one number (Kalman, 1960). What is known of the bias has a variance: it
grows with time, since machines warm, and with each machine whose level changes, since
each errs by itself. A look at the meter has one too. The bias moves by the part that
its own has of both: at once after half of the machines changed, slowly while none does.

That holds for what chance explains. What lies beyond:

- above it, something draws that was not counted on: it is believed at once. To be wrong
  costs a little hash for a while, to be late the budget;
- below it, machines have stopped that were counted on: a pool or a line is lost, and
  they will draw again what they did. The bias falls back to the reference, its mean of
  an hour, by `back`, and further only by `doubt`.
"""

import math

import numpy as np
from attrs import frozen

from proxy.power.machines.fleet import Floats

UNIT_ERROR = 0.04
"""Standard deviation of one machine's watts from its model: makers allow themselves 5
to 10 %, which few use up (the prototype's plant has as much)."""

DRIFT2_PER_S = 2e-8
"""Variance that a second adds: 3e-4 in a look of 5 s. A hall that warms draws 3 % more
with a time constant of ten minutes (`sim.kinds.Spread`), 2.5e-4 in a look at most."""

UNKNOWN2 = 0.1**2
"""Variance of a bias that nothing is known of: owners lower limits, and machines are
tuned by as much as 20 % (field reports)."""

LEAST_NOISE2 = 0.0005**2
"""Variance of a look at the least, whatever was measured: half of what five readings of
a class 0.2 meter have."""

SIGMAS = 3.0
"""Of what chance explains: one look in 370 lies beyond."""


@frozen
class Belief:
    """A number and how sure it is: a variance, in the square of its unit."""

    value: float
    variance: float


def followed(
    known: Belief, seen: Belief, floor: float, *, back: float, doubt: float
) -> Belief:
    """Return the bias after it was `seen`.

    Args:
        known: It as it was.
        seen: By one look.
        floor: Down to here it falls by `back`: the lower of it and its reference.
        back: Part of the way to go at once.
        doubt: The same below `floor`.
    """
    gap = seen.value - known.value
    total = known.variance + seen.variance
    chance = SIGMAS * math.sqrt(total)
    if gap > chance:
        return seen
    gain = known.variance / total
    left = (1.0 - gain) * known.variance
    if gap >= -chance:
        return Belief(known.value + gain * gap, left)
    value = known.value + back * (max(seen.value, floor) - known.value)
    return Belief(value + doubt * min(0.0, seen.value - floor), known.variance)


def changed2(step_w: Floats, drawn_w: float) -> float:
    """Return the variance that a plan adds to the bias.

    Args:
        step_w: By how much each machine's model watts change.
        drawn_w: What all of them draw then, by the model.
    """
    if drawn_w <= 0:
        return UNKNOWN2
    return min(UNKNOWN2, UNIT_ERROR**2 * float(np.square(step_w).sum()) / drawn_w**2)
