"""Rows of a fleet's columns come, change their model, and go."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from proxy.power.machines.fleet import Bools, Fleet, fleet_of
from proxy.power.machines.machine import Variant

_Scalar = TypeVar("_Scalar", np.float64, np.int64, np.bool_)

NO_FLEET = fleet_of([], t_down=[], t_up=[])


def extended(fleet: Fleet, count: int, priority: Sequence[int]) -> Fleet:
    """Return `fleet` with `count` more rows, off since long ago, levels unknown.

    `remodelled` has to follow.
    """

    def filled(column: NDArray[_Scalar], value: float) -> NDArray[_Scalar]:
        more = np.full((count, *column.shape[1:]), value, dtype=column.dtype)
        return np.concatenate([column, more])

    return evolve(
        fleet,
        level_w=filled(fleet.level_w, 0.0),
        level_h=filled(fleet.level_h, 0.0),
        top=filled(fleet.top, 0),
        level=filled(fleet.level, 0),
        from_w=filled(fleet.from_w, 0.0),
        changed_at=filled(fleet.changed_at, -np.inf),
        switched_at=filled(fleet.switched_at, -np.inf),
        t_down=filled(fleet.t_down, 0.0),
        t_up=filled(fleet.t_up, 0.0),
        priority=np.append(fleet.priority, np.array(priority, dtype=np.int64)),
        debt_h=filled(fleet.debt_h, 0.0),
        cycles=filled(fleet.cycles, 0.0),
        responsive=filled(fleet.responsive, 1),
    )


def remodelled(
    fleet: Fleet, variants: Sequence[Variant], responsive: Sequence[bool]
) -> Fleet:
    """Return `fleet` with the levels, timings and obedience of each row as given."""
    known = list({id(v): v for v in variants}.values())
    place = {id(v): i for i, v in enumerate(known)}
    palette = fleet_of(
        [v.points for v in known],
        t_down=[v.t_down for v in known],
        t_up=[v.t_up for v in known],
    )
    kind = np.array([place[id(v)] for v in variants], dtype=np.int64)
    return evolve(
        fleet,
        level_w=palette.level_w[kind],
        level_h=palette.level_h[kind],
        top=palette.top[kind],
        t_down=palette.t_down[kind],
        t_up=palette.t_up[kind],
        responsive=np.array(responsive, dtype=np.bool_),
    )


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
    )
