from protocol.units import Seconds
from proxy.runtime.pace import TokenBucket


def taken(pace: TokenBucket, number: int, at: float) -> int:
    return sum(pace.take(Seconds(at)) for _ in range(number))


def test_a_burst_goes_through_and_then_so_many_a_second() -> None:
    pace = TokenBucket(5, 2.0)

    assert taken(pace, 100, at=1000.0) == 5
    assert taken(pace, 100, at=1000.4) == 0
    assert taken(pace, 100, at=1000.5) == 1
    assert taken(pace, 100, at=1001.5) == 2
    assert taken(pace, 100, at=5000.0) == 5


def test_what_was_left_out_is_told_once() -> None:
    pace = TokenBucket(1, 1.0)
    taken(pace, 4, at=0.0)

    assert pace.told() == 3
    assert pace.told() == 0


def test_a_clock_that_is_set_back_gives_nothing() -> None:
    pace = TokenBucket(1, 1.0)
    taken(pace, 1, at=100.0)

    assert taken(pace, 1, at=50.0) == 0
    assert taken(pace, 1, at=51.0) == 1
