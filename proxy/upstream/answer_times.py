"""How long a pool takes to answer shares: since the start, and of late."""

from math import log2

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from protocol.units import Seconds
from proxy.runtime.time_histogram import TimeHistogram

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper edges, seconds: a pool next door, one across an ocean, one that hangs."""

WINDOW_MINUTES = 10

_LEAST = 0.001
_PER_OCTAVE = 4
"""Bins to a doubling: what is read from them is within 10 percent."""

_BINS = 72
"""Up to 260 s: longer than any answer is waited for."""


@define(eq=False, repr=False)
class AnswerTimes:
    """Counts answers by their time, in seconds.

    Attributes:
        histogram: All since the start, by `BUCKETS`.
        slowest: The longest since `take_slowest`.
    """

    histogram: TimeHistogram = field(factory=lambda: TimeHistogram(BUCKETS), init=False)
    slowest: float = field(default=0.0, init=False)
    _minutes: list[int] = field(factory=lambda: [-1] * WINDOW_MINUTES, init=False)
    _bins: NDArray[np.int64] = field(
        factory=lambda: np.zeros((WINDOW_MINUTES, _BINS), np.int64), init=False
    )

    def add(self, took: Seconds, now: Seconds) -> None:
        """Count an answer that came `took` after its share was sent."""
        self.histogram.add(took)
        self.slowest = max(self.slowest, took)
        minute = int(now // 60)
        row = minute % WINDOW_MINUTES
        if self._minutes[row] != minute:
            self._minutes[row] = minute
            self._bins[row] = 0
        self._bins[row, _bin_of(took)] += 1

    def take_slowest(self) -> float | None:
        """Return the longest time since this was last asked for; None: no answer."""
        found, self.slowest = self.slowest, 0.0
        return found or None

    def within(self, parts: tuple[float, ...], now: Seconds) -> list[Seconds] | None:
        """Return for each part of 1 the time within which so many answers came.

        Of the last ten minutes; None: there was no answer.
        """
        oldest = int(now // 60) - WINDOW_MINUTES
        fresh = [row for row, minute in enumerate(self._minutes) if minute > oldest]
        sums = np.cumsum(self._bins[fresh].sum(0))
        total = int(sums[-1])
        if not total:
            return None
        places = np.searchsorted(sums, [part * total for part in parts])
        return [_time_of(int(place)) for place in places]


def _bin_of(took: float) -> int:
    if took <= _LEAST:
        return 0
    return min(_BINS - 1, 1 + int(_PER_OCTAVE * log2(took / _LEAST)))


def _time_of(place: int) -> Seconds:
    """Return the time in the middle of a bin."""
    if not place:
        return Seconds(_LEAST)
    return Seconds(_LEAST * 2.0 ** ((place - 0.5) / _PER_OCTAVE))
