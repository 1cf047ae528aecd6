"""Which machines change their level so that a site keeps to its cap."""

import math
from collections.abc import Iterator
from enum import Enum

import numpy as np
from attrs import frozen

from protocol.units import HashesPerSecond, Seconds, Watts
from proxy.power.machines.fleet import Fleet, Floats, Ints
from proxy.power.planner.fill import make_room
from proxy.power.planner.grow import grow
from proxy.power.planner.params import PlanParams
from proxy.power.planner.rotate import owed_machines, rotate
from proxy.power.planner.shed import How, shed
from proxy.power.planner.steps import Reason

FAST = 20.0
"""Seconds of a step down that is over within a third of the minute: what an order may
take to show."""

FILLED = 2.0
"""Dead-bands that may be left of a budget before machines make room for one more: what
noise opens is no room."""


class Urgency(Enum):
    """How hard the planner may act."""

    NORMAL = "normal"
    EMERGENCY = "emergency"  # whole machines, minimum times and dead-band aside
    TRIP = "trip"  # everything below the firm class sleeps


@frozen
class Allowance:
    """What the machines may draw: model watts, the fleet's bias divided out."""

    allow_w: Watts  # to grow up to, and to shed down to
    ceiling_w: Watts  # never above, if anything is left to shed
    budget_w: Watts  # the site's, that the fractions above refer to
    unproven_w: float = 0.0  # of what may not have gone down: nothing grows into them
    doubt_w: float = 0.0  # shed beside a large need, until that has been shown


@frozen
class LevelChange:
    """One machine's change of level."""

    row: int
    before: int
    after: int
    reason: Reason
    watts: Watts  # by the model, negative for a step down


@frozen(eq=False)
class Plan:
    """The levels that a fleet shall have, and why."""

    level: Ints  # of every machine
    reason: Ints  # Reason of each that changes, else 0
    fleet: Fleet  # as it was

    @property
    def rows(self) -> Ints:
        """The machines that change."""
        return np.flatnonzero(self.reason)

    @property
    def watts(self) -> Watts:
        """Model watts of all machines once all has been done."""
        return Watts(float(self.fleet.watts_at(self.level).sum()))

    @property
    def hashrate_change(self) -> HashesPerSecond:
        """What it brings, or costs if negative, in hashes per second."""
        after, before = (
            self.fleet.hashes_at(level) for level in (self.level, self.fleet.level)
        )
        return HashesPerSecond(after - before)

    @property
    def _change_w(self) -> Floats:
        return self.fleet.watts_at(self.level) - self.fleet.target_w

    def ordered(self) -> Ints:
        """Return the machines that change, the longest steps down first."""
        # Steps down first: watts are freed before they are given.
        rows = self.rows
        return rows[np.argsort(self._change_w[rows], kind="stable")]

    def commands(self) -> Iterator[LevelChange]:
        """Yield what to tell each machine, steps down first."""
        change = self._change_w
        for row in self.ordered().tolist():
            yield LevelChange(
                row=row,
                before=int(self.fleet.level[row]),
                after=int(self.level[row]),
                reason=Reason(int(self.reason[row])),
                watts=Watts(float(change[row])),
            )


def grant_within(  # noqa: PLR0913, PLR0917
    it_w: float,
    ceiling_it_w: float,
    budget_w: float,
    bias: float,
    unproven_w: float = 0.0,
    doubt_w: float = 0.0,
) -> Allowance:
    """Return a grant in model watts from watts as the meter sees them.

    Args:
        it_w: What the estimator lets machines draw.
        ceiling_it_w: What the machines may draw with no guard kept.
        budget_w: The site's budget.
        bias: Fleet watts per model watt.
        unproven_w: Model watts of what may not have gone down.
        doubt_w: Model watts by which a large step down may fall short.
    """
    allow = Watts(it_w / bias)
    ceiling = Watts(max(allow, ceiling_it_w / bias))
    return Allowance(allow, ceiling, Watts(budget_w), unproven_w, doubt_w)


def plan(  # noqa: PLR0913
    grant: Allowance,
    fleet: Fleet,
    now: Seconds,
    params: PlanParams,
    urgency: Urgency = Urgency.NORMAL,
    *,
    over_w: float = 0.0,
) -> Plan:
    """Return the levels that keep `fleet` within `grant`; equal inputs, equal plan.

    Shedding looks at what is commanded, so nothing is asked for twice; growing
    at what may still be drawn, so no watt is given away before it is free.
    What an operator holds off goes first, whatever the budget.

    Args:
        grant: What the machines may draw.
        fleet: The machines.
        now: The moment, on the fleet's clock.
        params: How machines may be used.
        urgency: How hard to act.
        over_w: Model watts to shed whatever the model says.
    """
    held = fleet.held & (fleet.level > 0)
    if not held.any():
        return _plan(grant, fleet, now, params, urgency, over_w=over_w)
    rest = fleet.commanded(np.where(held, 0, fleet.level), now)
    planned = _plan(grant, rest, now, params, urgency, over_w=over_w)
    reason = np.where(held, int(Reason.HELD), planned.reason)
    return Plan(planned.level, reason, fleet)


def _plan(  # noqa: PLR0913
    grant: Allowance,
    fleet: Fleet,
    now: Seconds,
    params: PlanParams,
    urgency: Urgency,
    *,
    over_w: float,
) -> Plan:
    """Return the same for a fleet of which nothing that is held off works."""
    if urgency is Urgency.TRIP:
        return _trip(grant, fleet, params)
    late = _late_w(grant, fleet, now, params)
    target = float(fleet.target_w.sum()) + late
    # Between them nothing moves, or machines would be switched for noise.
    band = 0.0 if urgency is Urgency.EMERGENCY else params.dead_band * grant.budget_w
    if over_w > 0 or target > grant.allow_w:
        need = max(target - grant.allow_w, over_w)
        must = max(target - grant.ceiling_w, over_w)
        is_small = need < params.small_need * grant.budget_w
        how = How.LEVELS if is_small else How.MACHINES
        how = How.FAST if urgency is Urgency.EMERGENCY else how
        slack = {How.LEVELS: band, How.MACHINES: grant.doubt_w}.get(how, 0.0)
        can_help = fleet.t_down <= FAST if late > 0 else None
        shed_ = shed(
            fleet, now, params, need, must, how=how, slack=slack, among=can_help
        )
        return Plan(*shed_, fleet)
    room = grant.allow_w - grant.unproven_w - float(fleet.committed_w(now).sum())
    # What rotation has made room for may take the band as well.
    is_owed = room >= owed_machines(fleet, now, params).min(initial=math.inf)
    room -= 0.0 if is_owed else band
    if room > 0:
        level, reason = grow(fleet, now, params, room)
        if reason.any():
            return Plan(level, reason, fleet)
    if room > FILLED * band and urgency is Urgency.NORMAL:
        level, reason = make_room(fleet, now, params, room)
        if reason.any():
            return Plan(level, reason, fleet)
    # Rotation is for fairness alone: not while a site has to act fast.
    if urgency is Urgency.NORMAL:
        return Plan(*rotate(fleet, now, params, least_w=band), fleet)
    return Plan(fleet.level, np.zeros_like(fleet.level), fleet)


def _late_w(grant: Allowance, fleet: Fleet, now: Seconds, params: PlanParams) -> float:
    """Return the model watts of machines that fall too late for the minute that runs.

    Who was found out not to obey is parked, and draws what it did for two minutes more.
    Faster ones make up for it meanwhile. Where an order parks a part of the site, or no
    other is faster, nothing is asked for twice.
    """
    is_late = now + FAST < fleet.changed_at + fleet.t_down
    falling = fleet.committed_w(now) - fleet.target_w
    late = float(falling[is_late].sum())
    fast = fleet.responsive & (fleet.level > 0) & (fleet.t_down <= FAST)
    is_part = late <= params.small_need * grant.budget_w
    return late if is_part and bool(fast.any()) else 0.0


def _trip(grant: Allowance, fleet: Fleet, params: PlanParams) -> Plan:
    level = np.zeros_like(fleet.level)
    if params.firm_priority is not None:
        spared = np.where(fleet.priority >= params.firm_priority, fleet.level, 0)
        # All of the firm class, or none of it.
        if float(fleet.watts_at(spared).sum()) <= grant.allow_w:
            level = spared
    return Plan(level, np.where(level != fleet.level, int(Reason.TRIP), 0), fleet)
