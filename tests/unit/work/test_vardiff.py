import random

import pytest

from protocol.units import Difficulty, Seconds
from protocol.work.hashrate import HashrateMeter, relative_error
from protocol.work.vardiff import Vardiff, VardiffPolicy, nearest_step

POLICY = VardiffPolicy(18.0, Difficulty(1e-9), Difficulty(1e15))
HOUR = 3600.0


def mine(
    vardiff: Vardiff, hashrate: float, start: float, end: float, rng: random.Random
) -> list[float]:
    """Return when the difficulty changed, for shares that come by chance."""
    changes: list[float] = []
    now, look = start, start + 10.0
    while now < end:
        share = now + rng.expovariate(hashrate / (2**32 * vardiff.difficulty))
        if min(share, look) > end:
            break
        now = min(share, look)
        if now == look:
            look += 10.0
        elif not vardiff.count(vardiff.difficulty):
            continue
        if vardiff.is_due(Seconds(now)) and vardiff.retarget(Seconds(now)):
            changes.append(now)
    return changes


def test_a_steady_miner_is_left_alone() -> None:
    busy_hours = 0
    for seed in range(60):
        rng = random.Random(seed)  # noqa: S311
        hashrate = 200e12 * 2 ** rng.uniform(-0.5, 0.5)
        vardiff = Vardiff(POLICY, Difficulty(65536), Seconds(0.0))
        mine(vardiff, hashrate, 0.0, HOUR, rng)
        changes = mine(vardiff, hashrate, HOUR, 5 * HOUR, rng)
        busy_hours += sum(
            sum(h * HOUR <= t < (h + 1) * HOUR for t in changes) > 1
            for h in range(1, 5)
        )

    assert busy_hours <= 2  # of 240: p99


@pytest.mark.parametrize("factor", [0.5, 1.5, 0.01, 100.0])
def test_a_change_of_hashrate_settles_within_three_retargets(factor: float) -> None:
    for seed in range(20):
        rng = random.Random(seed)  # noqa: S311
        vardiff = Vardiff(POLICY, Difficulty(65536), Seconds(0.0))
        mine(vardiff, 100e12, 0.0, HOUR, rng)
        changes = mine(vardiff, 100e12 * factor, HOUR, 1.5 * HOUR, rng)

        per_minute = 100e12 * factor * 60 / 2**32 / vardiff.difficulty
        assert len(changes) <= 3
        assert 18 / 3 < per_minute < 18 * 3


def test_a_silent_miner_is_made_easier() -> None:
    vardiff = Vardiff(POLICY, Difficulty(65536), Seconds(0.0))

    assert not vardiff.is_due(Seconds(239.0))
    assert vardiff.is_due(Seconds(240.0))
    easier = vardiff.retarget(Seconds(240.0))

    assert easier is not None
    assert easier < 65536 / 16


def test_without_a_pace_the_difficulty_is_fixed() -> None:
    policy = VardiffPolicy(0.0, Difficulty(1), Difficulty(1e9))
    vardiff = Vardiff(policy, Difficulty(64), Seconds(0.0))

    assert vardiff.retarget(Seconds(1000.0)) is None


def test_difficulties_stay_within_the_policy() -> None:
    policy = VardiffPolicy(18.0, Difficulty(1000), Difficulty(70000))
    vardiff = Vardiff(policy, Difficulty(65536), Seconds(0.0))

    assert vardiff.retarget(Seconds(240.0)) == Difficulty(1000)


@pytest.mark.parametrize(
    ("value", "step"), [(1.4, 1), (1.42, 2), (2.8, 2), (2.9, 4), (0.3, 0.25)]
)
def test_steps_are_powers_of_two(value: float, step: float) -> None:
    assert nearest_step(Difficulty(value)) == step


def test_a_hashrate_is_unbiased_from_the_first_minute() -> None:
    meter = HashrateMeter(Seconds(0.0))
    for second in range(1, 31):
        meter.add(1.0, Seconds(float(second)))

    rates = meter.rates(Seconds(30.0))

    assert rates.m1 == pytest.approx(2**32, rel=0.15)
    assert rates.h24 == pytest.approx(2**32, rel=0.15)


def test_a_hashrate_fades_when_shares_stop() -> None:
    meter = HashrateMeter(Seconds(0.0))
    for second in range(1, 3601):
        meter.add(1.0, Seconds(float(second)))

    later = meter.rates(Seconds(3660.0))

    # shares are placed to 5 s: up to 5 % of a minute too fresh
    assert later.m1 == pytest.approx(2**32 * 0.368, rel=0.05)
    assert later.h1 > later.m5 > later.m1
    assert HashrateMeter(Seconds(5.0)).rates(Seconds(5.0)).m1 == 0.0


def test_a_hundred_shares_tell_ten_percent() -> None:
    assert relative_error(100) == 0.1
    assert relative_error(0) == float("inf")


def vardiff(pace: float = 18.0) -> Vardiff:
    policy = VardiffPolicy(pace, Difficulty(2.0**-40), Difficulty(2.0**60))
    return Vardiff(policy, Difficulty(1024.0), Seconds(0.0))


def test_the_seventy_second_share_fills_the_window() -> None:
    judged = vardiff()
    full = [judged.count(Difficulty(1024.0)) for _ in range(72)]

    assert full == [False] * 71 + [True]
    assert judged.is_due(Seconds(1.0))


def test_without_that_many_shares_four_minutes_fill_it() -> None:
    judged = vardiff()

    assert not judged.is_due(Seconds(239.0))
    assert judged.is_due(Seconds(240.0))


def test_a_pace_of_less_than_one_a_minute_is_kept_too() -> None:
    judged = vardiff(pace=0.5)
    for _ in range(72):
        judged.count(Difficulty(1024.0))

    assert judged.retarget(Seconds(72.0)) == 1024.0 * 128  # 60 a minute: 120 times


def test_no_share_at_all_is_a_long_way_down_from_where_it_was() -> None:
    judged = vardiff()

    assert judged.retarget(Seconds(240.0)) == 8.0  # half a share in 72 that were due


def test_a_window_that_told_nothing_is_begun_anew_after_an_hour() -> None:
    judged = vardiff(pace=0.05)
    for _ in range(3):  # as many as were due
        judged.count(Difficulty(1024.0))
    assert judged.retarget(Seconds(3600.0)) is None

    assert judged.retarget(Seconds(7200.0)) is None  # none of the next: not enough
    for _ in range(71):
        assert not judged.count(Difficulty(1024.0))
