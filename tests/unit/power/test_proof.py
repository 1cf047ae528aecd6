"""What shares prove, and how surely."""

import math

import pytest

from protocol.units import HashesPerSecond, Seconds, Watts
from protocol.work.hashrate import HASHES_PER_DIFFICULTY
from proxy.power.machines.share_proof import (
    Efficiency,
    ShareSum,
    efficiency,
    is_above_cap,
    violates_cap,
)


def equal_shares(count: int, *, each: float = 1.0, seconds: float = 60.0) -> ShareSum:
    return ShareSum(count, count * each, count * each**2, Seconds(seconds))


def test_the_hashrate_is_the_work_over_the_time() -> None:
    assert equal_shares(60).hash_hs == HASHES_PER_DIFFICULTY


@pytest.mark.parametrize(
    ("count", "error"), [(100, 0.10), (400, 0.05), (2500, 0.02), (10_000, 0.01)]
)
def test_equal_shares_err_by_one_over_the_root_of_their_number(
    count: int, error: float
) -> None:
    assert equal_shares(count, each=7.0).relative_error == pytest.approx(error)


def test_unequal_shares_err_more() -> None:
    unequal = ShareSum(2, 11.0, 101.0, Seconds(1.0))

    assert unequal.relative_error == pytest.approx(math.sqrt(101) / 11)


def test_no_shares_prove_nothing() -> None:
    none = equal_shares(0)

    assert (none.hash_hs, none.relative_error) == (0.0, math.inf)
    assert none.interval() == (0.0, 0.0)
    assert ShareSum(1, 1.0, 1.0, Seconds(0.0)).hash_hs == 0.0


def test_an_interval_is_so_many_deviations_wide_and_not_negative() -> None:
    low, high = equal_shares(100).interval(2.0)
    rate = equal_shares(100).hash_hs

    assert low == pytest.approx(0.8 * rate)
    assert high == pytest.approx(1.2 * rate)
    assert equal_shares(1).interval(4.0)[0] == 0.0


def test_sums_of_disjoint_windows_add_up() -> None:
    assert equal_shares(100) + equal_shares(50) == equal_shares(150, seconds=120.0)


def test_a_rate_above_the_cap_by_chance_is_no_violation() -> None:
    hundred = equal_shares(100)

    assert not is_above_cap(hundred, hundred.hash_hs / 1.3)
    assert is_above_cap(hundred, hundred.hash_hs / 2.0)


def test_a_thousandth_above_is_tolerated_whatever_the_certainty() -> None:
    sure = equal_shares(100_000_000)

    assert not is_above_cap(sure, sure.hash_hs / 1.005)
    assert is_above_cap(sure, sure.hash_hs / 1.02)


def test_a_violation_takes_two_windows_in_a_row() -> None:
    over, under = equal_shares(10_000), equal_shares(100)
    cap = over.hash_hs / 2.0

    assert violates_cap((under, over, over), cap)
    assert not violates_cap((over, under, over), cap)
    assert not violates_cap((over, over, under), cap)
    assert not violates_cap((over,), cap)


def seen(count: int, watts: float) -> tuple[bool, bool]:
    """Hidden load, hidden supply; the model says 1 J per hash of 60 a minute."""
    shares = equal_shares(count, each=1 / HASHES_PER_DIFFICULTY)
    model = HashesPerSecond(count / 60.0)
    got = efficiency(shares, Watts(watts * count / 60.0), Watts(count / 60.0), model)
    return got.is_hidden_load(), got.is_hidden_supply()


def test_the_expected_efficiency_raises_no_alarm() -> None:
    assert seen(10_000, 1.0) == (False, False)
    assert seen(10_000, 1.1) == (False, False)


def test_more_watts_than_the_work_explains_are_a_hidden_load() -> None:
    assert seen(10_000, 1.15) == (True, False)


def test_fewer_watts_than_the_work_needs_are_a_hidden_supply() -> None:
    assert seen(10_000, 0.85) == (False, True)


def test_too_few_shares_are_no_proof_either_way() -> None:
    assert seen(100, 1.35) == (False, False)
    assert seen(0, 1.35) == (False, False)


def test_an_interval_holds_nineteen_of_twenty_by_default() -> None:
    low, high = equal_shares(100, seconds=1.0).interval()
    rate = equal_shares(100, seconds=1.0).hash_hs

    assert (low / rate, high / rate) == pytest.approx((0.804, 1.196))
    assert ShareSum(9, 9.0, 9.0, Seconds(0.0)).interval() == (0.0, 0.0)


def test_a_cap_that_is_just_reached_is_not_exceeded() -> None:
    shares = equal_shares(100)

    assert not is_above_cap(shares, shares.hash_hs, delta=0.0, z=0.0)
    assert is_above_cap(shares, shares.hash_hs * 0.999, delta=0.0, z=0.0)


def test_what_is_tolerated_counts_for_a_violation_too() -> None:
    sure = equal_shares(100_000_000)
    cap = sure.hash_hs / 1.05

    assert violates_cap((sure, sure), cap)
    assert not violates_cap((sure, sure), cap, delta=0.10)


def test_as_many_deviations_as_asked_for_are_not_more() -> None:
    few, many = Efficiency(4.0, 1.0, 1.0), Efficiency(1.0, 4.0, 1.0)

    assert not few.is_hidden_load(share=0.0, z=1.5)
    assert few.is_hidden_load(share=0.0, z=1.49)
    assert not many.is_hidden_supply(share=0.0, z=1.5)
    assert many.is_hidden_supply(share=0.0, z=1.49)


def test_a_machine_below_one_joule_per_terahash_is_judged_alike() -> None:
    assert Efficiency(0.5, 0.25, 0.001).is_hidden_load()
    assert Efficiency(0.25, 0.5, 0.001).is_hidden_supply()


@pytest.mark.parametrize("observed", [0.0, math.inf])
def test_a_site_without_watts_or_without_shares_proves_nothing(
    observed: float,
) -> None:
    nothing = Efficiency(observed, 20.0, 0.01)

    assert (nothing.is_hidden_load(), nothing.is_hidden_supply()) == (False, False)


def test_a_model_without_hashes_expects_no_joules() -> None:
    none = HashesPerSecond(0.0)

    assert efficiency(equal_shares(9), Watts(9.0), Watts(9.0), none).expected == 0.0
