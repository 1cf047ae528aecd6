"""How much a site may trust what it sees: normal, hold, failsafe, trip.

| state    | entered                             | left                          |
|----------|-------------------------------------|-------------------------------|
| HOLD     | half of a lease spent in silence, 3 | once that is past for 15 s    |
|          | polls of the meter without a word   |                               |
| FAILSAFE | a lease has run out, or 60 s brought| once that is past for 30 s; at|
|          | no believable reading; the start    | the start: once all have      |
|          |                                     | spoken                        |
| TRIP     | 5 % over the limit for 20 s, unless | within it for 60 s; after each|
|          | all rest and draw no more than that | trip more within an hour for  |
|          |                                     | twice as long, up to 16 min   |
|          | a relay contact (`trip_input`)      | the same, once it is well     |

A look goes by the worst of these that holds. The way down is immediate and each way up
has its own time, so that what comes and goes at a threshold keeps the site down, and
moves it once in that time at the most. Nothing is raised but in NORMAL (and at the
start, up to the fail-safe): whatever is lost only ever lowers what a site draws. The
limit in FAILSAFE is min(budget, fail-safe); TRIP puts machines to sleep.

*Over* the limit is what the meter shows above it beyond what commands under way will
take off, for 3 s: then minimum times and dead-bands are set aside. *Hidden load* is a
meter above the model and its long-term bias by 10 % for 30 s; its alarm ends once that
has not been so for 120 s (`alarms.CLEAR_AFTER`).
"""

from enum import Enum

from attrs import evolve, frozen

from protocol.units import Seconds, Watts
from proxy.power.control.safety_params import SafetyParams
from proxy.power.orders.budget import Budget, Rule
from proxy.power.planner.plan import Urgency


class SafetyState(Enum):
    """How a site is run."""

    NORMAL = "normal"
    HOLD = "hold"  # something is overdue: nothing is raised
    FAILSAFE = "failsafe"  # something is lost: at most the fail-safe
    TRIP = "trip"  # over the budget for no known reason: machines sleep


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
    meter_fault: str = ""  # ": " and what is wrong with it
    standby_w: Watts | None = None  # the most that it draws at rest; None: it is not
    noise_w: float = 0.0  # W; one reading may be too high by so much, by chance


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
    lost_at: Seconds | None = None  # when something was lost last: a lease, the meter
    lost_why: str = ""  # what it was
    overdue_at: Seconds | None = None  # when something was overdue last
    overdue_why: str = ""  # what it was
    trips: int = 0  # within trip_again_s of each other
    tripped_at: Seconds | None = None  # when it was tripped last
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
        timed = _entered(timed, state, reason, seen.now, params)
    return timed, _stance(timed, seen, params), changes


def _entered(
    safety: Safety, state: SafetyState, reason: str, now: Seconds, params: SafetyParams
) -> Safety:
    safety = evolve(safety, state=state, since=now, reason=reason)
    if state is not SafetyState.TRIP:
        return safety
    before = safety.tripped_at
    is_again = before is not None and now - before < params.trip_again_s
    trips = safety.trips + 1 if is_again else 1
    return evolve(safety, trips=trips, tripped_at=now)


def _times(safety: Safety, seen: Conditions, params: SafetyParams) -> Safety:
    lost, overdue = _lost(seen, params), _overdue(seen, params)
    safety = evolve(
        safety,
        lost_at=seen.now if lost else safety.lost_at,
        lost_why=lost or safety.lost_why,
        overdue_at=seen.now if overdue else safety.overdue_at,
        overdue_why=overdue or safety.overdue_why,
    )
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
    # Machines at rest cannot be told to draw less: that much is no loss of control.
    within = max(seen.limit_w, seen.standby_w or 0.0)
    far = max(seen.limit_w * params.trip_over, within)
    # What is less than its noise is no emergency: the next look takes it in.
    over = seen.limit_w + min(seen.noise_w, params.shed_extra * seen.limit_w)
    strange = seen.has_meter and seen.power_w > seen.expected_w * (1 + params.residual)
    # A trip begins by what no command explains, and ends by all that is drawn: by what
    # the meter shows, not by what is promised.
    return evolve(
        safety,
        over_since=_since(safety.over_since, unexplained > over, seen.now),
        trip_since=_since(safety.trip_since, unexplained > far, seen.now),
        within_since=_since(safety.within_since, seen.power_w <= within, seen.now),
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
    if seen.budget.trips:
        return SafetyState.TRIP, seen.budget.reason
    if _lasted(safety.trip_since, seen.now, params.trip_s):
        return SafetyState.TRIP, (
            f"{seen.power_w or 0:.0f} W for {params.trip_s:.0f} s, over "
            f"{params.trip_over:.2f} of {seen.limit_w:.0f} W"
        )
    if safety.state is SafetyState.TRIP and not _lasted(
        safety.within_since, seen.now, _trip_lasts(safety, params)
    ):
        return SafetyState.TRIP, safety.reason
    if why := _failsafe(safety, seen, params):
        return SafetyState.FAILSAFE, why
    if why := _hold(safety, seen, params):
        return SafetyState.HOLD, why
    return SafetyState.NORMAL, "all that should speak does"


def _trip_lasts(safety: Safety, params: SafetyParams) -> float:
    """Return how long a site has to be within its limit for a trip to end."""
    doublings = min(max(0, safety.trips - 1), params.trip_doublings)
    return params.trip_clear_s * 2.0**doublings


def _failsafe(safety: Safety, seen: Conditions, params: SafetyParams) -> str:
    """Return why the fail-safe holds; empty: it does not."""
    if lost := _lost(seen, params):
        return lost
    if _is_recent(safety.lost_at, seen.now, params.failsafe_clear_s):
        return safety.lost_why
    return seen.budget.reason if seen.budget.rule is Rule.UNHEARD else ""


def _hold(safety: Safety, seen: Conditions, params: SafetyParams) -> str:
    """Return why nothing is raised; empty: it is."""
    if overdue := _overdue(seen, params):
        return overdue
    recent = _is_recent(safety.overdue_at, seen.now, params.hold_clear_s)
    return f"lately: {safety.overdue_why}" if recent else ""


def _is_recent(at: Seconds | None, now: Seconds, least_s: float) -> bool:
    return at is not None and now - at < least_s


def _lost(seen: Conditions, params: SafetyParams) -> str:
    """Return what is lost; empty: nothing is."""
    # Ahead of the meter: both end at the fail-safe, and the operator reads the reason.
    if seen.budget.lapsed:
        return f"lapsed: {', '.join(seen.budget.lapsed)}"
    lost = seen.meter_lost_for
    if lost is not None and lost >= params.meter_failsafe_s:
        return f"no believable meter for {lost:.0f} s{seen.meter_fault}"
    return ""


def _overdue(seen: Conditions, params: SafetyParams) -> str:
    """Return what is overdue; empty: nothing is."""
    if seen.meter_lost_for is not None:
        return f"no believable meter for {seen.meter_lost_for:.0f} s{seen.meter_fault}"
    if seen.silence > params.hold_silence:
        return f"{seen.silence:.0%} of a lease spent in silence"
    return ""


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
