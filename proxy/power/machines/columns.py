"""Rows of a fleet's columns come, change their model, are commanded, and go."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from protocol.units import Seconds
from proxy.power.machines.fleet import Bools, Fleet, Floats, fleet_of
from proxy.power.machines.found import Points
from proxy.power.machines.kinds import Variant
from proxy.power.machines.machine import Saved

_Scalar = TypeVar("_Scalar", np.float64, np.int64, np.bool_)

NO_FLEET = fleet_of([], t_down=[], t_up=[])


def extended(
    fleet: Fleet, variants: Sequence[Variant], priority: Sequence[int]
) -> Fleet:
    """Return `fleet` with more rows: machines that are off since long ago."""
    count = len(variants)
    known = list({id(v): v for v in variants}.values())
    place = {id(v): i for i, v in enumerate(known)}
    palette = fleet_of(
        [v.points for v in known],
        t_down=[v.t_down for v in known],
        t_up=[v.t_up for v in known],
    )
    kind = np.array([place[id(v)] for v in variants], dtype=np.int64)
    levels = max(palette.level_w.shape[1], fleet.level_w.shape[1])

    def filled(column: NDArray[_Scalar], value: float) -> NDArray[_Scalar]:
        more = np.full(count, value, dtype=column.dtype)
        return np.concatenate([column, more])

    def of_kind(column: NDArray[_Scalar], models: NDArray[_Scalar]) -> NDArray[_Scalar]:
        return np.concatenate([column, models[kind]])

    return evolve(
        fleet,
        level_w=of_kind(_wide(fleet.level_w, levels), _wide(palette.level_w, levels)),
        level_h=of_kind(_wide(fleet.level_h, levels), _wide(palette.level_h, levels)),
        top=of_kind(fleet.top, palette.top),
        level=filled(fleet.level, 0),
        from_w=filled(fleet.from_w, 0.0),
        changed_at=filled(fleet.changed_at, -np.inf),
        switched_at=filled(fleet.switched_at, -np.inf),
        t_down=of_kind(fleet.t_down, palette.t_down),
        t_up=of_kind(fleet.t_up, palette.t_up),
        priority=np.append(fleet.priority, np.array(priority, dtype=np.int64)),
        debt_h=filled(fleet.debt_h, 0.0),
        cycles=filled(fleet.cycles, 0.0),
        responsive=filled(fleet.responsive, 1),
        held=filled(fleet.held, 0),
        cold=filled(fleet.cold, 0),
    )


def remodelled(fleet: Fleet, row: int, variant: Variant) -> Fleet:
    """Give a row the levels and timings of `variant`; the others are not touched.

    Returns `fleet` itself, or a wider one where no machine had so many levels yet.
    """
    points, levels = variant.points, fleet.level_w.shape[1]
    if len(points) > levels:
        levels = len(points)
        fleet = evolve(
            fleet,
            level_w=_wide(fleet.level_w, levels),
            level_h=_wide(fleet.level_h, levels),
        )
    padded: Points = (*points, *points[-1:] * (levels - len(points)))
    fleet.level_h[row] = [h for h, _ in padded]
    fleet.level_w[row] = [w for _, w in padded]
    fleet.top[row] = len(points) - 1
    fleet.t_down[row], fleet.t_up[row] = variant.t_down, variant.t_up
    return fleet


def command_row(fleet: Fleet, row: int, level: int, now: Seconds) -> None:
    """Command one row to `level`, as `Fleet.commanded` does it for all."""
    before = int(fleet.level[row])
    if level == before:
        return
    fleet.from_w[row] = _committed_w(fleet, row, now)
    fleet.level[row], fleet.changed_at[row] = level, now
    fleet.cold[row] &= level == 0
    if (level == 0) != (before == 0):
        fleet.switched_at[row] = now
        fleet.cycles[row] += 0.5


def restore_row(fleet: Fleet, row: int, saved: Saved, level: int, now: Seconds) -> None:
    """Give a row what a restart finds of it: on its way from full power to `level`."""
    fleet.debt_h[row], fleet.cycles[row] = saved.debt_h, saved.cycles
    fleet.level[row] = level
    since = Seconds(now - saved.changed_s)
    fall_from_full(fleet, row, since)
    fleet.switched_at[row] = since


def fall_from_full(fleet: Fleet, row: int, now: Seconds) -> None:
    """Count a row as at full power, on its way to its level from now on."""
    fleet.from_w[row] = fleet.level_w[row, fleet.top[row]]
    fleet.changed_at[row] = now


def found_otherwise(fleet: Fleet, row: int, now: Seconds) -> None:
    """Do so for one that had left its level by itself, and is told again now."""
    fall_from_full(fleet, row, now)
    fleet.switched_at[row], fleet.cold[row] = now, False


def kept(fleet: Fleet, rows: Bools) -> Fleet:
    """Return the rows of `fleet` where `rows` is true, in their order."""
    return Fleet(
        level_w=fleet.level_w[rows],
        level_h=fleet.level_h[rows],
        top=fleet.top[rows],
        level=fleet.level[rows],
        from_w=fleet.from_w[rows],
        changed_at=fleet.changed_at[rows],
        switched_at=fleet.switched_at[rows],
        t_down=fleet.t_down[rows],
        t_up=fleet.t_up[rows],
        priority=fleet.priority[rows],
        debt_h=fleet.debt_h[rows],
        cycles=fleet.cycles[rows],
        responsive=fleet.responsive[rows],
        held=fleet.held[rows],
        cold=fleet.cold[rows],
    )


def _wide(column: Floats, levels: int) -> Floats:
    """Return `column` with `levels` levels: machines with fewer repeat their top."""
    missing = levels - column.shape[1]
    if not missing:
        return column
    return np.concatenate([column, np.repeat(column[:, -1:], missing, axis=1)], axis=1)


def _committed_w(fleet: Fleet, row: int, now: Seconds) -> float:
    """Return the most that a row may draw; see `Fleet.committed_w`."""
    is_responsive = bool(fleet.responsive[row])
    level = fleet.level[row] if is_responsive else fleet.top[row]
    target, from_w = float(fleet.level_w[row, level]), float(fleet.from_w[row])
    is_falling = from_w > target and now < fleet.changed_at[row] + fleet.t_down[row]
    return from_w if is_falling and is_responsive else target
