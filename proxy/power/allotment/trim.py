"""What a site's own meter takes off what is granted: an integral that only lowers."""

from protocol.units import Seconds

MOST = 0.08
"""Of the budget: halls whose own meters and models are wrong by more are a fault to be
looked for, not to be trimmed away (class 1 meters, 2 % of cables and transformers, and
what no hall counts)."""

PER_SECOND = 0.02
"""Of what is too much: halls take a minute to come down, so that a minute after a step
about what it is has been taken off."""

RETURN = 0.002
"""Of the budget, a second, back towards nothing while the meter shows less: 40 s from
end to end, slower than it lowers."""

HYSTERESIS = 0.01
"""Of the budget: within so much below it nothing is given back."""


def trimmed(
    trim_w: float, metered_w: float | None, budget_w: float, elapsed: Seconds
) -> float:
    """Return the next trim, watts, never positive.

    Args:
        trim_w: The last one.
        metered_w: What the site draws; None: nobody knows, and nothing changes.
        budget_w: What it may draw.
        elapsed: Since the last one.
    """
    lowest = -MOST * budget_w
    if metered_w is None:
        return max(lowest, min(0.0, trim_w))
    over = metered_w - budget_w
    if over > 0:
        trim_w -= over * min(1.0, PER_SECOND * elapsed)
    elif over < -HYSTERESIS * budget_w:
        trim_w += RETURN * budget_w * elapsed
    return max(lowest, min(0.0, trim_w))
