"""No order, lapse or clean-up may raise a budget that it should not."""

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from protocol.units import Seconds, UnixTime, Watts
from proxy.power.orders.budget import Envelope, decide
from proxy.power.orders.order import Order, Signal
from proxy.power.orders.prune import prune

moments = st.integers(0, 200).map(lambda t: UnixTime(float(t)))
leases = st.none() | st.integers(1, 60).map(lambda s: Seconds(float(s)))
powers = st.integers(0, 5000).map(lambda w: Watts(float(w)))
NAMES = ("grid", "plant", "cli")


@st.composite
def orders(draw: st.DrawFn) -> tuple[Order, ...]:
    count = draw(st.integers(0, 6))
    return tuple(
        Order(
            site="a",
            watts=draw(powers),
            seq=seq,
            source=draw(st.sampled_from(NAMES)),
            not_before=draw(moments),
            received_at=draw(moments),
            expires=draw(st.none() | moments),
            lease_s=draw(leases),
            revert_w=draw(st.none() | powers),
        )
        for seq in range(count)
    )


@st.composite
def signals(draw: st.DrawFn) -> tuple[Signal, ...]:
    silence = st.none() | st.integers(0, 120).map(lambda s: Seconds(float(s)))
    return tuple(Signal(name, draw(leases), draw(silence)) for name in NAMES[:2])


envelopes = st.builds(Envelope, powers, powers)


@given(envelopes, orders(), signals(), moments)
def test_no_budget_is_above_the_contract(
    envelope: Envelope,
    all_: tuple[Order, ...],
    heard: tuple[Signal, ...],
    now: UnixTime,
) -> None:
    assert decide("a", envelope, all_, heard, now).watts <= envelope.budget_w


@given(envelopes, orders(), signals(), moments)
def test_a_lapsed_source_holds_the_site_at_the_fail_safe_or_below(
    envelope: Envelope,
    all_: tuple[Order, ...],
    heard: tuple[Signal, ...],
    now: UnixTime,
) -> None:
    budget = decide("a", envelope, all_, heard, now)

    assert not budget.lapsed or budget.watts <= envelope.fail_safe_w


@given(envelopes, orders(), signals(), moments, st.sampled_from(NAMES[:2]))
def test_falling_silent_never_raises_the_budget(
    envelope: Envelope,
    all_: tuple[Order, ...],
    heard: tuple[Signal, ...],
    now: UnixTime,
    name: str,
) -> None:
    speaking = tuple(
        evolve(s, lease_s=Seconds(30.0), silent_for=Seconds(0.0))
        if s.name == name
        else s
        for s in heard
    )
    silent = tuple(
        evolve(s, silent_for=Seconds(30.0)) if s.name == name else s for s in speaking
    )

    before = decide("a", envelope, all_, speaking, now).watts
    after = decide("a", envelope, all_, silent, now).watts
    assert after <= before


@given(envelopes, orders(), signals(), moments)
def test_pruning_changes_no_decision(
    envelope: Envelope,
    all_: tuple[Order, ...],
    heard: tuple[Signal, ...],
    now: UnixTime,
) -> None:
    kept = prune(all_, heard, now)

    first, second = (decide("a", envelope, o, heard, now) for o in (all_, kept))
    assert (first.watts, first.rule, set(first.lapsed)) == (
        second.watts,
        second.rule,
        set(second.lapsed),
    )


@given(envelopes, orders(), signals(), moments, st.integers(-200, 200))
def test_pruning_changes_no_later_decision(
    envelope: Envelope,
    all_: tuple[Order, ...],
    heard: tuple[Signal, ...],
    now: UnixTime,
    passed: int,
) -> None:
    """Below 0: of each signal something was heard at the end of that time."""
    kept = prune(all_, heard, now)
    at, is_heard = UnixTime(now + abs(passed)), passed < 0
    later = tuple(
        s
        if s.silent_for is None
        else evolve(s, silent_for=Seconds(0.0 if is_heard else s.silent_for + passed))
        for s in heard
    )

    first, second = (decide("a", envelope, o, later, at) for o in (all_, kept))
    assert (first.watts, first.rule, set(first.lapsed)) == (
        second.watts,
        second.rule,
        set(second.lapsed),
    )


@given(envelopes, orders(), signals(), moments)
def test_nothing_changes_before_the_moment_that_is_announced(
    envelope: Envelope,
    all_: tuple[Order, ...],
    heard: tuple[Signal, ...],
    now: UnixTime,
) -> None:
    budget = decide("a", envelope, all_, heard, now)
    end = budget.next_change if budget.next_change is not None else UnixTime(now + 500)
    just_before = UnixTime(end - 1e-3)
    later = tuple(
        s
        if s.silent_for is None
        else evolve(s, silent_for=Seconds(s.silent_for + just_before - now))
        for s in heard
    )

    assert decide("a", envelope, all_, later, just_before).watts == budget.watts
