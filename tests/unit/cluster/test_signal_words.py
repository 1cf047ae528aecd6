"""What a signal's word makes of the orders of its source, and words that wait."""

from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from protocol.units import Seconds, UnixTime, Watts
from proxy.cluster.signal_table import laid
from proxy.cluster.site_words import MAX_WORDS, SiteWords, Word, may_be_given
from proxy.power.orders.order import Order

NOW = UnixTime(1000.0)


def order(
    watts: float, seq: int, begins: float = 0.0, ends: float | None = None
) -> Order:
    expires = None if ends is None else UnixTime(ends)
    at = UnixTime(begins)
    return Order("plant", Watts(watts), seq, "grid", at, UnixTime(0.0), expires)


def watts_and_seqs(orders: tuple[Order, ...]) -> list[tuple[float, int]]:
    return [(one.watts, one.seq) for one in orders]


def test_the_same_order_by_two_members_is_one() -> None:
    once = (order(5e6, 7),)
    later = evolve(once[0], received_at=UnixTime(3.0), not_before=UnixTime(3.0))

    assert laid(once, (later,), is_all=False, now=NOW) == once


def test_two_orders_of_one_number_both_stand_the_later_one_rules() -> None:
    found = laid((order(5e6, 7),), (order(4e6, 7),), is_all=False, now=NOW)

    assert watts_and_seqs(found) == [(5e6, 7), (4e6, 8)]


def test_a_line_that_means_the_same_changes_nothing() -> None:
    line = (order(5e6, 1, 0, 2000), order(4e6, 2, 2000, 3000))
    again = (order(5e6, 90, 900, 2000), order(4e6, 91, 2000, 3000))

    assert laid(line, again, is_all=True, now=NOW) == line


def test_another_line_replaces_all_and_is_numbered_above_it() -> None:
    line = (order(5e6, 100, 0, 2000), order(4e6, 101, 2000, 3000))
    other = (order(5e6, 1, 0, 2000), order(3e6, 2, 2000, 3000))

    assert watts_and_seqs(laid(line, other, is_all=True, now=NOW)) == [
        (5e6, 102),
        (3e6, 103),
    ]


def test_back_to_what_stood_before_is_a_new_order() -> None:
    standing = (order(5e6, 1), order(3e6, 2))

    assert watts_and_seqs(laid(standing, (order(5e6, 3),), is_all=False, now=NOW)) == [
        (5e6, 1),
        (3e6, 2),
        (5e6, 3),
    ]


def test_an_empty_line_takes_all_back() -> None:
    assert laid((order(5e6, 1),), (), is_all=True, now=NOW) == ()


lines = st.lists(
    st.tuples(st.integers(0, 5), st.integers(1, 9)).map(
        lambda one: order(one[0] * 1e6, one[1])
    ),
    max_size=6,
    unique_by=lambda one: one.seq,
)


@given(lines, lines, st.booleans())
def test_numbers_are_unique_and_a_word_laid_twice_changes_nothing(
    standing: list[Order],
    said: list[Order],
    is_all: bool,  # noqa: FBT001
) -> None:
    ordered = sorted(standing, key=lambda one: one.seq)
    said = sorted(said, key=lambda one: one.seq)
    once = laid(tuple(ordered), tuple(said), is_all=is_all, now=NOW)

    assert len({one.seq for one in once}) == len(once)
    if is_all:
        assert laid(once, tuple(said), is_all=True, now=NOW) == once
    if said:  # what was said last rules, as it was acknowledged
        newest = max(once, key=lambda one: one.seq)
        assert newest.watts == said[-1].watts or newest in ordered


def word(watts: float, at: float | None = 0.0) -> Word:
    return Word("grid", (order(watts, 1),), is_all=False, at=at)


def test_words_outlive_a_kill_and_are_old_then(tmp_path: Path) -> None:
    words = SiteWords(tmp_path / "orders.json")
    assert words.add(word(5e6)) == ""
    assert words.add(word(4e6)) == ""
    words.done(words.waiting[0])
    after = SiteWords(tmp_path / "orders.json")
    after.restore()

    assert after.waiting == (word(4e6, at=None),)


def test_a_damaged_file_is_no_word(tmp_path: Path) -> None:
    (tmp_path / "orders.json").write_text('[{"source": 5}]')
    words = SiteWords(tmp_path / "orders.json")
    words.restore()

    assert words.waiting == ()


def test_a_word_that_cannot_be_written_down_is_not_taken(tmp_path: Path) -> None:
    words = SiteWords(tmp_path / "nowhere" / "orders.json")

    assert "could not be written" in words.add(word(5e6))
    assert words.waiting == ()


def test_only_so_many_words_wait(tmp_path: Path) -> None:
    words = SiteWords(tmp_path / "orders.json")
    words._words = [word(5e6)] * MAX_WORDS

    assert "wait" in words.add(word(5e6))


@pytest.mark.parametrize(
    ("watts", "at", "is_given"),
    [
        (5e6, 95.0, True),
        (5e6, 80.0, False),  # it would raise, and is late
        (1e6, 80.0, True),
        (5e6, None, False),
        (1e6, None, True),
    ],
)
def test_a_word_that_is_late_may_only_lower(
    watts: float, at: float | None, *, is_given: bool
) -> None:
    rules = Watts(2e6)
    found = may_be_given(word(watts, at), Seconds(100.0), Seconds(10.0), rules)

    assert found is is_given
