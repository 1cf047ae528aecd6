"""How long a pool takes to answer: of late, and since the start."""

import pytest

from protocol.units import Seconds
from proxy.upstream.answer_times import BUCKETS, AnswerTimes


def filled(took: list[float], now: float = 0.0) -> AnswerTimes:
    times = AnswerTimes()
    for one in took:
        times.add(Seconds(one), Seconds(now))
    return times


def test_half_and_all_but_one_in_a_hundred_are_told_apart() -> None:
    times = filled([0.02] * 990 + [3.0] * 20)

    found = times.within((0.5, 0.99), Seconds(30.0))

    assert found is not None
    assert found[0] == pytest.approx(0.02, rel=0.1)
    assert found[1] == pytest.approx(3.0, rel=0.1)


def test_what_is_older_than_ten_minutes_counts_no_more() -> None:
    times = filled([0.5] * 10)

    assert times.within((0.5,), Seconds(599.0)) is not None
    assert times.within((0.5,), Seconds(661.0)) is None
    times.add(Seconds(0.1), Seconds(700.0))
    assert times.within((0.99,), Seconds(700.0)) == pytest.approx([0.1], rel=0.1)
    assert sum(times.histogram.counts) == 11


@pytest.mark.parametrize("took", [0.0, 1e-9, 0.001, 260.0, 1e9])
def test_any_time_has_its_place(took: float) -> None:
    times = filled([took])

    assert sum(times.histogram.counts) == 1
    assert times.within((0.5, 0.99), Seconds(0.0)) is not None


def test_buckets_hold_what_is_within_their_edge() -> None:
    times = filled([0.005, 0.0051, 5.0, 5.1])

    assert times.histogram.counts == [1, 1, *[0] * 7, 1, 1]
    assert len(BUCKETS) == 10
    assert times.histogram.total == pytest.approx(10.1101)
    assert times.take_slowest() == 5.1
    assert times.take_slowest() is None
