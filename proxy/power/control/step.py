"""One site's control law put together: sense every second, act when due."""

import math

from attrs import evolve, field, frozen

from protocol.units import Seconds, UnixTime, Watts
from proxy.power.control.bias import UNKNOWN2, changed2
from proxy.power.control.cap import Cap
from proxy.power.control.estimate import step
from proxy.power.control.estimate_state import Estimate, EstimateParams, Observation
from proxy.power.control.fleet_evidence import NO_EVIDENCE, FleetEvidence
from proxy.power.control.guard import doubts_w, noise_w
from proxy.power.control.looks import USUAL, Looks
from proxy.power.control.meter import judge
from proxy.power.control.meter_state import Expected, Meter, MeterParams
from proxy.power.control.safety import Conditions, Safety, Stance, Transition, assess
from proxy.power.control.safety_params import SafetyParams
from proxy.power.machines.fleet import Fleet
from proxy.power.orders.budget import Budget
from proxy.power.planner.params import PlanParams
from proxy.power.planner.plan import Plan, grant_within, plan

STEEPEST = 1.25
"""Of what a site draws at full power: a larger step within a second is a spike. As much
as a fleet may draw beyond its model (`EstimateParams.bias_high`)."""

GUARD_BACK = 1.05
"""On what a site draws already: the guard that the estimator takes off again. One
machine of twenty; a smaller site gives up one as it is taken over. Chosen."""


@frozen
class SiteParams:
    """All that shapes one site's control."""

    fail_safe_w: Watts
    estimate: EstimateParams
    plan: PlanParams = field(factory=PlanParams)
    safety: SafetyParams = field(factory=SafetyParams)
    meter: MeterParams | None = field(factory=MeterParams)  # None: estimate only


@frozen
class SiteState:
    """All that a site's control remembers; begin with `site_at`."""

    estimate: Estimate
    safety: Safety
    meter: Meter
    looks: Looks = field(factory=Looks)


@frozen
class Moment:
    """When something is sensed or done."""

    now: Seconds  # the fleet's clock
    at: UnixTime
    elapsed: Seconds  # since this was last done
    working: float = 1.0  # of the running watts: machines whose shares come


@frozen
class Sensed:
    """What a look at the site found."""

    state: SiteState
    stance: Stance
    transitions: tuple[Transition, ...]
    evidence: FleetEvidence = NO_EVIDENCE


@frozen(eq=False)
class Action:
    """What shall be done, under which cap."""

    state: SiteState
    cap: Cap
    plan: Plan


def site_at(now: Seconds, ramped_w: Watts) -> SiteState:
    """Return the state of a site at the start.

    Args:
        now: The moment.
        ramped_w: What it draws already: ramps begin there.
    """
    return SiteState(Estimate(ramped_w), Safety(), Meter(now))


def sense(  # noqa: PLR0913
    state: SiteState,
    fleet: Fleet,
    budget: Budget,
    reading: float | None,
    *,
    now: Seconds,
    params: SiteParams,
    silence: float = 0.0,
    evidence: FleetEvidence = NO_EVIDENCE,
) -> Sensed:
    """Return what one look at the meter and the signals means; once a second.

    Args:
        state: As it was.
        fleet: The machines as commanded.
        budget: The one in force.
        reading: The meter's watts, NaN if it says so, None if it is silent.
        now: The moment.
        params: The site's.
        silence: Largest part of a lease that has passed in silence.
        evidence: What the machines prove of themselves.
    """
    meter = state.meter
    if params.meter is not None:
        how = evolve(params.meter, slope_w_per_s=_steepest(fleet, params))
        expected = _expected(fleet, now, params, state.estimate.bias, evidence)
        meter = judge(meter, reading, now, expected, how)
    seen = _conditions(evolve(state, meter=meter), fleet, budget, now, params)
    seen = evolve(seen, silence=silence)
    if params.meter is None:
        power_w = _unmetered_w(fleet, now, params, state.estimate, evidence)
        seen = evolve(seen, power_w=power_w)
    safety, stance, transitions = assess(state.safety, seen, params.safety)
    reading_w = meter.trusted_w if params.meter else None
    settled = fleet.settled_share(now) >= params.estimate.settled_share
    looks = state.looks.polled(reading_w, is_settled=settled)
    after = evolve(state, safety=safety, meter=meter, looks=looks)
    return Sensed(after, stance, transitions, evidence)


def act(
    sensed: Sensed, fleet: Fleet, budget: Budget, moment: Moment, params: SiteParams
) -> Action:
    """Return what to do now: every control period, at an order, when urgent.

    `moment.elapsed` is the time since the last action: ramps and learning
    advance by it, so that acting more often changes neither.
    """
    stance, state = sensed.stance, sensed.state
    limited = evolve(budget, watts=stance.limit_w)
    observed = Observation(
        now=moment.now,
        elapsed=moment.elapsed,
        at=moment.at,
        look_w=state.looks.mean_w,
        low_w=state.looks.low_w,
        is_blind=_is_blind(state.meter, moment.now, params),
        # Whatever lowers the limit beyond the budget is a state that does not wait for
        # a ramp.
        is_urgent=stance.limit_w < budget.watts or bool(budget.lapsed) or budget.trips,
        may_raise=stance.may_raise,
        working=moment.working,
        evidence=sensed.evidence,
        is_metered=params.meter is not None,
    )
    estimate, cap = step(state.estimate, limited, fleet, observed, params.estimate)
    noise = noise_w(estimate.noise_w2(estimate.ramped_w), params.estimate.guard)
    ceiling = params.estimate.aux.it_watts(estimate.ramped_w - noise)
    # The budget of the planner's fractions is the ramped one: it is what holds now.
    by_model = cap.bias * (1.0 + params.estimate.aux.share)
    chance = noise if params.meter is not None else 0.0
    kept = (cap.ramped_w - cap.allow_w - chance) / by_model
    doubts = doubts_w(fleet, moment.now, kept, chance / cap.bias, params.estimate.guard)
    grant = grant_within(cap.it_w, ceiling, estimate.ramped_w, cap.bias, *doubts)
    # From site watts to model watts: the auxiliary share and the bias are taken off.
    over = stance.over_w / (1.0 + params.estimate.aux.share) / cap.bias
    planned = plan(grant, fleet, moment.now, params.plan, stance.urgency, over_w=over)
    has_changed = bool(planned.reason.any())
    if has_changed:  # what the meter shows next is a step, not its noise
        step_w = fleet.watts_at(planned.level) - fleet.target_w
        grown = estimate.bias_variance + changed2(step_w, float(planned.watts))
        estimate = evolve(estimate, last_w=None, bias_variance=min(UNKNOWN2, grown))
    looks = state.looks.taken(has_changed=has_changed)
    state = evolve(state, estimate=estimate, looks=looks)
    return Action(state, cap, planned)


def is_measured(meter: Meter, now: Seconds, params: SiteParams) -> bool:
    """Tell whether a meter shows what the site draws, and is not lost."""
    return params.meter is not None and not _is_blind(meter, now, params)


def taken_over(sensed: Sensed, params: SiteParams) -> Sensed:
    """Let ramps begin where the site is: what it draws already is no rise.

    Not for ever: what is granted shows on the meter, and would lift the ramp again and
    again.
    """
    drawn_w = sensed.state.meter.trusted_w if params.meter else None
    if drawn_w is None:
        return sensed
    estimate = sensed.state.estimate
    # Never above what the state allows: a site that is over it comes down.
    now_w = min(drawn_w * GUARD_BACK, sensed.stance.limit_w)
    estimate = evolve(estimate, ramped_w=Watts(max(estimate.ramped_w, now_w)))
    return evolve(sensed, state=evolve(sensed.state, estimate=estimate))


def _conditions(
    state: SiteState, fleet: Fleet, budget: Budget, now: Seconds, params: SiteParams
) -> Conditions:
    known, meter = state.estimate, state.meter
    falling = fleet.falling_w(now) * known.bias * (1.0 + params.estimate.aux.share)
    is_blind = _is_blind(meter, now, params)
    return Conditions(
        now=now,
        budget=budget,
        fail_safe_w=params.fail_safe_w,
        limit_w=_limit(known.ramped_w, budget, params),
        power_w=meter.trusted_w,
        falling_w=Watts(falling),
        expected_w=_site_w(fleet, now, params, known.reference),
        has_meter=params.meter is not None,
        meter_lost_for=meter.lost_for(now) if is_blind else None,
        meter_fault=f": {meter.fault.value}" if meter.fault else "",
        standby_w=_standby(fleet, now, params),
        noise_w=_reading_noise_w(known, params),
    )


def _reading_noise_w(known: Estimate, params: SiteParams) -> float:
    """Return by how much one reading may be above what is drawn, by chance.

    A look is a mean of several, so that each has as many times its variance.
    """
    sigma = math.sqrt(USUAL * known.noise_w2(known.ramped_w))
    return params.estimate.guard.sigmas * sigma


def _standby(fleet: Fleet, now: Seconds, params: SiteParams) -> Watts | None:
    """Return the most that a site at rest draws; None: not every machine is off.

    One that does not obey may be running.
    """
    if not ((fleet.level == 0) & fleet.responsive & fleet.settled(now)).all():
        return None
    it_w = params.estimate.bias_high * float(fleet.level_w[:, 0].sum())
    return params.estimate.aux.site_watts(it_w)


def _limit(ramped_w: float, budget: Budget, params: SiteParams) -> Watts:
    """Return what power is held against: above the budget only on a ramp down."""
    # A lapse has no ramp: from its first second the fail-safe is what power is held
    # against. Nor has a contact that trips.
    is_at_once = bool(budget.lapsed) or budget.trips
    ramps_down = params.estimate.ramp_down_w_per_s > 0 and not is_at_once
    return Watts(max(ramped_w, budget.watts) if ramps_down else budget.watts)


def _is_blind(meter: Meter, now: Seconds, params: SiteParams) -> bool:
    return params.meter is not None and meter.is_lost(now, params.meter)


def _expected(
    fleet: Fleet,
    now: Seconds,
    params: SiteParams,
    bias: float,
    evidence: FleetEvidence,
) -> Expected:
    """Return what the meter is held against."""
    aux = params.estimate.aux
    return Expected(
        most_w=_site_w(fleet, now, params, bias),
        # A reading that stays while even the least has risen is frozen.
        least_w=aux.site_watts(bias * fleet.drawn_w(now)[0]),
        must_w=(1.0 + aux.share) * evidence.must_w,
        is_at_rest=not (fleet.level > 0).any(),
        full_w=float(fleet.full_w.sum()),
    )


def _steepest(fleet: Fleet, params: SiteParams) -> float:
    """Return how much the power of the site can change in a second, W/s.

    All machines may fall to nothing at once, and a few draw more than their model.
    """
    full = float(fleet.full_w.sum())
    return STEEPEST * params.estimate.aux.site_watts(full) if full > 0 else math.inf


def _unmetered_w(
    fleet: Fleet,
    now: Seconds,
    params: SiteParams,
    known: Estimate,
    evidence: FleetEvidence,
) -> Watts:
    """Return what a site without a meter draws: the higher of devices and model.

    Machines that say nothing count by the model and its long-term bias beside those
    that do, and all of them by the model and the bias of now.
    """
    committed = float(fleet.committed_w(now).sum())
    silent_w = known.reference * max(0.0, committed - evidence.model_w)
    it_w = max(known.bias * committed, evidence.told_w + silent_w)
    return params.estimate.aux.site_watts(it_w)


def _site_w(fleet: Fleet, now: Seconds, params: SiteParams, bias: float) -> Watts:
    it_w = bias * float(fleet.committed_w(now).sum())
    return params.estimate.aux.site_watts(it_w)
