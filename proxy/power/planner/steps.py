"""Single steps that machines can take, in the order in which to take them."""

from enum import IntEnum

import numpy as np
from attrs import frozen

from proxy.power.machines.fleet import Bools, Floats, Ints

PRICE_BINS = 64
"""Machines within 1/64 of an octave of J/TH (about 1 %) count as equal and rotate."""


class Reason(IntEnum):
    """Why a machine changes its level."""

    UNMANAGED = 1  # no fleet row describes it, so it goes first
    CLASS = 2  # its priority class is the lowest that runs
    TRIM = 3  # a small need: a slower level
    FORCED = 4  # the budget cannot be kept otherwise: inside its minimum time on
    TRIP = 5
    ROTATE = 6  # an equal machine has been off for longer
    WAKE = 7
    RAISE = 8  # a faster level
    HELD = 9  # an operator holds it off
    FILL = 10  # a slower level makes room for one more machine


@frozen(eq=False)
class Steps:
    """Candidate changes: machine `row` to `level`, `watts` less or more."""

    row: Ints
    level: Ints
    watts: Floats  # model watts that it moves, above 0
    price: Floats  # J per hash of what it moves

    def __len__(self) -> int:
        return len(self.row)

    def take(self, index: Ints | Bools) -> "Steps":
        """Return the steps at `index`, in its order."""
        return Steps(
            self.row[index], self.level[index], self.watts[index], self.price[index]
        )


def moves(level_w: Floats, level_h: Floats, row: Ints, begin: Ints, end: Ints) -> Steps:
    """Return the steps of machines `row` from level `begin` to level `end`.

    Machines that would move no watts are left out.
    """
    watts = np.abs(level_w[row, end] - level_w[row, begin])
    hashes = np.abs(level_h[row, end] - level_h[row, begin])
    # Watts that find no hashes are the dearest.
    price = np.divide(watts, hashes, out=np.full_like(watts, np.inf), where=hashes > 0)
    return Steps(row, end, watts, price).take(watts > 0)


def price_bin(price: Floats) -> Ints:
    """Return J per hash on a logarithmic scale, so that equals are equal."""
    # 1000 octaves stand for no hashes at all: dearer than any machine.
    octaves = np.log2(price, out=np.full_like(price, 1000.0), where=np.isfinite(price))
    return np.round(octaves * PRICE_BINS).astype(np.int64)


def prefix_reaching(watts: Floats, need: float) -> int:
    """Return how many of the first steps it takes to reach `need`; all if too few."""
    # searchsorted would take one step for a need of 0.
    if need <= 0:
        return 0
    reached = int(np.searchsorted(np.cumsum(watts), need, side="left")) + 1
    return min(reached, len(watts))


def fitting(watts: Floats, room: float, attempts: int) -> Ints:
    """Return which steps fit into `room`, in order, passing over too large ones.

    Args:
        watts: Of each step, in the order of preference.
        room: Watts that they may take together.
        attempts: How many times to pass over; bounds the time this takes.
    """
    taken: list[Ints] = []
    start = 0
    for _ in range(attempts):
        count = int(np.searchsorted(np.cumsum(watts[start:]), room, side="right"))
        taken.append(np.arange(start, start + count))
        room -= float(watts[start : start + count].sum())
        start += count
        # The next one that fits may be far behind: the first too large one is passed
        # over.
        fits = np.flatnonzero(watts[start:] <= room)
        if not len(fits):
            break
        start += int(fits[0])
    return np.concatenate(taken) if taken else np.zeros(0, dtype=np.int64)
