import math
from collections.abc import Callable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from protocol.openadr.caps import EMERGENCY_RANK, Cap
from protocol.openadr.timeline import Span, cut, line_of, lowest
from protocol.units import UnixTime, Watts
from tests.growth import TWICE, growth

moments = st.integers(0, 12).map(float)
ranks = st.sampled_from([EMERGENCY_RANK, 0.0, 1.0, 5.0, math.inf])


@st.composite
def caps(draw: st.DrawFn) -> Cap:
    end = draw(st.one_of(st.none(), moments))
    return Cap(
        UnixTime(draw(moments)),
        None if end is None else UnixTime(end),
        Watts(float(draw(st.integers(0, 5)))),
        draw(ranks),
        draw(st.sampled_from("ab")),
    )


def rules_at(found: list[Cap], at: float) -> float | None:
    """What rules at a moment, looked up one by one."""
    now = [c for c in found if c.start <= at and (c.end is None or at < c.end)]
    alerts = [c.watts for c in now if c.rank == EMERGENCY_RANK]
    ranked = [(c.rank, c.watts) for c in now if c.rank != EMERGENCY_RANK]
    tops = alerts + ([min(ranked)[1]] if ranked else [])
    return min(tops, default=None)


def said_at(line: tuple[Span, ...], at: float) -> float | None:
    found = [s.watts for s in line if s.start <= at and (s.end is None or at < s.end)]
    assert len(found) <= 1
    return found[0] if found else None


@given(st.lists(caps(), max_size=12))
def test_at_each_moment_the_best_priority_and_of_it_the_lowest_rules(
    found: list[Cap],
) -> None:
    line = line_of(found)

    for half in range(30):
        assert said_at(line, half / 2) == rules_at(found, half / 2)
    assert len(line) <= 2 * max(1, len(found))
    for one, following in pairwise(line):
        assert one.end is not None
        assert one.end <= following.start


@given(st.lists(caps(), max_size=8), st.lists(caps(), max_size=8))
def test_the_lower_of_two_lines_is_nowhere_above_either(
    first: list[Cap], second: list[Cap]
) -> None:
    one, other = line_of(first), line_of(second)

    both = lowest(one, other)

    for half in range(30):
        each = (said_at(line, half / 2) for line in (one, other))
        lower = min((watts for watts in each if watts is not None), default=None)
        assert said_at(both, half / 2) == lower
    assert lowest(both, one) == both


@given(st.lists(caps(), max_size=8), moments)
def test_a_cut_line_says_what_is_not_over(found: list[Cap], now: float) -> None:
    line = line_of(found)

    left = cut(line, UnixTime(now))

    for half in range(int(now * 2), 30):
        assert said_at(left, half / 2) == said_at(line, half / 2)
    assert all(s.end is None or s.end > now for s in left)


def test_many_limits_that_overlap_cost_no_square() -> None:
    def build(count: int) -> Callable[[], object]:
        found = [
            Cap(UnixTime(n), UnixTime(n + count), Watts(float(n % 97)), float(n % 5))
            for n in range(count)
        ]
        return lambda: line_of(found)

    assert growth(build, 150) < TWICE
