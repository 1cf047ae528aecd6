"""Which machines make room for equal ones that have been off for longer."""

import numpy as np

from protocol.units import Seconds
from proxy.power.machines.fleet import Fleet, Floats, Ints
from proxy.power.planner.grow import wakeable
from proxy.power.planner.params import PlanParams
from proxy.power.planner.steps import Reason, price_bin

LARGEST_PART = 0.02
"""Of the machines, how many one plan rotates at most; the next plans go on.
Chosen: few enough that the site's power hardly moves."""


def rotate(
    fleet: Fleet, now: Seconds, params: PlanParams, least_w: float
) -> tuple[Ints, Ints]:
    """Return levels and reasons after machines have made room for equals.

    Only the step down is taken here: the watts are granted once they are free.
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
    on, _, gap = _pairs(fleet, now, params)
    threshold = _threshold(fleet, params)
    on, gap = on[gap > threshold], gap[gap > threshold]
    # At least one, or a small hall would never rotate.
    on = on[: max(1, int(LARGEST_PART * len(fleet)))]
    enough = float(fleet.target_w[on].sum()) >= least_w
    if enough or (len(gap) and float(gap[0]) > 2 * threshold):
        level[on] = 0
        reason[on] = Reason.ROTATE
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
