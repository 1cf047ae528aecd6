"""A hall as the leader of its site has to know it: what it may draw, and would."""

import numpy as np
from attrs import frozen

from protocol.units import Seconds
from proxy.power.allotment.rows import MAX_NEEDS, Need
from proxy.power.control.site_power import by_model
from proxy.power.machines.fleet import PARKED_DOWN, Bools, Fleet, Floats, Ints
from proxy.power.site import SiteControl

GUARD = 0.05
"""More than its machines draw is asked for: a hall keeps its own guard free of what it
is granted, some per cent (`control/estimate`)."""

STANDBY_PRIORITY = 1_001
"""What is drawn in any case comes before all machines, whose highest is 1,000."""

_PRIORITY = 1 << 20
"""A priority's weight in a key: no machine needs so many joules for a terahash."""


@frozen
class HallView:
    """What a hall may draw now, and what it would.

    Attributes:
        committed_w: The most that it may draw by the model, with what was told to stop
            and is not down.
        need: By priority and J/TH; at most `MAX_NEEDS` rows.
        down_s: How long it takes from an order until it is carried out.
    """

    committed_w: int
    need: tuple[Need, ...]
    down_s: Seconds


def hall_view(control: SiteControl, now: Seconds) -> HallView:
    """Return what a hall's leader has to know."""
    fleet = control.table.fleet
    slowest = float(fleet.t_down.max()) if len(fleet) else PARKED_DOWN
    return HallView(
        int(np.ceil(by_model(control.table, control.state, control.params, now))),
        _needs(control),
        Seconds(slowest),
    )


def _needs(control: SiteControl) -> tuple[Need, ...]:
    fleet = control.table.fleet
    aux, bias = control.params.estimate.aux, control.state.estimate.bias
    standby = int(aux.site_watts(bias * float(fleet.level_w[:, 0].sum())) * (1 + GUARD))
    first = Need(STANDBY_PRIORITY, 0, standby, standby)
    if not len(fleet):
        return (first,)
    counts = _wanted(control, fleet)
    scale = bias * (1.0 + aux.share) * (1.0 + GUARD)
    rest = fleet.level_w[:, 0]
    wanted = np.where(counts, fleet.full_w - rest, 0.0) * scale
    running = np.where(counts, fleet.target_w - rest, 0.0) * scale
    return (first, *_grouped(_keys(fleet), running, wanted))


def _wanted(control: SiteControl, fleet: Fleet) -> Bools:
    """Tell which machines would work if they were let."""
    wanted: Bools = ~fleet.held
    for machine in control.table.gone.values():
        wanted[machine.row] = False
    return wanted


def _keys(fleet: Fleet) -> Ints:
    """Return what machines are grouped by: the best served first, rising."""
    top_h = fleet.level_h[fleet.rows, fleet.top]
    joules = np.divide(
        fleet.full_w * 1e12, top_h, out=np.full(len(fleet), 1e3), where=top_h > 0
    )
    efficiency: Ints = np.clip(joules, 0, _PRIORITY - 1).astype(np.int64)
    return -fleet.priority * _PRIORITY + efficiency


def _grouped(keys: Ints, running: Floats, wanted: Floats) -> list[Need]:
    """Return rows for all keys: the coarser in J/TH, the more there are."""
    step, room = 1, MAX_NEEDS - 1
    found = np.unique(keys)
    while len(found) > room and step < _PRIORITY:
        step *= 2
        found = np.unique(keys // step * step)
    # more priorities than rows: the last ones count as one
    place = np.minimum(np.searchsorted(found, keys // step * step), room - 1)
    run_w = np.bincount(place, running, minlength=1)
    want_w = np.bincount(place, wanted, minlength=1)
    return [
        Need(
            int(-(found[row] // _PRIORITY)),
            int(found[row] % _PRIORITY),
            int(run_w[row]),
            int(want_w[row]),
        )
        for row in range(len(want_w))
        if want_w[row] >= 1.0
    ]
