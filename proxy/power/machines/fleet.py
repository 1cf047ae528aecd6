"""The machines of a site as numpy columns, and what they draw meanwhile."""

from collections.abc import Sequence

import numpy as np
from attrs import Factory, evolve, field, frozen
from numpy.typing import NDArray

from protocol.units import HashesPerSecond, Seconds, Watts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

UNMANAGED = -1
"""Priority class of machines that no fleet row describes: shed first."""

PARKED_DOWN = Seconds(135.0)
"""How long a machine goes on drawing once it gets no more work: firmware drops its last
job after 120 s without another (Bitmain's driver for S9 and T9); an eighth is added."""

MAX_MACHINES = 1_000_000
"""Rows of one fleet; a row costs about 250 B."""


def none_of(rows: Ints) -> Bools:
    """Return a column that is true for none of `rows`."""
    return np.zeros(len(rows), dtype=np.bool_)


@frozen(eq=False)
class Fleet:
    """One row a machine, N rows; L levels, of which 0 does no work.

    Machines with fewer levels repeat their top one. Moments are seconds of one
    clock; -inf means long ago.
    """

    level_w: Floats  # (N, L) watts by the model, rising
    level_h: Floats  # (N, L) hashes/s by the model, rising
    top: Ints  # (N,) highest level
    level: Ints  # (N,) commanded level
    from_w: Floats  # (N,) watts before the last command
    changed_at: Floats  # (N,) when that was
    switched_at: Floats  # (N,) last change between no work and some
    t_down: Floats  # (N,) seconds until a step down shows
    t_up: Floats  # (N,) seconds until a step up is complete
    priority: Ints  # (N,) class; the highest is shed last
    debt_h: Floats  # (N,) fairness debt: hours of full power curtailed
    cycles: Floats  # (N,) on/off cycles in the last day
    responsive: Bools  # (N,) it obeys; else it counts at full power
    held: Bools = field(default=Factory(lambda f: none_of(f.level), takes_self=True))
    # (N,) an operator holds it off: it gets no level above 0
    cold: Bools = field(default=Factory(lambda f: none_of(f.level), takes_self=True))
    # (N,) it was never seen at work: its minimum time off is over
    rows: Ints = field(init=False, repr=False)  # 0..N-1

    def __attrs_post_init__(self) -> None:
        if len(self.level) > MAX_MACHINES:
            raise ValueError(f"{len(self.level)} machines > {MAX_MACHINES}")
        object.__setattr__(self, "rows", np.arange(len(self.level)))

    def __len__(self) -> int:
        return len(self.level)

    @property
    def full_w(self) -> Floats:
        """Watts of each machine at its top level."""
        return self.level_w[self.rows, self.top]

    @property
    def target_w(self) -> Floats:
        """Watts that each machine is commanded to; unresponsive: full."""
        return self.watts_at(self.level)

    def watts_at(self, level: Ints) -> Floats:
        """Return the watts of each machine at `level`, unresponsive ones full."""
        at = np.where(self.responsive, level, self.top)
        return self.level_w[self.rows, at]

    def hashes_at(self, level: Ints) -> HashesPerSecond:
        """Return the hashrate of all machines together at `level`."""
        return HashesPerSecond(float(self.level_h[self.rows, level].sum()))

    def committed_w(self, now: Seconds) -> Floats:
        """Return the most that each may draw: a step up at once, down when done."""
        target = self.target_w
        falling = (self.from_w > target) & (now < self.changed_at + self.t_down)
        return np.where(falling & self.responsive, self.from_w, target)

    def settled(self, now: Seconds) -> Bools:
        """Tell which are past their last change; unresponsive ones never are."""
        takes = np.where(self.target_w < self.from_w, self.t_down, self.t_up)
        return self.responsive & (now >= self.changed_at + takes)

    def drawn_w(self, now: Seconds) -> tuple[Watts, Watts]:
        """Return the least and the most that all may draw by the model now.

        What does not obey may draw anything, down to nothing.
        """
        target, settled = self.target_w, self.settled(now) | ~self.responsive
        low = np.where(settled, target, np.minimum(target, self.from_w))
        low = np.where(self.responsive, low, 0.0)
        high = np.where(settled, target, np.maximum(target, self.from_w))
        return Watts(float(low.sum())), Watts(float(high.sum()))

    def settled_share(self, now: Seconds) -> float:
        """Return the settled part of the nameplate watts that obey; 1 if none do."""
        full = np.where(self.responsive, self.full_w, 0.0)
        total = float(full.sum())
        return float(full[self.settled(now)].sum()) / total if total > 0 else 1.0

    def falling_w(self, now: Seconds) -> Watts:
        """Return the watts that commands under way have yet to take off."""
        return Watts(float((self.committed_w(now) - self.target_w).sum()))

    def commanded(self, level: Ints, now: Seconds) -> "Fleet":
        """Return the fleet with `level` commanded now."""
        changed = level != self.level
        switched = (level == 0) != (self.level == 0)
        return evolve(
            self,
            level=level,
            from_w=np.where(changed, self.committed_w(now), self.from_w),
            changed_at=np.where(changed, now, self.changed_at),
            switched_at=np.where(switched, now, self.switched_at),
            cycles=self.cycles + 0.5 * switched,
            cold=self.cold & (level == 0),
        )

    def aged(self, elapsed: Seconds) -> "Fleet":
        """Return the fleet `elapsed` later: debts grown, cycles faded over a day.

        What an operator holds off is owed nothing.
        """
        full = self.full_w
        part = np.divide(
            full - self.level_w[self.rows, self.level],
            full,
            out=np.zeros_like(full),
            where=full > 0,
        )
        return evolve(
            self,
            debt_h=self.debt_h + np.where(self.held, 0.0, part) * (elapsed / 3600.0),
            cycles=self.cycles * np.exp(-elapsed / 86400.0),
        )


def fleet_of(
    points: Sequence[Sequence[tuple[HashesPerSecond, Watts]]],
    *,
    t_down: Sequence[float],
    t_up: Sequence[float],
    priority: Sequence[int] | None = None,
    running: bool = False,
) -> Fleet:
    """Return a fleet at rest: all machines off, or all at full speed.

    Args:
        points: For each machine its (hashes/s, W) by level, as a model gives them.
        t_down: Seconds until a step down shows, each.
        t_up: Seconds until a step up is complete, each.
        priority: Class of each; all 0 by default.
        running: They run at full speed, since long ago.
    """
    count, levels = len(points), max((len(p) for p in points), default=1)
    level_h, level_w = np.zeros((count, levels)), np.zeros((count, levels))
    for row, known in enumerate(points):
        padded = [*known, *[known[-1]] * (levels - len(known))]
        level_h[row], level_w[row] = zip(*padded, strict=True)
    top = np.array([len(p) - 1 for p in points], dtype=np.int64)
    level = top.copy() if running else np.zeros(count, dtype=np.int64)
    return Fleet(
        level_w=level_w,
        level_h=level_h,
        top=top,
        level=level,
        from_w=level_w[np.arange(count), level],
        changed_at=np.full(count, -np.inf),
        switched_at=np.full(count, -np.inf),
        t_down=np.array(t_down, dtype=np.float64),
        t_up=np.array(t_up, dtype=np.float64),
        priority=np.array(priority or [0] * count, dtype=np.int64),
        debt_h=np.zeros(count),
        cycles=np.zeros(count),
        responsive=np.ones(count, dtype=np.bool_),
    )
