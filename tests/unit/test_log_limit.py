"""How often a kind of line is written, and what is said of the rest."""

import math

from hypothesis import given
from hypothesis import strategies as st

from proxy.runtime.log_limit import LINES_A_WINDOW, MAX_KINDS, WINDOW_S, Kind, KindLimit

DROPS: Kind = ("proxy.downstream", "hall-a: dropping {peer}")
BLOCKS: Kind = ("proxy.node", "submitting block {hash}")


def flood(limit: KindLimit, kind: Kind, lines: int, now: float) -> int:
    return sum(limit.admits(kind, now) for _ in range(lines))


def test_a_flood_of_one_kind_is_cut_and_counted() -> None:
    limit = KindLimit()

    assert flood(limit, DROPS, 5000, 0.0) == LINES_A_WINDOW
    assert limit.left_out(WINDOW_S) == {DROPS: 5000 - LINES_A_WINDOW}


def test_other_kinds_are_written_meanwhile() -> None:
    limit = KindLimit()
    flood(limit, DROPS, 5000, 0.0)

    assert limit.admits(BLOCKS, 1.0)


def test_nothing_is_told_before_the_minute_is_over_or_twice() -> None:
    limit = KindLimit()
    flood(limit, DROPS, 500, 0.0)

    assert limit.left_out(WINDOW_S - 1) == {}
    assert limit.left_out(WINDOW_S) == {DROPS: 400}
    assert limit.left_out(math.inf) == {}


def test_a_new_minute_lets_lines_through_again() -> None:
    limit = KindLimit()
    flood(limit, DROPS, 500, 0.0)

    assert flood(limit, DROPS, 500, WINDOW_S) == LINES_A_WINDOW
    assert limit.left_out(WINDOW_S) == {DROPS: 400}


def test_a_clock_that_is_set_back_silences_nobody() -> None:
    limit = KindLimit()
    flood(limit, DROPS, 500, 1e9)

    assert limit.admits(DROPS, 5.0)


def test_many_kinds_share_one_count() -> None:
    limit = KindLimit()
    written = sum(limit.admits(("m", str(n)), 0.0) for n in range(3 * MAX_KINDS))

    assert written == MAX_KINDS - 1 + LINES_A_WINDOW or written == (
        MAX_KINDS + LINES_A_WINDOW
    )
    assert sum(limit.left_out(math.inf).values()) == 3 * MAX_KINDS - written


@given(
    st.lists(
        st.tuples(st.sampled_from([DROPS, BLOCKS]), st.floats(0, 300)), max_size=300
    )
)
def test_each_line_is_written_or_counted_once(lines: list[tuple[Kind, float]]) -> None:
    limit = KindLimit()
    written = sum(limit.admits(kind, now) for kind, now in lines)

    assert written + sum(limit.left_out(math.inf).values()) == len(lines)
