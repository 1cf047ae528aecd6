"""What a site may grant its machines now: bias, guard, ramps and integral trim.

The bias is learned (`learning`), the guard is kept free (`guard`), the integral takes
off what both leave; none of them ever adds to the budget.
"""

from attrs import evolve

from protocol.units import Watts
from proxy.power.control.cap import Cap, best_hashrate
from proxy.power.control.estimate_state import (
    CONTROL_PERIOD,
    Estimate,
    EstimateParams,
    Observation,
)
from proxy.power.control.guard import noise_w, surprise_w, unmeasured_w
from proxy.power.control.learning import learned, unexplained_w
from proxy.power.machines.fleet import Fleet
from proxy.power.orders.budget import Budget


def step(
    known: Estimate,
    budget: Budget,
    fleet: Fleet,
    observed: Observation,
    params: EstimateParams,
) -> tuple[Estimate, Cap]:
    """Return what is known after one look at the site, and its cap.

    The machines' grants, in model watts times bias, never come to more than
    the ramped budget less its guard.
    """
    now_known = learned(known, fleet, observed, params)
    ramped = _ramp(known.ramped_w, budget.watts, observed, params)
    is_measured = observed.is_metered and not observed.is_blind
    guard = guard_at(now_known, fleet, ramped, params, is_measured=is_measured)
    allow = Watts(ramped * (1.0 - guard))
    integral = _integral(now_known, allow, fleet, observed, params)
    # Blind: the worst that a fleet can be, since nobody sees what it draws.
    bias = params.bias_high if observed.is_blind else now_known.bias
    it_w = params.aux.it_watts(allow + integral)
    after = evolve(
        now_known, ramped_w=ramped, integral_w=integral, epoch=known.epoch + 1
    )
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
    known: Estimate,
    fleet: Fleet,
    ramped: float,
    params: EstimateParams,
    *,
    is_measured: bool,
) -> float:
    """Return the part of `ramped` watts that is kept free; see `guard`."""
    if ramped <= 0:
        return params.guard.unmeasured
    if not is_measured:
        return min(1.0, unmeasured_w(fleet, ramped, params.guard) / ramped)
    by_model = known.bias * (1.0 + params.aux.share)
    surprise = by_model * surprise_w(fleet, params.guard)
    noise = noise_w(known.noise_w2(ramped), params.guard)
    return min(1.0, (noise + surprise) / ramped)


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


def _integral(
    known: Estimate,
    allow: float,
    fleet: Fleet,
    observed: Observation,
    params: EstimateParams,
) -> Watts:
    low = params.integral_low * allow
    # The bound is a part of what is allowed: a budget that fell has moved it.
    beyond = unexplained_w(fleet, observed, params)  # at once: no bias takes it up
    before = max(low, min(known.integral_w, -beyond))
    if observed.look_w is None:
        return Watts(before)  # blind, or under way: what was trimmed off stays off
    # What is being shed, or is about to be, is no error: it would be shed twice.
    on_its_way = known.bias * fleet.falling_w(observed.now) * (1.0 + params.aux.share)
    planned = params.aux.site_watts(known.bias * float(fleet.target_w.sum()))
    error = max(allow, planned) - (observed.look_w - on_its_way)
    is_saturated = bool((fleet.level >= fleet.top).all())
    is_proven = observed.working >= params.settled_share
    if error > 0 and (is_saturated or not is_proven):
        return Watts(before)  # nothing more to grant: do not wind up
    if abs(error) < params.dead_band * allow:
        return Watts(before)
    moved = before + params.integral_gain * observed.elapsed / CONTROL_PERIOD * error
    return Watts(min(0.0, max(low, moved)))
