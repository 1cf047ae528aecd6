"""A machine's top: the limit that its owner had set when it was first seen.

An owner limits a machine below its nameplate for a weak circuit or for heat, or tunes
it above. Neither is ours to undo: the limit found first is the machine's full speed,
and what we command is below it.
"""

import numpy as np

from protocol.units import HashesPerSecond, Watts

Points = tuple[tuple[HashesPerSecond, Watts], ...]

NEAR = 0.03
"""A limit that is off the nameplate by less says nothing: firmware rounds, and so do
nameplates."""

LEAST, MOST = 0.3, 1.6
"""Of the nameplate's watts, what a limit may be and still be one of that model: LuxOS
has profiles from 0.5 to 1.3 of it. Beyond, the fleet row names the wrong machine."""


def is_of_owner(found_w: Watts, nameplate_w: Watts) -> bool:
    """Tell whether a limit is one that an owner set, on a machine of this nameplate."""
    part = found_w / nameplate_w
    return LEAST <= part <= MOST and abs(part - 1.0) > NEAR


def topped(points: Points, top_w: Watts) -> Points:
    """Return levels whose highest draws `top_w`.

    Those that draw nearly as much, or more, are left out; beyond the nameplate hashes
    are in proportion to watts.

    Args:
        points: (hashes/s, W) by level, the first of them without work.
        top_w: Above the watts of the first.
    """
    watts = [float(w) for _, w in points]
    hashes = [float(h) for h, _ in points]
    found = float(np.interp(top_w, watts, hashes))
    if top_w > watts[-1]:
        found = hashes[-1] * top_w / watts[-1]
    below = points[:1] + tuple(p for p in points[1:] if p[1] < (1 - NEAR) * top_w)
    return (*below, (HashesPerSecond(found), top_w))
