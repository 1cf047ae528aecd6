"""Which machines go slower or sleep when a site must draw less."""

from enum import Enum

import numpy as np

from protocol.units import Seconds
from proxy.power.machines.fleet import UNMANAGED, Bools, Fleet, Ints
from proxy.power.planner.params import PlanParams
from proxy.power.planner.steps import Reason, Steps, moves, prefix_reaching, price_bin


class How(Enum):
    """By what machines are made to draw less."""

    LEVELS = "levels"  # slower levels before sleep, by class
    MACHINES = "machines"  # asleep, but for what is left of less than one: levels
    FAST = "fast"  # asleep alone


def shed(  # noqa: PLR0913
    fleet: Fleet,
    now: Seconds,
    params: PlanParams,
    need: float,
    must: float,
    *,
    how: How,
    slack: float = 0.0,
    among: Bools | None = None,
) -> tuple[Ints, Ints]:
    """Return levels and reasons after `need` model watts are shed.

    By class, unmanaged first; in it worst J/TH, then least curtailed. Machines
    inside their minimum time on follow only as far as `must` demands.

    Args:
        fleet: The machines.
        now: The moment.
        params: Minimum times and trim pool.
        need: What should go.
        must: What has to go, whatever it takes.
        how: By what.
        among: Of these alone; None: of all.
        slack: By how much more levels are lowered, so that the next look needs none,
            or until machines have shown that they went; without levels, machines.
    """
    level, reason = fleet.level.copy(), np.zeros_like(fleet.level)
    running = fleet.responsive & (level > 0)
    if among is not None:
        running &= among
    rested = running & (now - fleet.switched_at >= params.min_on_s)
    pool = trim_pool(fleet, params.trim_pool)
    got = 0.0
    for rows in _classes(fleet, running):
        members = np.zeros_like(running)
        members[rows] = True
        if how is How.LEVELS:
            # Before sleep, by class: within a lower class machines sleep before a
            # higher one slows down.
            got += _slow_down(fleet, members, level, reason, need - got + slack)
        may = members & rested
        asleep = _sleep(fleet, may, pool, level, need - got)
        if how is How.MACHINES and float(asleep.watts.sum()) >= need - got:
            fewer = asleep.take(np.arange(len(asleep) - 1))
            left = need + slack - got - float(fewer.watts.sum())
            can = _can_slow_down(fleet, members, fewer) >= left
            more = need + slack - got
            asleep = fewer if can else _sleep(fleet, may, pool, level, more)
        got += _apply(asleep, level, reason, _class_reason(fleet, rows))
        if how is How.MACHINES:
            runs, left = members & (level > 0), need - got + slack
            got += _slow_down(fleet, runs, level, reason, left)
        if got >= need:
            return level, reason
    # Minimum times are for the machines' sake: the budget is above them.
    if got < must:
        # Across all classes in one list, so by_class puts the lowest first.
        forced = _sleep(
            fleet, running & (level > 0), pool, level, must - got, by_class=True
        )
        _apply(forced, level, reason, Reason.FORCED)
    return level, reason


def _can_slow_down(fleet: Fleet, members: Bools, asleep: Steps) -> float:
    """Return the watts that levels of `members` can free beside those `asleep`."""
    others = members.copy()
    others[asleep.row] = False
    slowest = fleet.level_w[:, min(1, fleet.level_w.shape[1] - 1)]
    return float((fleet.target_w - slowest)[others].sum())


def trim_pool(fleet: Fleet, share: float) -> Bools:
    """Return the tunable machines kept for fine control, `share` of running watts.

    Of the lowest class, those curtailed longest: they have earned to run on,
    and as others catch up the pool moves on by itself.
    """
    tunable = fleet.responsive & (fleet.level > 0) & (fleet.top > 1)
    rows = np.flatnonzero(tunable)
    rows = rows[np.lexsort((rows, -fleet.debt_h[rows], fleet.priority[rows]))]
    wanted = share * float(fleet.target_w.sum())
    chosen = rows[: prefix_reaching(fleet.full_w[rows], wanted)]
    pool = np.zeros(len(fleet), dtype=np.bool_)
    pool[chosen] = True
    return pool


def _classes(fleet: Fleet, running: Bools) -> list[Ints]:
    """Return the running machines' rows by class, the first to shed first."""
    found = sorted(set(fleet.priority[running].tolist()))
    return [np.flatnonzero(running & (fleet.priority == p)) for p in found]


def _class_reason(fleet: Fleet, rows: Ints) -> Reason:
    is_unmanaged = fleet.priority[rows[0]] == UNMANAGED
    return Reason.UNMANAGED if is_unmanaged else Reason.CLASS


def _slow_down(
    fleet: Fleet, members: Bools, level: Ints, reason: Ints, need: float
) -> float:
    """Step tunable machines down by one or more levels, dearest step first."""
    steps = [
        moves(
            fleet.level_w,
            fleet.level_h,
            (rows := np.flatnonzero(members & (level >= begin))),
            np.full(len(rows), begin),
            np.full(len(rows), begin - 1),
        )
        # From the top down to level 2: below level 1 is sleep, which is the next step.
        for begin in range(int(fleet.top.max(initial=0)), 1, -1)
    ]
    if not steps:
        return 0.0
    joined = Steps(
        np.concatenate([s.row for s in steps]),
        np.concatenate([s.level for s in steps]),
        np.concatenate([s.watts for s in steps]),
        np.concatenate([s.price for s in steps]),
    )
    joined = joined.take(_dearest_first(fleet, joined))
    chosen = joined.take(np.arange(prefix_reaching(joined.watts, need)))
    # A machine may be in it several times, once for each level: the lowest counts.
    np.minimum.at(level, chosen.row, chosen.level)
    reason[chosen.row] = Reason.TRIM
    return float(chosen.watts.sum())


def _sleep(  # noqa: PLR0913
    fleet: Fleet,
    members: Bools,
    pool: Bools,
    level: Ints,
    need: float,
    *,
    by_class: bool = False,
) -> Steps:
    """Return whole machines to sleep until `need` is met, the trim pool last."""
    rows = np.flatnonzero(members)
    steps = moves(fleet.level_w, fleet.level_h, rows, level[rows], np.zeros_like(rows))
    ranks: list[Ints] = [pool[steps.row].astype(np.int64)]
    if by_class:
        ranks.append(fleet.priority[steps.row])
    steps = steps.take(_dearest_first(fleet, steps, *ranks))
    return steps.take(np.arange(prefix_reaching(steps.watts, need)))


def _dearest_first(fleet: Fleet, steps: Steps, *ranks: Ints) -> Ints:
    debt = fleet.debt_h[steps.row]
    # The row last of all, so that equal inputs make an equal plan.
    keys = (steps.row, debt, -steps.level, -price_bin(steps.price), *ranks)
    return np.lexsort(keys)


def _apply(steps: Steps, level: Ints, reason: Ints, why: Reason) -> float:
    level[steps.row] = steps.level
    reason[steps.row] = why
    return float(steps.watts.sum())
