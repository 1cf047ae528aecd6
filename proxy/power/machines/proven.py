"""How much of what a site runs its shares prove to run."""

from collections.abc import Sequence

import numpy as np

from protocol.units import Seconds
from proxy.power.machines.fleet import Fleet
from proxy.power.machines.machine import Machine

PROVEN_FOR = Seconds(60.0)
"""A share proves that its machine works for so long: a minute has 6 of them or more."""


def working_share(fleet: Fleet, machines: Sequence[Machine], now: Seconds) -> float:
    """Return the part of the running watts that shares prove; 0 if none runs."""
    hashed_at = np.array([machine.hashed_at for machine in machines])
    running = fleet.target_w * (fleet.level > 0)
    total = float(running.sum())
    if total <= 0:
        return 0.0
    return float(running[now - hashed_at < PROVEN_FOR].sum()) / total
