"""Which miners are parked when there is no controller to say so."""

from collections.abc import Sequence

import numpy as np

from protocol.units import Seconds, Watts
from proxy.config.power import PowerConfig
from proxy.power.machines.fleet import fleet_of
from proxy.power.machines.machine import Describer, Mode
from proxy.power.planner.params import PlanParams
from proxy.power.planner.shed import shed
from proxy.power.settings import params_of


def to_park(
    miners: Sequence[tuple[int, str, str]],
    describer: Describer,
    power: PowerConfig,
    limit_w: Watts,
) -> list[int]:
    """Return the ids of the miners to park so that a site keeps to `limit_w`.

    The same order of shedding as the controller's; with the worst bias, since
    nobody looks at the meter.

    Args:
        miners: Id, worker and peer address of each that is granted work.
        describer: Knows the site's machines.
        power: The site's settings.
        limit_w: Its fail-safe, or what ruled before where that is less.
    """
    kinds = [describer.kind_of(worker, address) for _, worker, address in miners]
    variants = [kind.variants[Mode.PARKED] for kind in kinds]
    fleet = fleet_of(
        [variant.points for variant in variants],
        t_down=[variant.t_down for variant in variants],
        t_up=[variant.t_up for variant in variants],
        priority=[kind.priority for kind in kinds],
        running=True,
    )
    estimate = params_of(power).estimate
    allowed = estimate.aux.it_watts(limit_w) / estimate.bias_high
    need = float(fleet.full_w.sum()) - allowed
    if need <= 0:
        return []
    level, _ = shed(fleet, Seconds(0.0), PlanParams(), need, need, whole=True)
    return [miners[row][0] for row in np.flatnonzero(level == 0).tolist()]
