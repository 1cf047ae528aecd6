"""How much a site may trust what it sees: normal, hold, failsafe, trip."""

from enum import Enum

from attrs import evolve, frozen

from protocol.units import Seconds, Watts
from proxy.power.orders.budget import Budget, Rule
from proxy.power.planner.plan import Urgency


class SafetyState(Enum):
    """How a site is run."""

    NORMAL = "normal"
    HOLD = "hold"  # something is overdue: nothing is raised
    FAILSAFE = "failsafe"  # something is lost: at most the fail-safe
    TRIP = "trip"  # over the budget for no known reason: machines sleep


@frozen
class SafetyParams:
    """When a site goes from one state to another."""

    hold_silence: float = 0.5  # part of a lease spent in silence
    meter_failsafe_s: float = 60.0  # without a meter
    over_s: float = 3.0  # over the budget until minimum times are set aside
    trip_over: float = 1.05  # of the budget
    trip_s: float = 20.0
    trip_clear_s: float = 60.0  # within the budget until a trip ends
    shed_extra: float = 0.01  # of the budget, shed beyond what is over
    residual: float = 0.10  # meter above model: a hidden load
    residual_s: float = 30.0


@frozen
class Conditions:
    """What a site's safety is judged by at one moment."""

    now: Seconds
    budget: Budget
    fail_safe_w: Watts
    limit_w: Watts  # the budget as ramps let it through
    power_w: Watts | None  # believable watts of the site, None if there are none
    falling_w: Watts  # of these, commands under way will take off
    expected_w: Watts  # of the site by the model and its long-term bias
    silence: float = 0.0  # largest part of a lease that has passed, 0 if none
    has_meter: bool = True
    meter_lost_for: Seconds | None = None  # None: it is well, or there is none


@frozen
class Transition:
    """A change of state and its reason."""

    at: Seconds
    before: SafetyState
    after: SafetyState
    reason: str


@frozen
class Safety:
    """The state of a site and the times that it is judged by."""

    state: SafetyState = SafetyState.FAILSAFE
    since: Seconds | None = None
    reason: str = "start"
    over_since: Seconds | None = None  # over the budget
    trip_since: Seconds | None = None  # over it by far
    within_since: Seconds | None = None  # within it
    residual_since: Seconds | None = None  # meter far above model


@frozen
class Stance:
    """What the state demands of the planner now."""

    urgency: Urgency
    limit_w: Watts  # the budget, lowered where the state says so
    may_raise: bool
    over_w: Watts  # site watts to shed whatever the model says
    is_hidden_load: bool  # alarm: something draws that no machine accounts for


def assess(
    safety: Safety, seen: Conditions, params: SafetyParams
) -> tuple[Safety, Stance, tuple[Transition, ...]]:
    """Return the state after one look, what it demands, and the change if any."""
    timed = _times(safety, seen, params)
    state, reason = _state(timed, seen, params)
    changes: tuple[Transition, ...] = ()
    if state is not timed.state:
        changes = (Transition(seen.now, timed.state, state, reason),)
        timed = evolve(timed, state=state, since=seen.now, reason=reason)
    return timed, _stance(timed, seen, params), changes


def _times(safety: Safety, seen: Conditions, params: SafetyParams) -> Safety:
    if seen.power_w is None:  # blind: what is running stops, but nothing is cleared
        return evolve(
            safety,
            over_since=None,
            trip_since=None,
            within_since=None,
            residual_since=None,
        )
    # What is already on its way down is no reason for more.
    unexplained = seen.power_w - seen.falling_w
    far = seen.limit_w * params.trip_over
    strange = seen.has_meter and seen.power_w > seen.expected_w * (1 + params.residual)
    # A trip begins by what no command explains, and ends by all that is drawn: by what
    # the meter shows, not by what is promised.
    return evolve(
        safety,
        over_since=_since(safety.over_since, unexplained > seen.limit_w, seen.now),
        trip_since=_since(safety.trip_since, unexplained > far, seen.now),
        within_since=_since(
            safety.within_since, seen.power_w <= seen.limit_w, seen.now
        ),
        residual_since=_since(safety.residual_since, strange, seen.now),
    )


def _since(before: Seconds | None, holds: bool, now: Seconds) -> Seconds | None:  # noqa: FBT001
    if not holds:
        return None
    return now if before is None else before


def _lasted(since: Seconds | None, now: Seconds, least_s: float) -> bool:
    return since is not None and now - since >= least_s


def _state(
    safety: Safety, seen: Conditions, params: SafetyParams
) -> tuple[SafetyState, str]:
    if _lasted(safety.trip_since, seen.now, params.trip_s):
        return SafetyState.TRIP, (
            f"{seen.power_w or 0:.0f} W for {params.trip_s:.0f} s, over "
            f"{params.trip_over:.2f} of {seen.limit_w:.0f} W"
        )
    if safety.state is SafetyState.TRIP and not _lasted(
        safety.within_since, seen.now, params.trip_clear_s
    ):
        return SafetyState.TRIP, safety.reason
    # Ahead of the meter: both end at the fail-safe, and the operator reads the reason.
    if seen.budget.lapsed:
        return SafetyState.FAILSAFE, f"lapsed: {', '.join(seen.budget.lapsed)}"
    if seen.budget.rule is Rule.UNHEARD:
        return SafetyState.FAILSAFE, seen.budget.reason
    return _by_overdue(seen, params)


def _by_overdue(seen: Conditions, params: SafetyParams) -> tuple[SafetyState, str]:
    lost = seen.meter_lost_for
    if lost is not None and lost >= params.meter_failsafe_s:
        return SafetyState.FAILSAFE, f"no believable meter for {lost:.0f} s"
    if lost is not None:
        return SafetyState.HOLD, f"no believable meter for {lost:.0f} s"
    if seen.silence > params.hold_silence:
        return SafetyState.HOLD, f"{seen.silence:.0%} of a lease spent in silence"
    return SafetyState.NORMAL, "all that should speak does"


def _stance(safety: Safety, seen: Conditions, params: SafetyParams) -> Stance:
    urgency, over = Urgency.NORMAL, 0.0
    if safety.state is SafetyState.TRIP:
        urgency = Urgency.TRIP
    elif _lasted(safety.over_since, seen.now, params.over_s):
        urgency = Urgency.EMERGENCY
        unexplained = (seen.power_w or 0.0) - seen.falling_w - seen.limit_w
        over = unexplained + params.shed_extra * seen.limit_w
    is_safe = safety.state is SafetyState.FAILSAFE
    # Never above the budget: a lapse only lowers.
    limit = min(seen.budget.watts, seen.fail_safe_w) if is_safe else seen.budget.watts
    return Stance(
        urgency=urgency,
        limit_w=Watts(limit),
        may_raise=_may_raise(safety.state, seen),
        over_w=Watts(over),
        is_hidden_load=_lasted(safety.residual_since, seen.now, params.residual_s),
    )


def _may_raise(state: SafetyState, seen: Conditions) -> bool:
    # At the start the site grows up to its fail-safe: nothing has been lost yet.
    is_starting = seen.budget.rule is Rule.UNHEARD and seen.meter_lost_for is None
    return state is SafetyState.NORMAL or (
        state is SafetyState.FAILSAFE and is_starting and not seen.budget.lapsed
    )
