"""What a site may grant its machines now: bias, guard, ramps and integral trim."""

import math

from attrs import evolve, frozen

from protocol.units import Seconds, UnixTime, Watts
from proxy.power.control.cap import AuxLoad, Cap, best_hashrate
from proxy.power.control.fleet_evidence import NO_EVIDENCE, FleetEvidence
from proxy.power.machines.fleet import Fleet
from proxy.power.orders.budget import Budget

CONTROL_PERIOD = Seconds(5.0)
"""The gains below are per this time: that of a sleep command to LuxOS (under 5 s by its
maker), the fastest machines that there are."""


TELLING = 0.5
"""Part of the running watts that devices must speak for, to lower what is believed of
them all: the larger part decides."""

TOLERANCE = 1.05
"""Of a model, until something is learned: makers allow themselves 5 to 10 % of watts,
and units differ both ways."""


@frozen
class EstimateParams:
    """How the estimator learns and how much room it keeps.

    *The prototype* is the law in a simulation of 1,000 machines: a deviation of 4 %
    from unit to unit, a bias of 3 %, 1 % that obey nothing, a meter's noise of 0.2 %.
    The values named after it kept it within each budget from 60 s after a step on.
    """

    aux: AuxLoad
    ramp_up_w_per_s: float = math.inf
    ramp_down_w_per_s: float = 0.0  # 0: at once

    bias_gain: float = 0.15
    """A time constant of 33 s: half of the minute by whose mean a budget is judged. The
    prototype's: it learned 1.035 for 1.03."""

    doubt_gain: float = 0.003
    """Below the reference: 28 minutes. Longer than most outages of a pool or a line,
    after which machines that lost their work draw again what they did; chosen."""

    reference_gain: float = 0.0015
    """56 minutes, half as fast as `doubt_gain`: a load that comes suddenly stands out
    from it for longer than an operator takes to look."""

    bias_low: float = 0.85
    """Owners lower limits, and what machines say of themselves is off by 5 to 20 %
    (field reports); a fleet's mean by less. Chosen between."""

    bias_high: float = 1.25
    """Also assumed while the meter is lost: machines are tuned a quarter above
    nameplate (`MeterParams.high_share`)."""

    settled_share: float = 0.97
    """Of nameplate, before anything is learned: what is under way is known to lie
    between its old and its new watts, and errs the bias by 3 % at the most."""

    telling_share: float = 0.2
    """Of nameplate drawn: less tells of aux, not of machines. As `load_alarms.TELLING`:
    a few are no fleet."""

    guard_low: float = 0.01
    """The error that a meter of class 1 may have (IEC 62053-21); the prototype's."""

    guard_sigmas: float = 3.0
    """Of normal noise, one reading in 740 is further above its mean."""

    integral_gain: float = 0.02
    """A time constant of 250 s: over seven times that of `bias_gain`, so that the trim
    takes up what the bias leaves and does not work against it. The prototype's."""

    integral_low: float = -0.08
    """Of the budget: less than `SafetyParams.residual`. What is further off is a hidden
    load that an operator has to find, and no error of a model."""

    integral_high: float = 0.02
    """Of the budget, of which the guard is used up and no more (`step`). The
    prototype's: twice `guard_low`, for the guard of a site of fifty machines."""

    dead_band: float = 0.006
    """Of the budget: errors that are left alone. Three times the noise of a meter of
    class 0.2."""


@frozen
class Estimate:
    """What the estimator remembers of a site from step to step."""

    ramped_w: Watts  # how far ramps have let the budget through
    bias: float = TOLERANCE  # fleet's watts / model's watts
    reference: float = TOLERANCE  # bias over the long term, where loads stand out
    integral_w: float = 0.0
    variance_w2: float = 0.0  # of the meter while all is settled
    last_w: Watts | None = None  # last reading while settled
    epoch: int = 0


@frozen
class Observation:
    """What was seen of a site in one step."""

    now: Seconds
    elapsed: Seconds  # since the step before
    at: UnixTime
    meter_w: Watts | None  # None: no believable reading
    is_blind: bool = False  # the meter is lost: assume the worst bias
    is_urgent: bool = False  # down at once, whatever the ramp
    may_raise: bool = True  # else nothing goes up
    working: float = 1.0  # of the running watts: machines whose shares come
    evidence: FleetEvidence = NO_EVIDENCE
    is_metered: bool = True  # else devices and the model have to do


def step(
    known: Estimate,
    budget: Budget,
    fleet: Fleet,
    observed: Observation,
    params: EstimateParams,
) -> tuple[Estimate, Cap]:
    """Return what is known after one look at the site, and its cap.

    The machines' grants, in model watts times bias, never come to more than
    the ramped budget: the integral may eat into the guard, not go beyond.
    """
    settled = fleet.settled_share(observed.now) >= params.settled_share
    learned = (
        _learn(known, fleet, observed, params)
        if settled
        else evolve(known, last_w=None)
    )
    ramped = _ramp(known.ramped_w, budget.watts, observed, params)
    guard = guard_at(learned, fleet, ramped, params)
    allow = Watts(ramped * (1.0 - guard))
    integral = _integral(learned, allow, fleet, observed, params, settled=settled)
    # Blind: the worst that a fleet can be, since nobody sees what it draws.
    bias = params.bias_high if observed.is_blind else learned.bias
    # The integral may use up the guard and never the budget itself.
    it_w = params.aux.it_watts(min(allow + integral, ramped))
    after = evolve(learned, ramped_w=ramped, integral_w=integral, epoch=known.epoch + 1)
    cap = Cap(
        site=budget.site,
        epoch=after.epoch,
        at=observed.at,
        budget_w=budget.watts,
        ruled_by=budget.reason,
        ramped_w=ramped,
        guard=guard,
        allow_w=allow,
        integral_w=integral,
        bias=bias,
        aux=params.aux,
        it_w=it_w,
        hash_hs=best_hashrate(fleet, it_w / bias),
    )
    return after, cap


def guard_at(
    known: Estimate, fleet: Fleet, ramped: float, params: EstimateParams
) -> float:
    """Return the part of `ramped` watts that is kept free: at least one machine's."""
    if ramped <= 0:
        return params.guard_low
    largest = float(fleet.full_w.max(initial=0.0))
    noise = params.guard_sigmas * math.sqrt(known.variance_w2)
    # One machine at least: the planner moves by whole ones.
    return min(1.0, max(params.guard_low, noise / ramped, largest / ramped))


def _learn(
    known: Estimate, fleet: Fleet, observed: Observation, params: EstimateParams
) -> Estimate:
    if not observed.is_metered:
        return evolve(known, bias=_told_bias(known, observed, params))
    least_w, most_w = fleet.drawn_w(observed.now)
    if observed.meter_w is None or least_w <= 0:
        return evolve(known, last_w=None)
    gain = min(1.0, params.bias_gain * observed.elapsed / CONTROL_PERIOD)
    it_w = params.aux.it_watts(observed.meter_w)
    proven_w = max(1e-9, observed.working * least_w)  # the others may do nothing
    # Between what is drawn at the least and at the most a range of biases fits: the
    # known one is kept where it is in it.
    seen = min(max(known.bias, it_w / most_w), it_w / proven_w)  # none contradicts
    # With few machines on the auxiliary load is most of what the meter shows.
    is_telling = most_w >= params.telling_share * float(fleet.full_w.sum())
    bias = _moved(known, seen, observed, params) if is_telling else known.bias
    variance = known.variance_w2
    if known.last_w is not None:  # two readings differ by twice the variance
        jump = (observed.meter_w - known.last_w) ** 2 / 2.0
        variance += gain * (jump - variance)
    slow = min(1.0, params.reference_gain * observed.elapsed / CONTROL_PERIOD)
    return evolve(
        known,
        bias=bias,
        reference=known.reference + slow * (bias - known.reference),
        variance_w2=variance,
        last_w=observed.meter_w,
    )


def _told_bias(known: Estimate, observed: Observation, params: EstimateParams) -> float:
    """Return the bias of a site without a meter, by what its devices say.

    It rises to what they say beyond their model, those that say nothing as before. It
    falls by their word alone, while they speak for most of the watts: those that say
    no more are believed to draw what they did.
    """
    evidence = observed.evidence
    told = known.bias if evidence.ratio is None else evidence.ratio
    raised = known.reference + evidence.share * (told - known.reference)
    lowered = known.bias + evidence.share * (told - known.bias)
    goal = max(known.bias, raised)
    if raised < known.bias and evidence.share > TELLING:
        goal = min(known.bias, max(known.reference, lowered))
    gain = min(1.0, params.bias_gain * observed.elapsed / CONTROL_PERIOD)
    return known.bias + gain * (goal - known.bias)


def _moved(
    known: Estimate, seen: float, observed: Observation, params: EstimateParams
) -> float:
    """Return the bias after it was seen to be `seen`.

    It rises fast, and as fast falls back to the reference. Below that it is in
    doubt: machines that lost their work draw less too, and will draw it again.
    """
    periods = observed.elapsed / CONTROL_PERIOD
    fast = min(1.0, params.bias_gain * periods)
    slow = min(1.0, params.doubt_gain * periods)
    seen = min(params.bias_high, max(params.bias_low, seen))
    known_low = min(known.bias, known.reference)
    bias = known.bias + fast * (max(seen, known_low) - known.bias)
    return bias + slow * min(0.0, seen - known_low)


def _ramp(
    before: float, budget_w: float, observed: Observation, params: EstimateParams
) -> Watts:
    # Up only as fast as the ramp, and not at all while something is overdue.
    if budget_w >= before:
        rise = params.ramp_up_w_per_s * observed.elapsed if observed.may_raise else 0.0
        return Watts(min(budget_w, before + rise))
    # A lapse is not ramped: the fail-safe holds at once.
    if observed.is_urgent or params.ramp_down_w_per_s <= 0:
        return Watts(budget_w)
    return Watts(max(budget_w, before - params.ramp_down_w_per_s * observed.elapsed))


def _integral(  # noqa: PLR0913
    known: Estimate,
    allow: float,
    fleet: Fleet,
    observed: Observation,
    params: EstimateParams,
    *,
    settled: bool,
) -> Watts:
    low, high = params.integral_low * allow, params.integral_high * allow
    # The bounds are parts of what is allowed: a budget that fell has moved them.
    before = min(high, max(low, known.integral_w))
    if observed.meter_w is None:
        # Blind: what was trimmed off stays off, what was added on trust goes.
        return Watts(min(0.0, before) if observed.is_blind else before)
    # What is being shed already is no error: it would be shed twice.
    on_its_way = known.bias * fleet.falling_w(observed.now) * (1.0 + params.aux.share)
    error = allow - (observed.meter_w - on_its_way)
    is_saturated = bool((fleet.level >= fleet.top).all())
    is_proven = observed.working >= params.settled_share
    if error > 0 and (is_saturated or not (settled and is_proven)):
        return Watts(before)  # nothing more to grant: do not wind up
    if abs(error) < params.dead_band * allow:
        return Watts(before)
    moved = before + params.integral_gain * observed.elapsed / CONTROL_PERIOD * error
    return Watts(min(high, max(low, moved)))
