"""What the devices of a site say that they draw, against their models."""

import numpy as np
from attrs import frozen

from protocol.units import Seconds, Watts
from proxy.power.machines.table import Table

NO_WATTS = Watts(0.0)

FRESH = Seconds(90.0)
"""What a device said longer ago does not count: it is asked each 60 s
(`polls.POLL`), and one question may be lost."""

BELIEVED = 2.0
"""Of its model at full power, the most that is believed of one device: what says more
has garbled its watts, and may not put the others to sleep."""


@frozen
class FleetEvidence:
    """What devices said since their last change was complete.

    Attributes:
        told_w: What they draw by their own word. One that does not obey counts at
            full power all the same, if it says less.
        model_w: The same machines by the model.
        running_told_w: The first, of those that are to run.
        running_model_w: The second, of those.
        running_w: All that are to run, by the model.
    """

    told_w: Watts = NO_WATTS
    model_w: Watts = NO_WATTS
    running_told_w: Watts = NO_WATTS
    running_model_w: Watts = NO_WATTS
    running_w: Watts = NO_WATTS

    @property
    def share(self) -> float:
        """Part of the running watts that devices speak of; 0 if none run."""
        return self.running_model_w / self.running_w if self.running_w > 0 else 0.0

    @property
    def ratio(self) -> float | None:
        """What those say by what their models have; None: they say nothing."""
        if self.running_model_w <= 0:
            return None
        return self.running_told_w / self.running_model_w


NO_EVIDENCE = FleetEvidence()


def fleet_evidence(table: Table, now: Seconds) -> FleetEvidence:
    """Return what the devices of `table` say now."""
    if not table.machines:
        return NO_EVIDENCE
    fleet = table.fleet
    heard_at = np.array([machine.heard_at for machine in table.machines])
    said = [np.nan if m.power_w is None else m.power_w for m in table.machines]
    told_w = np.array(said, dtype=np.float64)
    model_w = fleet.target_w
    takes = np.where(model_w < fleet.from_w, fleet.t_down, fleet.t_up)
    says = (now - heard_at < FRESH) & (heard_at >= fleet.changed_at + takes)
    says &= ~np.isnan(told_w) & (fleet.settled(now) | ~fleet.responsive)
    told_w = np.where(says, np.minimum(told_w, BELIEVED * fleet.full_w), 0.0)
    told_w = np.where(fleet.responsive, told_w, np.maximum(told_w, model_w))
    runs = (fleet.level > 0) | ~fleet.responsive
    return FleetEvidence(
        Watts(float(told_w[says].sum())),
        Watts(float(model_w[says].sum())),
        Watts(float(told_w[says & runs].sum())),
        Watts(float(model_w[says & runs].sum())),
        Watts(float(model_w[runs].sum())),
    )
