from hypothesis import given
from hypothesis import strategies as st

from protocol.units import Seconds
from proxy.jobs.pace import BURST, POST_SPACING, URGENT_BURST, PostPace

START = Seconds(1000.0)


def test_a_few_go_out_at_once_and_then_one_a_second() -> None:
    pace = PostPace()

    at_once = [pace.lets(START, BURST) for _ in range(100)]
    flood = [pace.lets(Seconds(START + n / 100), BURST) for n in range(1000)]

    assert sum(at_once) == BURST
    assert sum(flood) == 9


def test_quiet_time_gives_the_burst_back() -> None:
    pace = PostPace()
    for _ in range(BURST):
        pace.lets(START, BURST)

    later = Seconds(START + BURST * POST_SPACING)

    assert [pace.lets(later, BURST) for _ in range(BURST)] == [True] * BURST


def test_what_is_urgent_goes_out_in_a_flood_of_what_is_not() -> None:
    pace = PostPace()
    for n in range(1000):
        pace.lets(Seconds(START + n / 100), BURST)

    assert pace.lets(Seconds(START + 10), URGENT_BURST)


@given(gaps=st.lists(st.floats(0, 3), max_size=200), burst=st.integers(1, 16))
def test_no_second_has_more_than_a_burst_and_one(gaps: list[float], burst: int) -> None:
    pace = PostPace()
    now, sent = START, []
    for gap in gaps:
        now = Seconds(now + gap)
        if pace.lets(now, burst):
            sent.append(now)

    for first in sent:
        assert sum(first <= at < first + POST_SPACING for at in sent) <= burst + 1
