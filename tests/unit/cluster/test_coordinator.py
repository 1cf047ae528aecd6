"""What a leader grants, to whom it does not, and from which budget."""

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from protocol.units import Seconds, UnixTime, Watts
from proxy.cluster.coordinator import Coordinator
from proxy.cluster.found import Figures, Found
from proxy.cluster.orders import SiteOrders, body_of, order_by_hand
from proxy.config.cluster import ClusterSiteConfig
from proxy.power.allotment.election import Leader
from proxy.power.allotment.rows import Grant, Need, Row, Times
from proxy.power.allotment.trim import MOST, trimmed
from proxy.power.control.wall_clock import SteadyClock
from proxy.power.orders.budget import Budget, Envelope, Rule

TIMES = Times(Seconds(1.0), Seconds(10.0), Seconds(3.0))
SITE = ClusterSiteConfig(name="plant", budget_w=10_000, fail_safe_w=1500)
NOON = 1_800_000_000.0


def row(held_w: int = 500, floor_w: int = 500, version: int = 1) -> Row:
    need = (Need(1, 20, 0, 4000),)
    return Row(7, 40, 1, 1, held_w, floor_w, need=need, version=version)


def found(rows: dict[str, Row], **figures: Figures) -> Found:
    said = {name: figures.get(name, Figures(digest=SITE.digest)) for name in rows}
    grants = {name: Grant(1, 1, 500, ((1, 500),), 7, 40) for name in rows}
    return Found(Leader(1, 0, "a"), rows, said, grants, (), {})


def granted(
    at: Found, watts: float = 10_000.0
) -> tuple[dict[str, int], dict[str, str]]:
    """Return what a leader grants that is no longer frozen, and whom it refuses."""
    lead = Coordinator.of(SITE, 1, Seconds(0.0), TIMES)
    budget = Budget("plant", Watts(10_000.0), Rule.CONTRACT, "contract")
    step = lead.step(at, budget, None, Seconds(0.0))
    for second in range(1, 21):
        rows = {n: evolve(one, seq=one.seq + second) for n, one in at.rows.items()}
        step = lead.step(evolve(at, rows=rows), budget, None, Seconds(second))
    return {n: g.watts for n, g in step.grants.items()}, dict(step.refused)


def test_members_share_the_budget() -> None:
    watts, refused = granted(found({"a": row(), "b": row(), "c": row()}))

    assert sum(watts.values()) <= 10_000
    assert min(watts.values()) > 3000
    assert refused == {}


def test_who_means_another_site_gets_its_floor() -> None:
    odd = Figures(digest="another")
    watts, refused = granted(found({"a": row(), "b": row()}, b=odd))

    assert watts == {"a": 4000, "b": 500}
    assert "something else" in refused["b"]


def test_a_floor_too_many_is_refused_and_counted() -> None:
    watts, refused = granted(found({n: row(floor_w=600, held_w=600) for n in "abc"}))

    assert watts["c"] == 600
    assert "fail_safe_w = 1500" in refused["c"]
    assert sum(watts.values()) <= 10_000


def test_a_floor_that_is_refused_takes_no_other_members_place() -> None:
    rows = {"a": row(floor_w=2000, held_w=2000), "b": row(), "c": row()}
    watts, refused = granted(found(rows))

    assert set(refused) == {"a"}
    assert watts["a"] == 2000
    assert min(watts["b"], watts["c"]) > 3000


def test_whose_row_cannot_be_read_gets_its_floor() -> None:
    at = evolve(found({"a": row(), "b": row()}), faults={"b": "its row is odd"})
    watts, refused = granted(at)

    assert watts == {"a": 4000, "b": 500}
    assert refused == {"b": "its row is odd"}


def test_who_knows_a_later_version_is_granted_as_the_others() -> None:
    """In an upgrade members come first, their leader last."""
    watts, refused = granted(found({"a": row(), "b": row(version=2)}))

    assert watts["a"] == watts["b"] == 4000
    assert refused == {}


def test_who_knows_only_what_is_spoken_no_more_gets_its_floor() -> None:
    watts, refused = granted(found({"a": row(), "b": row(version=0)}))

    assert watts["b"] == 500
    assert "version 0" in refused["b"]


def test_a_leader_speaks_what_all_know_that_are_heard() -> None:
    lead = Coordinator.of(SITE, 1, Seconds(0.0), TIMES)
    budget = Budget("plant", Watts(10_000.0), Rule.CONTRACT, "contract")
    at = found({"a": row(version=3), "b": row(version=2)})

    assert lead.step(at, budget, None, Seconds(0.0)).version == 1


def orders(*bodies: object, clock: Clock | None = None) -> SiteOrders:
    clock = clock or Clock()
    wall = SteadyClock(lambda: UnixTime(NOON + clock.seconds()), clock.seconds)
    envelope = Envelope(Watts(10_000.0), Watts(1500.0))
    made = SiteOrders("plant", envelope, {"grid": Seconds(30.0)}, wall)
    made.read(bodies, {"grid": 1}, Seconds(0.0))
    made.read(bodies, {"grid": 2}, Seconds(0.0))
    return made


def by_hand(watts: float, seq: int = 1, for_s: float | None = None) -> object:
    at = UnixTime(NOON)
    return body_of(
        order_by_hand("plant", Watts(watts), seq, at, for_s=for_s, reason="")
    )


def test_an_order_rules_until_it_is_over() -> None:
    clock = Clock()
    made = orders(by_hand(6000.0, for_s=10.0), clock=clock)
    before = made.budget(Seconds(0.0)).watts
    clock.advance(11.0)

    assert before == Watts(6000)
    assert made.budget(Seconds(11.0)).watts == Watts(10_000)


def test_no_order_goes_above_the_contract_and_what_cannot_be_read_is_none() -> None:
    assert orders(by_hand(1e6)).budget(Seconds(0.0)).watts == Watts(10_000)
    assert orders({"watts": "many"}).budget(Seconds(0.0)).watts == Watts(10_000)


def test_a_signal_that_is_silent_beyond_its_lease_is_the_fail_safe() -> None:
    made = orders()
    made.read((), {"grid": 3}, Seconds(10.0))

    assert made.budget(Seconds(39.0)).watts == Watts(10_000)
    assert made.budget(Seconds(41.0)).watts == Watts(1500)


def test_a_beat_that_was_never_seen_to_move_counts_as_silent() -> None:
    clock = Clock()
    wall = SteadyClock(lambda: UnixTime(NOON), clock.seconds)
    envelope = Envelope(Watts(10_000.0), Watts(1500.0))
    made = SiteOrders("plant", envelope, {"grid": Seconds(30.0)}, wall)
    made.read((), {"grid": 5}, Seconds(0.0))

    assert made.budget(Seconds(0.0)).watts == Watts(1500)


@given(
    st.floats(-1e4, 0.0),
    st.one_of(st.none(), st.floats(0, 2e5)),
    st.floats(1.0, 1e5),
    st.floats(0.0, 100.0),
)
def test_a_meter_only_lowers_and_by_so_much_at_the_most(
    trim: float, metered: float | None, budget: float, elapsed: float
) -> None:
    assert -MOST * budget <= trimmed(trim, metered, budget, Seconds(elapsed)) <= 0


def test_what_the_meter_shows_too_much_is_taken_off_and_given_back() -> None:
    trim = 0.0
    for _ in range(300):  # all halls draw 3 % more than they think
        trim = trimmed(trim, (100.0 + trim) * 1.03, 100.0, Seconds(1.0))
    settled = trim
    for _ in range(60):
        trim = trimmed(trim, 90.0, 100.0, Seconds(1.0))

    assert -3.2 < settled < -2.5
    assert trim == 0.0


def test_a_source_that_begins_to_speak_is_heard_with_its_first_beat() -> None:
    clock = Clock()
    wall = SteadyClock(lambda: UnixTime(NOON), clock.seconds)
    envelope = Envelope(Watts(10_000.0), Watts(1500.0))
    made = SiteOrders("plant", envelope, {"grid": Seconds(30.0)}, wall)
    made.read((), {}, Seconds(0.0))
    made.read((), {"grid": 5}, Seconds(1.0))

    assert made.budget(Seconds(1.0)).watts == Watts(10_000)


def test_who_comes_back_after_a_lease_begins_anew() -> None:
    """No member is silent for what a failover took: another may have led."""
    lead = Coordinator.of(SITE, 1, Seconds(0.0), TIMES)
    budget = Budget("plant", Watts(10_000.0), Rule.CONTRACT, "contract")
    rows = later = {"a": row(held_w=4000), "b": row()}
    for second in range(21):  # all are known, and nothing is frozen any more
        later = {name: evolve(one, seq=50 + second) for name, one in rows.items()}
        lead.step(evolve(found(rows), rows=later), budget, None, Seconds(second))
    # stopped for half a minute, it finds the tables as it left them
    step = lead.step(evolve(found(rows), rows=later), budget, None, Seconds(50.0))

    assert step.silent == frozenset()
    assert step.may_hold["a"] >= 4000
    assert step.grants["b"].watts <= 500  # frozen: nobody gets more than it holds
