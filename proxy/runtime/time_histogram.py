"""How often something took how long: what Prometheus calls a histogram."""

from bisect import bisect_left
from itertools import accumulate

from attrs import define, field

from protocol.units import Seconds


@define(eq=False, repr=False)
class TimeHistogram:
    """Counts durations.

    Attributes:
        edges: Upper ends of the buckets, in seconds, rising.
        counts: For each edge, those within it and not within the one before; then
            those beyond all.
        total: All of them added up, in seconds.
    """

    edges: tuple[float, ...]
    counts: list[int] = field(init=False)
    total: float = field(default=0.0, init=False)

    def __attrs_post_init__(self) -> None:
        self.counts = [0] * (len(self.edges) + 1)

    def add(self, took: Seconds) -> None:
        """Count one."""
        self.counts[bisect_left(self.edges, took)] += 1
        self.total += took

    def buckets(self) -> list[tuple[str, float]]:
        """Return each upper end with how many were within it, as Prometheus has it."""
        names = [*map(str, self.edges), "+Inf"]
        sums = map(float, accumulate(self.counts))
        return list(zip(names, sums, strict=True))
