"""What the machines of a site prove of themselves: by shares, and by what they say."""

import numpy as np
from attrs import frozen

from protocol.units import Seconds, Watts
from proxy.power.machines.fleet import Bools, Floats
from proxy.power.machines.proven import PROVEN_FOR
from proxy.power.machines.table import Table

NO_WATTS = Watts(0.0)

FRESH = Seconds(90.0)
"""What a device said longer ago does not count: it is asked each 60 s
(`polls.POLL`), and one question may be lost."""

LAG = Seconds(15.0)
"""Longer than a change is said to take, until a device is believed about it: supplies
tell means of several seconds, and a limit is reached step by step."""

BELIEVED = 2.0
"""Of its model at full power, the most that is believed of one device: what says more
has garbled its watts, and may not put the others to sleep."""

WORKS_AT = 0.5
"""Of the watts of its level: a device that says so works. Without work it draws a
tenth of its nameplate, at its slowest level two thirds (models.toml)."""


@frozen
class FleetEvidence:
    """What machines show of themselves that are past their last change.

    Attributes:
        must_w: What those draw at the least, without auxiliary load, that are proven
            to work: by what they say or by their model, whichever is less, and of it
            the part that their shares prove where they say nothing.
        told_w: What they draw by their own word. One that does not obey counts at
            full power all the same, if it says less.
        model_w: The same machines by the model.
        running_told_w: The first, of those that are to run.
        running_model_w: The second, of those.
        running_w: All that are to run, by the model.
    """

    must_w: Watts = NO_WATTS
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
    """Return what the machines of `table` prove now."""
    if not table.machines:
        return NO_EVIDENCE
    fleet = table.fleet
    heard_at = np.array([machine.heard_at for machine in table.machines])
    said = [np.nan if m.power_w is None else m.power_w for m in table.machines]
    told_w = np.array(said, dtype=np.float64)
    model_w = fleet.target_w
    takes = np.where(model_w < fleet.from_w, fleet.t_down, fleet.t_up)
    says = (now - heard_at < FRESH) & (heard_at >= fleet.changed_at + takes + LAG)
    says &= ~np.isnan(told_w) & (fleet.settled(now) | ~fleet.responsive)
    told_w = np.where(says, np.minimum(told_w, BELIEVED * fleet.full_w), 0.0)
    told_w = np.where(fleet.responsive, told_w, np.maximum(told_w, model_w))
    runs = (fleet.level > 0) | ~fleet.responsive
    must_w = _must(table, now, np.where(says, told_w, np.nan))
    return FleetEvidence(
        Watts(float(must_w.sum())),
        Watts(float(told_w[says].sum())),
        Watts(float(model_w[says].sum())),
        Watts(float(told_w[says & runs].sum())),
        Watts(float(model_w[says & runs].sum())),
        Watts(float(model_w[runs].sum())),
    )


def _must(table: Table, now: Seconds, told_w: Floats) -> Floats:
    """Return what each machine draws at the least that is proven to work, else 0.

    Args:
        table: The machines.
        now: The moment.
        told_w: What each says that it draws; NaN: nothing.
    """
    fleet, machines = table.fleet, table.machines
    level_w = fleet.level_w[fleet.rows, fleet.level]
    steady: Bools = fleet.settled(now) & (fleet.level > 0)
    hashed_at = np.array([machine.hashed_at for machine in machines])
    proven = np.array([machine.hashing.proven for machine in machines])
    by_shares = np.where(now - hashed_at < PROVEN_FOR, proven * level_w, 0.0)
    by_word = np.where(told_w >= WORKS_AT * level_w, told_w, 0.0)
    must_w = np.where(np.isnan(told_w), by_shares, np.minimum(by_word, level_w))
    return np.where(steady, must_w, 0.0)
