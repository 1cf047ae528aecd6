import math

import pytest

from protocol.units import Difficulty, Seconds
from protocol.work.hashrate import (
    HASHES_PER_DIFFICULTY,
    HashrateMeter,
    relative_error,
)


def fed(seconds: int, each: float, start: float = 1000.0) -> HashrateMeter:
    """Return a meter that was given one share of `each` in every second."""
    meter = HashrateMeter(Seconds(start))
    for second in range(1, seconds + 1):
        meter.add(Difficulty(each), Seconds(start + second))
    return meter


@pytest.mark.parametrize("seconds", [10, 60, 600, 7200])
def test_a_steady_rate_is_read_the_same_in_every_window(seconds: int) -> None:
    rates = fed(seconds, each=3.0).rates(Seconds(1000.0 + seconds))

    for rate in (rates.m1, rates.m5, rates.h1, rates.h24):
        assert rate == pytest.approx(3.0 * HASHES_PER_DIFFICULTY, rel=0.06)


def test_silence_is_seen_first_in_the_shortest_window() -> None:
    meter = fed(7200, each=1.0)
    rates = meter.rates(Seconds(1000.0 + 7200 + 120))

    assert rates.m1 / HASHES_PER_DIFFICULTY == pytest.approx(math.exp(-2), rel=0.1)
    assert rates.m5 / HASHES_PER_DIFFICULTY == pytest.approx(math.exp(-0.4), rel=0.05)
    assert rates.h1 > 0.95 * HASHES_PER_DIFFICULTY


def test_shares_that_are_not_yet_folded_count() -> None:
    meter = fed(600, each=1.0)
    before = meter.rates(Seconds(1600.0)).m1
    meter.add(Difficulty(60.0), Seconds(1600.0))

    more = meter.rates(Seconds(1600.0)).m1 - before
    assert more == pytest.approx(HASHES_PER_DIFFICULTY, rel=0.02)


def test_at_its_start_a_meter_reads_nothing() -> None:
    meter = HashrateMeter(Seconds(5.0))

    assert meter.rates(Seconds(5.0)).m1 == 0.0


def test_half_a_second_after_the_start_a_share_is_read() -> None:
    meter = HashrateMeter(Seconds(5.0))
    meter.add(Difficulty(1.0), Seconds(5.5))

    assert meter.rates(Seconds(5.5)).m1 > 0.0


@pytest.mark.parametrize(("shares", "error"), [(0, math.inf), (1, 1.0), (400, 0.05)])
def test_the_error_of_a_rate_falls_with_the_root_of_its_shares(
    shares: int, error: float
) -> None:
    assert relative_error(shares) == error
