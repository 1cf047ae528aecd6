"""Whatever the fleet and the budgets, what the planner may never do."""

import numpy as np
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.units import HashesPerSecond, Seconds, Watts
from proxy.power.control.cap import best_hashrate
from proxy.power.machines.fleet import Fleet, fleet_of
from proxy.power.planner.params import PlanParams
from proxy.power.planner.plan import Allowance, Plan, Urgency, plan
from proxy.power.planner.steps import Reason

PARAMS = PlanParams()
Points = list[tuple[HashesPerSecond, Watts]]


@st.composite
def machines(draw: st.DrawFn) -> Points:
    count = draw(st.integers(2, 4))
    watts = np.cumsum(
        draw(st.lists(st.integers(1, 2000), min_size=count, max_size=count))
    )
    hashes = np.cumsum(
        draw(st.lists(st.integers(1, 90), min_size=count, max_size=count))
    )
    return [
        (HashesPerSecond(float(h - hashes[0])), Watts(float(w)))
        for h, w in zip(hashes, watts, strict=True)
    ]


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    kinds = draw(st.lists(machines(), min_size=1, max_size=3))
    count = draw(st.integers(1, 14))
    chosen = draw(st.lists(st.sampled_from(kinds), min_size=count, max_size=count))
    some = st.lists(st.integers(-1, 2), min_size=count, max_size=count)
    made = fleet_of(
        chosen,
        t_down=[draw(st.sampled_from([5.0, 135.0]))] * count,
        t_up=[60.0] * count,
        priority=draw(some),
        running=draw(st.booleans()),
    )
    debts = np.array(draw(some), dtype=np.float64)
    deaf = draw(st.lists(st.integers(0, 9), min_size=count, max_size=count))
    return evolve(made, debt_h=debts, responsive=np.array(deaf) > 0)


steps = st.lists(
    st.tuples(st.integers(0, 25_000), st.sampled_from([1, 5, 30, 200, 1000])),
    min_size=1,
    max_size=12,
)
urgencies = st.sampled_from([Urgency.NORMAL, Urgency.NORMAL, Urgency.EMERGENCY])


def grant_of(budget: int) -> Allowance:
    return Allowance(Watts(budget * 0.99), Watts(float(budget)), Watts(float(budget)))


def run(
    fleet: Fleet, budgets: list[tuple[int, int]], urgency: Urgency
) -> list[tuple[Fleet, Plan, Seconds, Allowance]]:
    """Plan through the budgets, each lasting so many seconds."""
    done, now = [], 10_000.0
    for budget, seconds in budgets:
        granted = grant_of(budget)
        planned = plan(granted, fleet, Seconds(now), PARAMS, urgency)
        done.append((fleet, planned, Seconds(now), granted))
        fleet = fleet.commanded(planned.level, Seconds(now)).aged(Seconds(seconds))
        now += seconds
    return done


@settings(max_examples=150, deadline=None)
@given(fleets(), steps, urgencies)
def test_never_more_than_the_budget_is_granted(
    fleet: Fleet, budgets: list[tuple[int, int]], urgency: Urgency
) -> None:
    for before, planned, _, granted in run(fleet, budgets, urgency):
        least = before.watts_at(np.zeros_like(before.level)).sum()
        assert planned.watts <= max(granted.ceiling_w, float(least)) + 1e-6


@settings(max_examples=150, deadline=None)
@given(fleets(), steps, urgencies)
def test_growing_never_commits_more_than_the_grant(
    fleet: Fleet, budgets: list[tuple[int, int]], urgency: Urgency
) -> None:
    for before, planned, now, granted in run(fleet, budgets, urgency):
        committed = before.commanded(planned.level, now).committed_w(now).sum()
        if (planned.level > before.level).any():
            assert committed <= granted.allow_w + 1e-6
        assert committed <= max(before.committed_w(now).sum(), granted.allow_w) + 1e-6


@settings(max_examples=150, deadline=None)
@given(fleets(), steps, urgencies)
def test_minimum_times_are_kept_unless_the_budget_cannot_be_otherwise(
    fleet: Fleet, budgets: list[tuple[int, int]], urgency: Urgency
) -> None:
    for before, planned, now, granted in run(fleet, budgets, urgency):
        since = now - before.switched_at
        woken = (before.level == 0) & (planned.level > 0)
        slept = (before.level > 0) & (planned.level == 0)
        young = slept & (since < PARAMS.min_on_s)

        assert (since[woken] >= PARAMS.min_off_s).all()
        assert (planned.reason[young] == Reason.FORCED).all()
        if young.any():  # even with every other machine asleep it was too much
            rested = before.responsive & (since >= PARAMS.min_on_s)
            assert (planned.level[rested] == 0).all()
            unforced = np.where(young, before.level, planned.level)
            assert before.watts_at(unforced).sum() > granted.ceiling_w


@settings(max_examples=100, deadline=None)
@given(fleets(), steps, urgencies)
def test_equal_inputs_give_equal_plans(
    fleet: Fleet, budgets: list[tuple[int, int]], urgency: Urgency
) -> None:
    first, second = (run(fleet, budgets, urgency) for _ in range(2))

    for (_, one, _, _), (_, other, _, _) in zip(first, second, strict=True):
        assert one.level.tolist() == other.level.tolist()
        assert one.reason.tolist() == other.reason.tolist()


@settings(max_examples=100, deadline=None)
@given(fleets(), steps, urgencies)
def test_every_change_has_a_reason_and_every_reason_a_change(
    fleet: Fleet, budgets: list[tuple[int, int]], urgency: Urgency
) -> None:
    for before, planned, _, _ in run(fleet, budgets, urgency):
        changed = planned.level != before.level
        assert (changed == (planned.reason != 0)).all()
        assert (planned.level >= 0).all()
        assert (planned.level <= before.top).all()


@settings(max_examples=100, deadline=None)
@given(fleets(), st.integers(0, 25_000))
def test_no_plan_finds_more_hashes_than_the_cap(fleet: Fleet, budget: int) -> None:
    planned = plan(grant_of(budget), fleet, Seconds(10_000.0), PARAMS)

    if planned.watts <= budget:
        obedient = evolve(fleet, responsive=np.ones(len(fleet), dtype=np.bool_))
        watts = float(obedient.watts_at(planned.level).sum())
        assert fleet.hashes_at(planned.level) <= best_hashrate(fleet, watts) * 1.000001


@settings(max_examples=12, deadline=None)
@given(st.integers(2, 10), st.integers(1, 9), st.integers(0, 3))
def test_no_equal_machine_is_starved_for_ever(
    count: int, running: int, pattern: int
) -> None:
    kind = [(HashesPerSecond(0.0), Watts(20.0)), (HashesPerSecond(9.0), Watts(1000.0))]
    fleet = fleet_of([kind] * count, t_down=[5.0] * count, t_up=[60.0] * count)
    budget = 1000 * min(running, count - 1) + 500 + 20 * count
    ran = np.zeros(count)

    for tick in range(600):  # four days and more in steps of ten minutes
        now = Seconds(10_000.0 + 600.0 * tick)
        swing = 400 * ((tick * pattern) % 2)
        planned = plan(grant_of(budget + swing), fleet, now, PARAMS)
        fleet = fleet.commanded(planned.level, now).aged(Seconds(600.0))
        ran += fleet.level > 0

    assert ran.min() > 0
    assert fleet.debt_h.max() - fleet.debt_h.min() < 0.15 * fleet.debt_h.mean() + 4.0
