"""Which machines make room for equal ones that have been off for longer."""

import numpy as np

from protocol.units import Seconds
from proxy.power.machines.fleet import Fleet, Floats, Ints
from proxy.power.planner.grow import swaps_at_once, wakeable, waking
from proxy.power.planner.params import PlanParams
from proxy.power.planner.steps import Reason, price_bin

LARGEST_PART = 0.005
"""Of the machines, how many are exchanged at a time. What sleeps is off before what
wakes is up, and a settled minute may miss no more than half a percent for it. A wake of
40 s leaves room for 80 an hour of 200 machines; six cycles a day are 50."""


def rotate(
    fleet: Fleet, now: Seconds, params: PlanParams, least_w: float
) -> tuple[Ints, Ints]:
    """Return levels and reasons after machines have made room for equals.

    The other one is woken at once if it takes as long as `swaps_at_once` says and
    draws no more; else watts are granted once they are free.
    Nothing happens while a machine is on its way down.

    Args:
        fleet: The machines.
        now: The moment.
        params: Minimum times and how much inequality is left alone.
        least_w: Wait until so many watts can be moved at once, or a machine
            is owed twice the usual.
    """
    level, reason = fleet.level.copy(), np.zeros_like(fleet.level)
    # The watts of the last step are not free yet: another would add to it.
    if fleet.falling_w(now) > 0:
        return level, reason
    # At least one, or a small hall would never rotate.
    most = max(1, int(LARGEST_PART * len(fleet))) - int(waking(fleet, now).sum())
    if most <= 0:
        return level, reason
    on, off, gap = _pairs(fleet, now, params)
    threshold = _threshold(fleet, params)
    is_owed = gap > threshold
    on, off, gap = on[is_owed][:most], off[is_owed][:most], gap[is_owed][:most]
    enough = float(fleet.target_w[on].sum()) >= least_w
    if enough or (len(gap) and float(gap[0]) > 2 * threshold):
        level[on], reason[on] = 0, Reason.ROTATE
        is_swap = swaps_at_once(fleet, on, off)
        is_swap &= fleet.full_w[off] <= fleet.target_w[on]
        level[off[is_swap]] = fleet.top[off[is_swap]]
        reason[off[is_swap]] = Reason.WAKE
    return level, reason


def owed_machines(fleet: Fleet, now: Seconds, params: PlanParams) -> Floats:
    """Return the watts of sleeping machines that an equal one ran in place of."""
    _, off, gap = _pairs(fleet, now, params)
    owed = off[gap > 0.5 * _threshold(fleet, params)]
    return fleet.full_w[owed] - fleet.target_w[owed]


def _threshold(fleet: Fleet, params: PlanParams) -> float:
    """Return hours of debt between equals that are left alone.

    A part f of the machines off, in turns of h hours, makes 24 f / h cycles a
    day of each machine: the turns are long enough for `cycles_a_day`.
    """
    full = float(fleet.full_w.sum())
    if full <= 0 or params.cycles_a_day <= 0:
        return params.rotate_after_h
    off = 1.0 - float(fleet.target_w.sum()) / full
    return max(params.rotate_after_h, 24.0 * off / params.cycles_a_day)


def _pairs(fleet: Fleet, now: Seconds, params: PlanParams) -> tuple[Ints, Ints, Floats]:
    """Return running and sleeping equals side by side, the widest debt gap first."""
    may_sleep = fleet.responsive & (fleet.level > 0)
    may_sleep &= now - fleet.switched_at >= params.min_on_s
    on = np.flatnonzero(may_sleep)
    off = np.flatnonzero(wakeable(fleet, now, params.min_off_s))
    if not len(on) or not len(off):
        none = np.zeros(0, dtype=np.int64)
        return none, none, np.zeros(0)
    kind = _kinds(fleet)
    # The least curtailed of those that run, the most curtailed of those that sleep.
    on = on[np.lexsort((on, fleet.debt_h[on], kind[on]))]
    off = off[np.lexsort((off, -fleet.debt_h[off], kind[off]))]
    # Pairs the n-th running machine of a kind with the n-th sleeping one of the same.
    _, i, j = np.intersect1d(
        _rank(kind[on], len(fleet)),
        _rank(kind[off], len(fleet)),
        assume_unique=True,
        return_indices=True,
    )
    gap = fleet.debt_h[off[j]] - fleet.debt_h[on[i]]
    order = np.argsort(-gap, kind="stable")
    return on[i][order], off[j][order], gap[order]


def _kinds(fleet: Fleet) -> Ints:
    """Return a number for each machine that its equals share: class and J/TH."""
    hashes = fleet.level_h[fleet.rows, fleet.top]
    full = fleet.full_w
    price = np.divide(full, hashes, out=np.full_like(full, np.inf), where=hashes > 0)
    pairs = np.stack([fleet.priority, price_bin(price)])
    _, kind = np.unique(pairs, axis=1, return_inverse=True)
    return np.asarray(kind, dtype=np.int64).reshape(-1)


def _rank(kind: Ints, count: int) -> Ints:
    """Return kind * count + place within the kind, for sorted `kind`."""
    place = np.arange(len(kind)) - np.searchsorted(kind, kind, side="left")
    return kind * count + place
