"""Which miners are parked when there is no controller to say so."""

from collections.abc import Sequence

import numpy as np
from attrs import frozen
from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from protocol.units import Seconds, Watts
from proxy.config.power import PowerConfig
from proxy.downstream.connection import SiteFactory
from proxy.downstream.parking import ParkableMiner
from proxy.power.machines.describer import Describer
from proxy.power.machines.fleet import fleet_of
from proxy.power.machines.kinds import FleetKind, Mode
from proxy.power.planner.params import PlanParams
from proxy.power.planner.shed import How, shed
from proxy.power.settings import params_of

_log = Logger()

DESCRIBED_AT_ONCE = 256
"""Machines that are looked up in one turn: 3 ms where the fleet has ten rows."""


@frozen(eq=False)
class PoweredSite:
    """A site that has power settings."""

    factory: SiteFactory
    power: PowerConfig
    describer: Describer


async def whom_to_park(
    granted: Sequence[ParkableMiner],
    site: PoweredSite,
    limit_w: Watts,
    top_ratio: float,
    clock: IReactorTime,
) -> list[int]:
    """Return whom to park so that a site keeps to `limit_w`: all, if we fail at it.

    See `to_park`.
    """
    try:
        machines = await described(granted, site.describer, clock)
        return to_park(machines, site.power, limit_w, top_ratio)
    except CancelledError:  # the process stops
        raise
    except Exception:  # noqa: BLE001  (whatever it is, the site rests)
        _log.failure("choosing whom to park failed: all are")
        return [miner.id for miner in granted]


async def described(
    miners: Sequence[ParkableMiner], describer: Describer, clock: IReactorTime
) -> list[tuple[int, FleetKind]]:
    """Return the id of each miner and what it is, looked up in slices."""
    found: list[tuple[int, FleetKind]] = []
    for begin in range(0, len(miners), DESCRIBED_AT_ONCE):
        if begin:
            await deferLater(clock, 0)
        for one in miners[begin : begin + DESCRIBED_AT_ONCE]:
            worker = next(iter(one.workers), "")
            found.append((one.id, describer.kind_of(worker, one.address)))
    return found


def to_park(
    machines: Sequence[tuple[int, FleetKind]],
    power: PowerConfig,
    limit_w: Watts,
    top_ratio: float,
) -> list[int]:
    """Return the ids of the miners to park so that a site keeps to `limit_w`.

    The same order of shedding as the controller's; with the worst bias, since
    nobody looks at the meter.

    Args:
        machines: The id of each miner that is granted work, and what it is.
        power: The site's settings.
        limit_w: Its fail-safe, or what ruled before where that is less.
        top_ratio: The largest top of a machine there, as a part of its nameplate. Which
            machine has it is not known here, so each may: an owner's limit can be
            above the nameplate (`machines.found`).
    """
    kinds = [kind for _, kind in machines]
    variants = [kind.variants[Mode.PARKED] for kind in kinds]
    fleet = fleet_of(
        [variant.points for variant in variants],
        t_down=[variant.t_down for variant in variants],
        t_up=[variant.t_up for variant in variants],
        priority=[kind.priority for kind in kinds],
        running=True,
    )
    estimate = params_of(power).estimate
    # The worst bias, and every machine at the largest top: without a meter nothing is
    # learned.
    allowed = estimate.aux.it_watts(limit_w) / (estimate.bias_high * top_ratio)
    need = float(fleet.full_w.sum()) - allowed
    if need <= 0:
        return []
    # `need` as `must`, too: minimum times on do not hold against the fail-safe.
    level, _ = shed(fleet, Seconds(0.0), PlanParams(), need, need, how=How.FAST)
    return [machines[row][0] for row in np.flatnonzero(level == 0).tolist()]
