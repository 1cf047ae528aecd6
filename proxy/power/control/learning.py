"""What a look at a site teaches of its machines: their bias, and the meter's noise."""

import math

from attrs import evolve

from protocol.units import Seconds, Watts
from proxy.power.control.bias import (
    DRIFT2_PER_S,
    LEAST_NOISE2,
    SIGMAS,
    UNKNOWN2,
    Belief,
    followed,
)
from proxy.power.control.estimate_state import (
    CONTROL_PERIOD,
    Estimate,
    EstimateParams,
    Observation,
)
from proxy.power.machines.fleet import Fleet

READINGS_S = 5.0
"""How far back the last readings may tell of: three polls, the meter's lag and its
poll."""

TELLING = 0.5
"""Part of the running watts that devices must speak for, to lower what is believed of
them all: the larger part decides."""

UNLIKELY2 = 9.0
"""Times the variance: a look in 370 is further off."""


def learned(
    known: Estimate, fleet: Fleet, observed: Observation, params: EstimateParams
) -> Estimate:
    """Return what is known after one look at a site.

    While much is under way a look tells what the site draws too much, and no more.
    """
    settled = fleet.settled_share(observed.now) >= params.settled_share
    if not observed.is_metered:
        bias = _told_bias(known, observed, params) if settled else known.bias
        return evolve(known, bias=bias, last_w=None)
    known = _risen(known, fleet, observed, params)
    return (
        _seen(known, fleet, observed, params) if settled else evolve(known, last_w=None)
    )


def unexplained_w(fleet: Fleet, observed: Observation, params: EstimateParams) -> Watts:
    """Return the site watts that were drawn of late beyond the highest bias, if any."""
    if observed.low_w is None:
        return Watts(0.0)
    most_w = params.bias_high * fleet.drawn_w(Seconds(observed.now - READINGS_S))[1]
    return Watts(max(0.0, observed.low_w - params.aux.site_watts(most_w)))


def _risen(
    known: Estimate, fleet: Fleet, observed: Observation, params: EstimateParams
) -> Estimate:
    """Return what is known after readings that no machine under way explains.

    Against the most that could be drawn since the first of them, with every step down
    not yet taken: whatever is drawn beyond is not counted on by any plan.
    """
    if observed.low_w is None:
        return known
    most_w = fleet.drawn_w(Seconds(observed.now - READINGS_S))[1]
    if most_w <= 0 or most_w < params.telling_share * float(fleet.full_w.sum()):
        return known
    it_w = params.aux.it_watts(observed.low_w)
    noise = READINGS_S * max(LEAST_NOISE2, known.noise_w2(it_w) / max(1.0, it_w) ** 2)
    seen = min(params.bias_high, it_w / most_w)
    if seen <= known.bias + SIGMAS * math.sqrt(known.bias_variance + noise):
        return known
    return evolve(known, bias=seen, bias_variance=noise)


def _seen(
    known: Estimate, fleet: Fleet, observed: Observation, params: EstimateParams
) -> Estimate:
    """Return what is known after a look at a site that has settled."""
    least_w, most_w = fleet.drawn_w(observed.now)
    if observed.look_w is None or least_w <= 0:
        return evolve(known, last_w=None)
    variance, noisy_at_w = _noise2(known, observed.look_w, observed, params)
    look_w2 = known.noise_w2(observed.look_w)
    bias = Belief(known.bias, known.bias_variance)
    # With few machines on the auxiliary load is most of what the meter shows.
    if most_w >= params.telling_share * float(fleet.full_w.sum()):
        bias = _moved(known, observed, least_w, most_w, look_w2, params)
    slow = min(1.0, params.reference_gain * observed.elapsed / CONTROL_PERIOD)
    return evolve(
        known,
        bias=bias.value,
        bias_variance=bias.variance,
        reference=known.reference + slow * (bias.value - known.reference),
        variance_w2=variance,
        noisy_at_w=noisy_at_w,
        last_w=observed.look_w,
    )


def _noise2(
    known: Estimate, look_w: float, observed: Observation, params: EstimateParams
) -> tuple[float, float]:
    """Return the variance of a look, and the watts that it is the variance of.

    Two looks in a row differ by twice as much.
    """
    if known.last_w is None:
        return known.variance_w2, known.noisy_at_w
    before, at_w = known.noise_w2(look_w), known.noisy_at_w or look_w
    # A step that nobody told of is no noise, and would be kept free for minutes.
    most = UNLIKELY2 * max(before, LEAST_NOISE2 * look_w**2)
    jump = min((look_w - known.last_w) ** 2 / 2.0, most)
    gain = min(1.0, params.noise_gain * observed.elapsed / CONTROL_PERIOD)
    # Bounded, or a look at a site at rest would blow up what is known of a busy one.
    at_w = min(at_w + gain * (look_w - at_w), 2.0 * look_w)
    scale = max(1.0, at_w / look_w) if look_w > 0 else 1.0
    return (before + gain * (jump - before)) * scale**2, at_w


def _moved(  # noqa: PLR0913, PLR0917
    known: Estimate,
    observed: Observation,
    least_w: float,
    most_w: float,
    look_w2: float,
    params: EstimateParams,
) -> Belief:
    """Return the bias after a look; the machines draw `least_w` to `most_w`."""
    grown = known.bias_variance + DRIFT2_PER_S * observed.elapsed
    before = Belief(known.bias, min(UNKNOWN2, grown))
    it_w = params.aux.it_watts(observed.look_w or 0.0)
    proven_w = max(1e-9, observed.working * least_w)  # the others may do nothing
    # Between what is drawn at the least and at the most a range of biases fits: the
    # known one is kept where it is in it.
    seen = min(max(known.bias, it_w / most_w), it_w / proven_w)
    seen = min(params.bias_high, max(params.bias_low, seen))
    if seen == known.bias:
        return before  # none contradicts
    noise = max(LEAST_NOISE2, look_w2 / max(1.0, it_w) ** 2)
    periods = observed.elapsed / CONTROL_PERIOD
    return followed(
        before,
        Belief(seen, noise),
        min(known.bias, known.reference),
        back=min(1.0, params.bias_gain * periods),
        doubt=min(1.0, params.doubt_gain * periods),
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
