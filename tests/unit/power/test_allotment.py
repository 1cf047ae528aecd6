"""The leader's step, one rule at a time."""

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from protocol.units import Seconds
from proxy.power.allotment.allot import allot, may_hold, watch
from proxy.power.allotment.by_need import Claim, by_need
from proxy.power.allotment.election import Leader, Watch, is_outdated, next_epoch
from proxy.power.allotment.rows import (
    MAX_OUT,
    Grant,
    Need,
    Row,
    Term,
    Times,
    TimesError,
)
from proxy.power.allotment.tenure import Tenure

TIMES = Times(Seconds(1.0), Seconds(10.0), Seconds(3.0))
FLOOR = 500


def term(now: float, budget_w: int = 6000, began: float = 0.0) -> Term:
    return Term(2, Seconds(began), Seconds(now), budget_w, TIMES)


def row(held_w: int, need_w: int, applied: int = 1, epoch: int = 2) -> Row:
    need = (Need(1, 20, 0, need_w),)
    return Row(7, 40, epoch, applied, held_w, FLOOR, need=need)


def grant(number: int, watts: int, *out: tuple[int, int]) -> Grant:
    return Grant(2, number, watts, (*out, (number, watts)), 7, 39)


def step(at: Term, rows: dict[str, Row], grants: dict[str, Grant]) -> dict[str, Grant]:
    return allot(at, rows, grants, watch(at, rows, grants, {}))


def test_what_a_failover_lost_is_not_granted_again() -> None:
    """The tables were set back: a holds 500 W by now, they say 5,000 W; b has the rest.

    b has polled since, a not: a grant that answers its old poll would still be taken.
    """
    held_by_a = Tenure(7, TIMES)
    for at in range(45):
        held_by_a.poll(Seconds(float(at)))
    held_by_a.take(evolve(grant(7, 500), answers=41), Seconds(45.0))
    rows = {"a": row(5000, 4900, applied=6, epoch=1), "b": row(5000, 600, applied=9)}
    grants = {"a": grant(6, 5000), "b": grant(8, 500)}

    new = step(term(1.0), rows, grants)
    held_by_a.take(new["a"], Seconds(45.5))

    assert held_by_a.epoch == 2  # it learns who leads
    held = held_by_a.held(Seconds(45.5))
    assert held is not None
    assert held.watts == 500


def test_nobody_is_raised_while_one_may_draw_what_no_table_has() -> None:
    """c had 5,000 W, and that was lost; the grant is over, the machines are on."""
    lost = evolve(row(500, 5000, epoch=1), down_s=Seconds(100.0))
    grants = {"a": grant(1, 500), "c": grant(1, 500)}
    rows = {"a": row(500, 5500), "c": lost}
    seen = watch(term(0.0), rows, grants, {})
    late = {"a": evolve(rows["a"], seq=50), "c": lost}

    at = term(12.0)
    before = allot(at, late, grants, watch(at, late, grants, seen))
    late["a"] = evolve(late["a"], seq=60)
    at = term(112.0)
    after = allot(at, late, grants, watch(at, late, grants, seen))

    assert before["a"].watts == 500
    assert after["a"].watts == 5500


def test_nobody_is_raised_within_what_it_may_hold_while_there_is_no_room() -> None:
    """The budget was lowered: b may hold 4,000 W, a more than its newest grant."""
    rows = {"a": row(3000, 3400), "b": row(4000, 500)}
    grants = {"a": grant(2, 2600, (1, 3000)), "b": grant(2, 500, (1, 4000))}

    new = step(term(20.0, 4000), rows, grants)

    assert new["a"].watts == 2600
    assert new["b"].watts == 500


def test_what_is_lowered_frees_room_once_it_is_held() -> None:
    rows = {"a": row(3000, 500), "b": row(500, 5500)}
    grants = {"a": grant(2, 500, (1, 3000)), "b": grant(1, 500)}

    waits = step(term(20.0), rows, grants)
    rows["a"] = row(500, 500, applied=2)
    goes_on = step(term(21.0), rows, grants)

    assert waits["b"].watts == 3000
    assert goes_on["b"].watts == 5500


def test_a_silent_member_counts_its_floor_once_it_is_down() -> None:
    rows = {"a": evolve(row(3000, 3000), down_s=Seconds(135.0))}
    grants = {"a": grant(1, 3000)}
    seen = watch(term(0.0), rows, grants, {})

    assert may_hold(term(145.9), rows, grants, seen) == {"a": 3000}
    assert may_hold(term(146.0), rows, grants, seen) == {"a": FLOOR}
    assert allot(term(146.0), rows, grants, seen)["a"].watts == FLOOR


def test_what_may_be_held_is_kept_in_few_entries_and_never_forgotten() -> None:
    out = [(n, 1000 * n) for n in range(1, 9)][::-1]
    falling = tuple((n, w) for n, (_, w) in enumerate(out, start=1))
    grants = {"a": Grant(2, 8, 1000, falling, 7, 39)}
    rows = {"a": row(500, 700)}

    new = step(term(20.0, 9000), rows, grants)

    assert len(new["a"].out) == MAX_OUT
    assert max(w for _, w in new["a"].out) == 8000


def test_what_hardly_changes_is_no_new_grant() -> None:
    rows = {"a": row(3000, 3010)}
    grants = {"a": grant(1, 3000)}

    assert step(term(20.0), rows, grants)["a"] == evolve(grants["a"], answers=40)


def test_times_that_let_grants_lapse_over_a_leaders_death_are_refused() -> None:
    TIMES.check()

    with pytest.raises(TimesError, match="12 s, not below 10 s"):
        Times(Seconds(1.0), Seconds(10.0), Seconds(6.0)).check()


def test_a_grant_lapses_when_the_poll_that_it_answers_is_old() -> None:
    tenure = Tenure(7, TIMES)
    seq = tenure.poll(Seconds(100.0))
    fits = Grant(3, 1, 4000, (), 7, seq)

    assert not tenure.take(evolve(fits, life=6), Seconds(101.0))
    assert not tenure.take(evolve(fits, answers=seq + 1), Seconds(101.0))
    assert not tenure.take(fits, Seconds(110.0))
    assert tenure.take(fits, Seconds(109.9))
    assert not tenure.is_prompt(fits, Seconds(109.9))
    assert tenure.held(Seconds(109.99)) is not None
    assert tenure.held(Seconds(110.0)) is None
    assert tenure.epoch == 3


def test_a_candidate_takes_over_when_the_beat_stands_still() -> None:
    watch = Watch(TIMES)
    leader = Leader(4, 9, "b")

    assert not watch.read(leader, Seconds(0.0))
    assert not watch.read(leader, Seconds(2.9))
    assert watch.read(leader, Seconds(3.0))
    assert not watch.read(evolve(leader, beat=10), Seconds(3.5))


def test_time_without_an_answer_unseats_nobody() -> None:
    watch = Watch(TIMES)
    leader = Leader(4, 9, "b")
    watch.read(leader, Seconds(0.0))
    watch.missed()

    assert not watch.read(leader, Seconds(300.0))
    assert not watch.read(leader, Seconds(301.0))


def test_a_leader_whom_a_failover_took_is_in_what_members_have_read() -> None:
    as_left = [row(FLOOR, 4000, epoch=3), row(FLOOR, 4000, epoch=2)]
    read_since = [row(FLOOR, 4000, epoch=3), row(FLOOR, 4000, epoch=4)]

    assert not is_outdated(3, as_left)
    assert is_outdated(3, read_since)
    assert next_epoch(Leader(3, 9, "a"), as_left) == 4
    assert next_epoch(Leader(3, 9, "a"), read_since) == 5


def test_a_leader_that_leaves_is_followed_at_once() -> None:
    assert Watch(TIMES).read(Leader(4, 9, ""), Seconds(0.0))


needs = st.builds(
    Need,
    priority=st.integers(0, 3),
    joules_per_th=st.integers(15, 18),
    running_w=st.integers(0, 10**6),
    wanted_w=st.integers(0, 10**6),
)
claims = st.dictionaries(
    st.sampled_from("abcdef"),
    st.builds(Claim, st.integers(0, 10**5), st.lists(needs, max_size=6).map(tuple)),
    min_size=1,
)


@given(st.integers(0, 10**7), claims)
def test_shares_never_exceed_the_budget_nor_what_is_asked(
    budget_w: int, asked: dict[str, Claim]
) -> None:
    shares = by_need(budget_w, asked)
    floors = sum(claim.floor_w for claim in asked.values())
    wants = {
        hall: max(claim.floor_w, sum(n.wanted_w for n in claim.need))
        for hall, claim in asked.items()
    }

    assert sum(shares.values()) <= max(budget_w, floors)
    assert all(asked[h].floor_w <= w <= wants[h] for h, w in shares.items())
    missing = min(max(budget_w, floors), sum(wants.values())) - sum(shares.values())
    assert missing < len(asked) * len(asked)  # nothing is left over but what is rounded


@given(st.integers(0, 10**7), claims)
def test_more_budget_takes_from_nobody(budget_w: int, asked: dict[str, Claim]) -> None:
    less, more = by_need(budget_w, asked), by_need(budget_w + 1000, asked)

    assert all(less[hall] <= more[hall] for hall in asked)


def test_the_important_and_the_efficient_are_served_first() -> None:
    halls = {
        "old": Claim(100, (Need(1, 30, 1000, 1000),)),
        "new": Claim(100, (Need(1, 15, 0, 1000),)),
        "firm": Claim(100, (Need(2, 30, 0, 1000),)),
    }

    assert by_need(2000, halls) == {"firm": 1000, "new": 900, "old": 100}


def test_what_runs_goes_before_what_would_have_to_be_started() -> None:
    halls = {
        "runs": Claim(0, (Need(1, 20, 1000, 1000),)),
        "rests": Claim(0, (Need(1, 20, 0, 1000),)),
    }

    assert by_need(1500, halls) == {"runs": 1000, "rests": 500}
