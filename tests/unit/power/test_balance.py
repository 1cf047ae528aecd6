"""Joules against hashes: bounds by the model, windows, verdicts."""

import numpy as np
import pytest
from attrs import evolve

from protocol.units import HashesPerSecond, Seconds, Watts
from protocol.work.hashrate import HASHES_PER_DIFFICULTY
from proxy.power.evidence.efficiency import LOOKS, Balances, Expected, expected_of
from proxy.power.machines.fleet import UNMANAGED, Fleet, fleet_of
from proxy.power.machines.share_proof import ShareSum

NOW = Seconds(1000.0)
POINTS = [(HashesPerSecond(0.0), Watts(100.0)), (HashesPerSecond(1e14), Watts(3000.0))]
WINDOW = Seconds(30.0)
EXPECTED = Expected(
    Watts(12_000.0),
    Watts(12_000.0),
    HashesPerSecond(4e14),
    HashesPerSecond(4e14),
    is_telling=True,
)


def a_fleet(count: int = 4, *, running: bool = True) -> Fleet:
    return fleet_of(
        [POINTS] * count, t_down=[15.0] * count, t_up=[60.0] * count, running=running
    )


def bounds(fleet: Fleet, reference: float = 1.0, idle: int = 0) -> tuple[float, ...]:
    """Return W and hashes/s, least and most; the first `idle` machines have no jobs."""
    at_work = np.arange(len(fleet)) >= idle
    seen = expected_of(fleet, at_work, reference, NOW)
    return seen.least_w, seen.most_w, seen.least_hs, seen.most_hs


def test_a_steady_fleet_is_known() -> None:
    assert bounds(a_fleet()) == (12_000.0, 12_000.0, 4e14, 4e14)
    assert bounds(a_fleet(running=False)) == (400.0, 400.0, 0.0, 0.0)


@pytest.mark.parametrize("level", [0, 1])
def test_between_two_levels_all_that_lies_between_is_possible(level: int) -> None:
    fleet = a_fleet(running=level == 0)

    moving = fleet.commanded(np.full(4, level), Seconds(NOW - 5))

    assert bounds(moving) == (400.0, 12_000.0, 0.0, 4e14)


def test_of_a_machine_without_jobs_or_obedience_all_is_possible() -> None:
    fleet = a_fleet()
    deaf = evolve(fleet, responsive=np.array([False, True, True, True]))

    assert bounds(fleet, idle=1) == (9_100.0, 12_000.0, 3e14, 4e14)
    assert bounds(deaf) == (9_100.0, 12_000.0, 3e14, 4e14)


@pytest.mark.parametrize(
    ("reference", "least", "most"), [(1.1, 1.0, 1.1), (0.9, 0.9, 1.0)]
)
def test_the_nameplate_and_what_was_learned_are_both_allowed(
    reference: float, least: float, most: float
) -> None:
    low, high, _, _ = bounds(a_fleet(), reference)

    assert (low, high) == pytest.approx((12_000.0 * least, 12_000.0 * most))


def is_telling(fleet: Fleet) -> bool:
    at_work = np.ones(len(fleet), dtype=np.bool_)
    return expected_of(fleet, at_work, 1.0, NOW).is_telling


def test_a_site_that_sleeps_or_has_many_strangers_tells_nothing() -> None:
    fleet = a_fleet(10)
    one_on = fleet.commanded(np.array([1] + [0] * 9), Seconds(0.0))
    strange = evolve(fleet, priority=np.array([UNMANAGED] + [0] * 9))

    assert is_telling(fleet)
    assert not is_telling(one_on)
    assert not is_telling(strange)
    assert not is_telling(a_fleet(0))


def shares(count: int) -> ShareSum:
    each = 1e14 * 4 * 30 / 1000 / HASHES_PER_DIFFICULTY  # 1,000 a window by the model
    return ShareSum(count, count * each, count * each**2, WINDOW)


def lived(windows: int, watts: float, count: int, *, telling: bool = True) -> Balances:
    balances = Balances()
    for _ in range(windows):
        live(balances, watts, count, telling=telling)
    return balances


def live(balances: Balances, watts: float, count: int, *, telling: bool = True) -> None:
    seen = evolve(EXPECTED, is_telling=telling)
    balances.sample(Watts(watts), seen, WINDOW)
    balances.close(shares(count))


def test_more_windows_are_looked_at_together_as_they_come() -> None:
    assert [len(lived(n, 12_000.0, 1000).looks) for n in (0, 1, 4, 16, 40)] == [
        0, 1, 2, 3, 3,
    ]  # fmt: skip
    sums = [b.shares.seconds for b in lived(40, 12_000.0, 1000).looks]
    assert sums == [n * WINDOW for n in LOOKS]


def test_a_window_that_tells_nothing_begins_anew() -> None:
    balances = lived(8, 12_000.0, 1000)
    live(balances, 12_000.0, 1000, telling=False)
    assert balances.looks == []
    balances.sample(None, EXPECTED, WINDOW)
    balances.close(shares(1000))
    assert balances.looks == []

    live(balances, 12_000.0, 1000)

    assert len(balances.looks) == 1


def test_j_per_th_is_seen_against_both_bounds() -> None:
    (look,) = lived(1, 15_000.0, 1000).looks

    assert look.at_most.observed == pytest.approx(15_000.0 / 400.0)
    assert look.at_most.expected == pytest.approx(12_000.0 / 400.0)
    assert look.at_least.expected == pytest.approx(12_000.0 / 400.0)


@pytest.mark.parametrize(
    ("watts", "count", "looks"),
    [
        (12_000.0, 1000, [False, False, False]),
        (13_000.0, 1000, [False, False, False]),  # 8 %
        (13_800.0, 1000, [False, False, True]),  # 15 %: it takes shares
        (16_000.0, 1000, [True, True, True]),  # 33 %
        (12_000.0, 700, [True, True, True]),  # boards are dead
    ],
)
def test_small_faults_take_more_windows_than_large_ones(
    watts: float, count: int, looks: list[bool]
) -> None:
    found = [b.at_most.is_hidden_load() for b in lived(16, watts, count).looks]

    assert found == looks


def test_power_beside_the_meter_shows_too() -> None:
    found = [b.at_least.is_hidden_supply() for b in lived(16, 9_600.0, 1000).looks]

    assert found == [False, True, True]
    assert not any(b.at_most.is_hidden_load() for b in lived(16, 9_600.0, 1000).looks)


def one_of(*levels: float, at: int, before: float, since: float) -> tuple[float, ...]:
    """Bounds of W for a machine of these levels, commanded `since` seconds ago."""
    points = [(HashesPerSecond(w), Watts(w)) for w in levels]
    fleet = evolve(
        fleet_of([points], t_down=[15.0], t_up=[60.0]),
        level=np.array([at]),
        from_w=np.array([before]),
        changed_at=np.array([NOW - since]),
    )
    return bounds(fleet)[:2]


def test_a_slower_level_bounds_what_a_machine_draws_on_its_way() -> None:
    watts = 100.0, 500.0, 700.0, 1000.0

    assert one_of(*watts, at=1, before=700.0, since=14.0) == (500.0, 700.0)
    assert one_of(*watts, at=1, before=700.0, since=15.0) == (500.0, 500.0)
    assert one_of(*watts, at=2, before=500.0, since=59.0) == (500.0, 700.0)
    assert one_of(*watts, at=2, before=500.0, since=60.0) == (700.0, 700.0)


def test_a_fifth_at_work_tells_and_a_fiftieth_of_strangers_does_not_hide_it() -> None:
    kinds = [
        [(HashesPerSecond(0.0), Watts(0.0)), (HashesPerSecond(1.0), Watts(w))]
        for w in (980.0, 20.0, 4000.0)
    ]
    fleet = evolve(
        fleet_of(kinds, t_down=[15.0] * 3, t_up=[60.0] * 3),
        level=np.array([1, 1, 0]),
        priority=np.array([0, UNMANAGED, 0]),
    )
    more = evolve(fleet, level_w=fleet.level_w + np.array([[0, 0], [0, 1], [0, 0]]))
    less = evolve(fleet, level_w=fleet.level_w + np.array([[0, 0], [0, 0], [0, 1]]))

    assert is_telling(fleet)
    assert not is_telling(more), "1 W more of strangers"
    assert not is_telling(less), "1 W more asleep"


def test_the_samples_of_a_window_add_up() -> None:
    balances = Balances()
    balances.sample(Watts(10.0), EXPECTED, Seconds(1.0))
    balances.sample(Watts(20.0), EXPECTED, Seconds(2.0))
    balances.close(ShareSum(0, 0.0, 0.0, Seconds(3.0)))

    (look,) = balances.looks
    assert look.it_j == 50.0
    assert (look.least_j, look.most_j) == (36_000.0, 36_000.0)
    assert (look.least_hashes, look.most_hashes) == (12e14, 12e14)
