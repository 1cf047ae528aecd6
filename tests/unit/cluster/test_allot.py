"""Directed tests of two rules of `allot` that faults at random seldom ask for.

Each is seen to be missed: with the rule left out the same steps grant too much.
"""

from types import ModuleType
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from protocol.units import Seconds
from proxy.power.allotment import allot
from proxy.power.allotment.by_need import Claim, by_need
from proxy.power.allotment.rows import Grant, Need, Row, Seen, Term, Times
from tests.fakes.cluster_sim import without

TIMES = Times(Seconds(1.0), Seconds(10.0), Seconds(3.0))
FLOOR_W, BUDGET_W = 500, 10_000
HAND = without(allot, "is_fresh=row.epoch == term.epoch", "is_fresh=True")
ROOM = without(allot, "if room < 0:", "if False:")


def term(now: float, epoch: int = 2, budget_w: int = BUDGET_W) -> Term:
    return Term(epoch, Seconds(0.0), Seconds(now), budget_w, TIMES)


def row(seq: int, epoch: int, applied: int, held_w: int, need_w: int) -> Row:
    need = (Need(1, 20, 0, need_w),)
    return Row(7, seq, epoch, applied, held_w, FLOOR_W, need=need)


def step(
    module: Any, at: Term, rows: dict[str, Row], grants: dict[str, Grant], seen: Any
) -> tuple[dict[str, Grant], dict[str, Seen]]:
    seen = module.watch(at, rows, grants, seen)
    return module.allot(at, rows, grants, seen), seen


@pytest.mark.parametrize(("module", "is_longer"), [(allot, False), (HAND, True)])
def test_a_row_from_before_this_leader_makes_no_grant_longer_or_larger(
    module: ModuleType, *, is_longer: bool
) -> None:
    """Hand: such a row may be what a failover went back to."""
    before = Grant(1, 3, 4000, ((3, 4000),), 7, 40)
    rows = {"a": row(41, 1, 3, 4000, 9000)}
    granted, _ = step(module, term(0.0), rows, {"a": before}, {})
    grant = granted["a"]

    assert grant.epoch == 2  # it is told who leads
    assert (grant.answers, grant.watts, grant.number) == (
        (41 if is_longer else 40),
        4000,
        3,
    )


def test_once_it_has_read_this_leader_its_grant_goes_on() -> None:
    before = Grant(2, 3, 4000, ((3, 4000),), 7, 40)
    rows = {"a": row(42, 2, 3, 4000, 9000)}
    granted, _ = step(allot, term(0.0), rows, {"a": before}, {})

    assert granted["a"].answers == 42


@pytest.mark.parametrize(("module", "is_raised"), [(allot, False), (ROOM, True)])
def test_nobody_is_raised_while_more_may_be_held_than_the_budget(
    module: ModuleType, *, is_raised: bool
) -> None:
    """Room: a may still hold 6000 of its first grant, so that all is free to 6000."""
    grants = {
        "a": Grant(2, 2, 3000, ((1, 6000), (2, 3000)), 7, 40),
        "b": Grant(2, 1, 6000, ((1, 6000),), 7, 40),
    }
    rows = {"a": row(41, 2, 1, 6000, 9000), "b": row(41, 2, 1, 6000, 1000)}
    seen = module.watch(term(0.0), rows, grants, {})
    later = {name: evolve(one, seq=42) for name, one in rows.items()}
    granted, _ = step(module, term(20.0), later, grants, seen)

    assert (granted["a"].watts > 3000) is is_raised
    assert granted["b"].watts <= 1000 + FLOOR_W


# by need

needs = st.lists(
    st.builds(
        Need,
        st.integers(0, 3),
        st.integers(15, 20),
        st.integers(0, 2000),
        st.integers(0, 3000),
    ),
    max_size=4,
).map(tuple)
claims = st.dictionaries(
    st.sampled_from("abcde"), st.builds(Claim, st.integers(0, 800), needs), max_size=5
)


@given(st.integers(0, 20_000), claims)
def test_floors_come_first_and_the_sum_is_within_the_budget(
    budget_w: int, claimed: dict[str, Claim]
) -> None:
    shares = by_need(budget_w, claimed)
    floors = sum(claim.floor_w for claim in claimed.values())

    assert sum(shares.values()) <= max(budget_w, floors)
    assert all(shares[hall] >= claim.floor_w for hall, claim in claimed.items())


@given(st.integers(0, 20_000), claims)
def test_no_hall_is_given_more_than_it_asks_for_or_its_floor(
    budget_w: int, claimed: dict[str, Claim]
) -> None:
    for hall, watts in by_need(budget_w, claimed).items():
        asked = sum(max(0, need.wanted_w) for need in claimed[hall].need)
        assert watts <= max(asked, claimed[hall].floor_w)


@given(st.integers(0, 20_000), claims, st.integers(0, 2000))
def test_more_budget_takes_from_nobody(
    budget_w: int, claimed: dict[str, Claim], more: int
) -> None:
    less, after = by_need(budget_w, claimed), by_need(budget_w + more, claimed)
    pieces = 2 * sum(len(claim.need) for claim in claimed.values())

    # each piece is rounded down by less than a watt, and that goes to the next ones
    assert all(after[hall] >= watts - pieces for hall, watts in less.items())


@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(15, 25))
def test_the_higher_priority_and_then_the_lower_joules_come_first(
    budget_w: int, priority: int, joules: int
) -> None:
    """Of two halls that want all of it, the better one has all that there is."""
    better = Claim(0, (Need(priority, joules, 0, 10_000),))
    for worse in (Need(priority - 1, 10, 0, 10_000), Need(priority, joules + 1, 0, 1)):
        shares = by_need(budget_w, {"a": Claim(0, (worse,)), "b": better})
        assert shares["b"] == budget_w
