from collections.abc import Callable
from email.utils import formatdate

import pytest

from protocol.openadr.dates import DateJudge, Timeliness
from protocol.units import Seconds, UnixTime

NOW = 1_796_040_000.0
FRESH, FIRST, LATE = Timeliness.FRESH, Timeliness.FIRST, Timeliness.LATE


def never() -> bool:
    raise AssertionError("an answer with a date asks nobody")


def judged(
    judge: DateJudge,
    ahead: float,
    took: float = 0.5,
    now: float = NOW,
    may_raise: Callable[[], bool] = never,
) -> tuple[Timeliness, float | None]:
    date = formatdate(now + ahead, usegmt=True)
    found = judge.judge(date, UnixTime(now - took), UnixTime(now), may_raise)
    return found.timeliness, found.skew_s


@pytest.mark.parametrize(
    ("ahead", "found"),
    [
        (0, (FRESH, 0.0)),
        (-1, (FRESH, 0.0)),  # written in the second before
        (-3, (FRESH, -1.5)),
        (5, (FRESH, 5.0)),
        (60, (FRESH, 60.0)),
        (61, (LATE, 61.0)),
        (-61, (FRESH, -59.5)),
        (-63, (LATE, -61.5)),
        (-3600, (LATE, -3598.5)),
        (3600, (LATE, 3600.0)),
    ],
)
def test_an_answer_is_fresh_while_its_date_is_near_ours(
    ahead: float, found: tuple[Timeliness, float]
) -> None:
    assert judged(DateJudge(Seconds(60.0)), ahead) == found


def test_a_slow_answer_makes_no_clock_wrong() -> None:
    assert judged(DateJudge(Seconds(60.0)), -4, took=4.5) == (FRESH, 0.0)


def test_an_answer_that_is_older_than_one_before_is_late() -> None:
    judge = DateJudge(Seconds(60.0))

    assert judged(judge, 0)[0] is FRESH
    assert judged(judge, -5, now=NOW + 2)[0] is LATE
    assert judged(judge, -2, now=NOW + 2)[0] is FRESH


def test_an_answer_from_the_future_makes_no_later_one_late() -> None:
    judge = DateJudge(Seconds(60.0))

    assert judged(judge, 3600)[0] is LATE
    assert judged(judge, 0)[0] is FRESH


@pytest.mark.parametrize("date", [None, "", "yesterday", "Mon, 99 Foo 2026 10:00:00"])
def test_without_a_date_the_first_one_of_several_does_not_raise(
    date: str | None,
) -> None:
    judge = DateJudge(Seconds(60.0))
    answers = iter([False, True])

    def judged() -> Timeliness:
        at = UnixTime(NOW)
        return judge.judge(date, at, at, lambda: next(answers)).timeliness

    assert (judged(), judged()) == (FIRST, FRESH)
