"""Which order rules, and what silence does."""

from attrs import evolve

from protocol.units import Seconds, UnixTime, Watts
from proxy.power.orders.budget import Budget, Envelope, Rule, decide
from proxy.power.orders.order import Order, Signal
from proxy.power.orders.prune import prune

ENVELOPE = Envelope(budget_w=Watts(3_500_000.0), fail_safe_w=Watts(350_000.0))


def order(  # noqa: PLR0913
    watts: float,
    *,
    seq: int = 1,
    source: str = "cli",
    start: float = 0.0,
    end: float | None = None,
    lease: float | None = None,
    revert: float | None = None,
) -> Order:
    return Order(
        site="hall-a",
        watts=Watts(watts),
        seq=seq,
        source=source,
        not_before=UnixTime(start),
        received_at=UnixTime(0.0),
        expires=None if end is None else UnixTime(end),
        lease_s=None if lease is None else Seconds(lease),
        revert_w=None if revert is None else Watts(revert),
        reason="test",
    )


def grid(silent_for: float | None) -> Signal:
    heard = None if silent_for is None else Seconds(silent_for)
    return Signal("grid", lease_s=Seconds(30.0), silent_for=heard)


def at(
    now: float,
    *orders: Order,
    signals: tuple[Signal, ...] = (),
    of: Envelope = ENVELOPE,
) -> Budget:
    return decide("hall-a", of, orders, signals, UnixTime(now))


def test_without_orders_the_contract_rules() -> None:
    budget = at(10)

    assert (budget.watts, budget.rule) == (3_500_000.0, Rule.CONTRACT)
    assert budget.reason == "contract: no order is valid"
    assert budget.next_change is None


def test_the_lowest_of_several_sources_rules_and_says_so() -> None:
    low = order(1e6, source="grid", seq=7)

    budget = at(10, order(2e6), low)

    assert (budget.watts, budget.rule, budget.order) == (1e6, Rule.ORDER, low)
    assert budget.reason == "order 7 of grid: test"


def test_the_newest_order_of_a_source_replaces_its_older_ones_upwards_too() -> None:
    assert at(10, order(1e6, seq=1), order(2e6, seq=2)).watts == 2e6


def test_a_newer_order_that_has_not_begun_does_not_count_yet() -> None:
    later = order(1e6, seq=2, start=20)

    assert at(19.9, order(2e6), later).watts == 2e6
    assert at(19.9, order(2e6), later).next_change == 20.0
    assert at(20, order(2e6), later).watts == 1e6


def test_an_order_ends_by_itself_and_the_older_one_counts_again() -> None:
    short = order(1e6, seq=2, end=60)

    assert at(59.9, order(2e6), short).watts == 1e6
    assert at(59.9, order(2e6), short).next_change == 60.0
    assert at(60, order(2e6), short).watts == 2e6


def test_an_ended_order_with_nothing_else_gives_the_contract_back() -> None:
    assert at(61, order(1e6, end=60)).watts == 3_500_000.0


def test_an_order_above_the_contract_is_cut_to_it() -> None:
    budget = at(10, order(9e6))

    assert (budget.watts, budget.rule) == (3_500_000.0, Rule.CONTRACT)
    assert "order 1 of cli" in budget.reason


def test_orders_of_other_sites_do_not_count() -> None:
    assert at(10, evolve(order(1e6), site="hall-b")).watts == 3_500_000.0


def test_a_signal_within_its_lease_is_believed() -> None:
    budget = at(10, order(2e6, source="grid"), signals=(grid(29.9),))

    assert (budget.watts, budget.rule, budget.lapsed) == (2e6, Rule.ORDER, ())
    assert budget.next_change is not None
    assert abs(budget.next_change - 10.1) < 1e-6


def test_a_lapsed_signal_brings_the_fail_safe() -> None:
    budget = at(10, order(2e6, source="grid"), signals=(grid(30.0),))

    assert (budget.watts, budget.rule) == (350_000.0, Rule.LAPSE)
    assert budget.lapsed == ("grid",)
    assert budget.reason == "grid fell silent beyond its lease"


def test_a_lapse_with_a_budget_below_the_fail_safe_stays_below() -> None:
    budget = at(10, order(100_000, source="grid"), signals=(grid(31.0),))

    assert (budget.watts, budget.rule) == (100_000.0, Rule.LAPSE)


def test_a_revert_below_the_fail_safe_counts_at_the_lapse_only() -> None:
    said = order(2e6, source="grid", revert=50_000)

    assert at(10, said, signals=(grid(5.0),)).watts == 2e6
    assert at(10, said, signals=(grid(31.0),)).watts == 50_000.0


def test_a_revert_above_the_fail_safe_does_not_raise_it() -> None:
    said = order(2e6, source="grid", revert=1e6)

    assert at(10, said, signals=(grid(31.0),)).watts == 350_000.0


def test_what_a_lapsed_signal_said_last_holds_beyond_its_own_end() -> None:
    said = order(100_000, source="grid", end=100)

    assert at(90, said, signals=(grid(31.0),)).watts == 100_000.0
    assert at(200, said, signals=(grid(141.0),)).watts == 100_000.0


def test_an_order_that_ended_before_the_lapse_does_not_come_back() -> None:
    said = order(100_000, source="grid", end=50)

    assert at(200, said, signals=(grid(100.0),)).watts == 350_000.0


def test_an_order_that_begins_in_the_silence_may_only_lower() -> None:
    lower = order(100_000, source="grid", seq=2, start=95)
    higher = order(3e6, source="grid", seq=2, start=95)
    signals = (grid(40.0),)

    assert at(100, order(2e6, source="grid"), lower, signals=signals).watts == 100_000.0
    assert (
        at(100, order(2e6, source="grid"), higher, signals=signals).watts == 350_000.0
    )


def test_an_operator_below_the_fail_safe_still_rules_in_a_lapse() -> None:
    budget = at(10, order(2e6, source="grid"), order(1e5), signals=(grid(31.0),))

    assert (budget.watts, budget.rule) == (1e5, Rule.ORDER)
    assert budget.lapsed == ("grid",)


def test_a_signal_that_speaks_again_ends_its_lapse() -> None:
    assert at(10, order(2e6, source="grid"), signals=(grid(0.0),)).watts == 2e6


def test_a_leased_signal_with_no_order_lapses_too() -> None:
    assert at(10, signals=(grid(29.0),)).watts == 3_500_000.0
    assert at(10, signals=(grid(31.0),)).watts == 350_000.0


def test_at_the_start_the_fail_safe_holds_until_each_leased_signal_has_spoken() -> None:
    other = Signal("plant", lease_s=Seconds(30.0), silent_for=Seconds(1.0))

    budget = at(10, signals=(other, grid(None)))

    assert (budget.watts, budget.rule) == (350_000.0, Rule.UNHEARD)
    assert budget.reason == "fail-safe: not heard since the start: grid"
    assert at(10, signals=(other, grid(1.0))).watts == 3_500_000.0


def test_a_signal_without_a_lease_is_not_waited_for() -> None:
    assert at(10, signals=(Signal("schedule"),)).watts == 3_500_000.0


def test_at_the_start_an_unexpired_order_rules_at_once() -> None:
    assert at(10, order(2e6), signals=(grid(None),)).watts == 2e6


def test_an_order_kept_from_before_a_start_lapses_by_when_it_was_received() -> None:
    kept = order(2e6, source="grid")

    assert at(29, kept, signals=(grid(None),)).watts == 2e6
    assert at(30, kept, signals=(grid(None),)).watts == 350_000.0


def test_an_order_may_carry_a_lease_of_its_own() -> None:
    leased = order(2e6, source="visitor", lease=10)

    assert at(9.9, leased).watts == 2e6
    assert at(10, leased).watts == 350_000.0
    assert at(10, leased).lapsed == ("visitor",)


def test_an_own_lease_beyond_the_orders_end_never_lapses() -> None:
    assert at(20, order(2e6, source="visitor", lease=10, end=5)).watts == 3_500_000.0


def test_an_own_lease_runs_from_when_its_order_begins() -> None:
    leased = order(2e6, source="visitor", lease=10, start=100)

    assert at(99, leased).watts == 3_500_000.0
    assert at(109, leased).watts == 2e6
    assert at(110, leased).watts == 350_000.0


def test_the_shorter_of_two_leases_binds() -> None:
    leased = order(2e6, source="grid", lease=5)

    assert at(10, leased, signals=(grid(6.0),)).watts == 350_000.0


def test_a_fail_safe_above_the_contract_is_cut_to_it() -> None:
    odd = Envelope(budget_w=Watts(100.0), fail_safe_w=Watts(200.0))

    assert at(10, signals=(grid(None),), of=odd).watts == 100.0
    assert at(10, signals=(grid(60.0),), of=odd).watts == 100.0


def test_ended_orders_are_pruned_unless_a_lapse_rests_on_them() -> None:
    ended = order(1e6, end=50)
    newer = evolve(order(1e6), received_at=UnixTime(5.0))
    said = order(100_000, source="grid", end=100, seq=3)
    lasting = order(2e6, source="plan")

    kept = prune((newer, ended, said, lasting), (grid(140.0),), UnixTime(200.0))

    assert set(kept) == {newer, said, lasting}
    last = order(100_000, source="grid", end=99, seq=4)
    heard = prune((newer, ended, said, last, lasting), (grid(1.0),), UnixTime(200.0))
    assert set(heard) == {newer, last, lasting}


def test_orders_that_newer_ones_outrule_for_good_are_pruned() -> None:
    old = order(1e6, seq=1, source="grid")
    timed = order(2e6, seq=2, source="grid", end=500)
    ends_first = order(3e6, seq=3, source="grid", end=400)
    begins_later = order(4e6, seq=4, source="grid", start=300)
    orders = (old, timed, ends_first, begins_later)

    assert prune(orders, (grid(1.0),), UnixTime(200.0)) == orders
    assert prune(orders, (grid(1.0),), UnixTime(301.0)) == (begins_later,)
    same_end = order(9e6, seq=5, source="grid", end=500)
    kept = prune((*orders, same_end), (grid(1.0),), UnixTime(200.0))
    assert kept == (old, begins_later, same_end)


def test_what_began_in_the_silence_outrules_nothing_that_the_lapse_rests_on() -> None:
    said = order(100_000, seq=1, source="grid")
    began = order(2e6, seq=2, source="grid", start=150)
    now = UnixTime(200.0)

    kept = prune((said, began), (grid(100.0),), now)

    assert kept == (said, began)
    assert at(200, *kept, signals=(grid(100.0),)).watts == 100_000.0


def test_silence_is_a_part_of_the_shortest_lease_an_order_s_own_included() -> None:
    short = order(1e6, source="grid", lease=10)
    to_come = order(1e6, source="grid", lease=10, start=195)
    ends_before = order(1e6, source="grid", lease=10, end=199.5)

    assert at(200, signals=(grid(9.0),)).silence == 9 / 30
    assert at(200, short, signals=(grid(9.0),)).silence == 9 / 10
    assert at(200, to_come, signals=(grid(9.0),)).silence == 5 / 10
    assert at(198, ends_before, signals=(grid(9.0),)).silence == 9 / 10
    assert at(198, ends_before, signals=(grid(6.0),)).silence == 6 / 30
    assert at(200, short, signals=(grid(None),)).silence == 200 / 10
    assert at(200).silence == 0.0


def test_the_lease_of_an_order_ends_with_its_chance_to_rule() -> None:
    leased = order(1e6, seq=1, lease=10)
    newer = order(2e6, seq=2)

    assert at(50, leased).lapsed == ("cli",)
    assert at(50, leased, newer).lapsed == ()


def test_of_equal_words_a_trip_rules_since_it_is_more_than_its_watts() -> None:
    trips = order(0.0, source="trip_input")
    told = order(0.0, source="utility")
    utility = Signal("utility", lease_s=Seconds(30.0), silent_for=Seconds(1.0))

    for orders in ((told, trips), (trips, told)):
        assert at(10, *orders, signals=(utility,)).trips
    assert not at(10, told, signals=(utility,)).trips
    silent = evolve(utility, silent_for=Seconds(60.0))
    nothing = Envelope(budget_w=Watts(1e6), fail_safe_w=Watts(0.0))
    assert at(10, told, trips, signals=(silent,), of=nothing).trips
