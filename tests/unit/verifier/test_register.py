"""The meter's own counter is held against its readings of each second."""

from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path

import pytest

from proxy.power.journal.chain import Event
from proxy.verifier.report import Report
from tests.oversight_logs import report_of
from tests.oversight_story import BEGIN, Story

Verify = Callable[[Iterable[Event]], Report]

HOUR = 60
WRAPS = 2**32


@pytest.fixture
def checked(tmp_path: Path) -> Verify:
    numbers = count()
    return lambda events: report_of(tmp_path / str(next(numbers)), events)


def faults(report: Report) -> list[str]:
    return [f.text for f in report.findings if f.severity == "finding"]


@pytest.mark.parametrize("counts_by", [1, 1000, 64])
def test_a_counter_that_agrees_is_no_finding(checked: Verify, counts_by: int) -> None:
    story = Story(counter=lambda wh: wh // counts_by * counts_by)

    report = checked(story.events(2 * HOUR))

    assert faults(report) == []
    assert report.counted_kwh == pytest.approx(report.energy_kwh, rel=0.15)


def test_energy_that_the_readings_hide_is_found_by_the_counter(
    checked: Verify,
) -> None:
    story = Story(hidden_w=lambda at: 150_000.0 if 1800 <= at < 3600 else 0.0)

    (first, *_) = faults(checked(story.events(2 * HOUR)))

    assert "hall-a counted from" in first
    assert "its readings of that time come to" in first


def test_readings_that_are_made_up_where_nothing_was_drawn_are_found(
    checked: Verify,
) -> None:
    story = Story(hidden_w=lambda at: -300_000.0 if at >= 3600 else 0.0)

    assert any("its readings" in text for text in faults(checked(story.events(120))))


def test_what_is_drawn_while_nobody_reads_must_have_been_allowed(
    checked: Verify,
) -> None:
    silent = frozenset(range(1800, 2400))
    honest = Story(silent=silent)
    thief = Story(
        silent=silent, hidden_w=lambda at: 1_500_000.0 if at in silent else 0.0
    )

    assert faults(checked(honest.events(HOUR))) == []
    found, *_ = faults(checked(thief.events(HOUR)))
    assert "s in which it was not read" in found


def test_a_counter_that_was_set_back_is_found_and_one_that_ran_over_is_not(
    checked: Verify,
) -> None:
    over = Story(counter=lambda wh: (round(wh) + WRAPS - 9_500_000) % WRAPS)
    back = Story(counter=lambda wh: round(wh) % 9_500_000)

    assert faults(checked(over.events(2 * HOUR))) == []
    assert len(faults(checked(back.events(2 * HOUR)))) == 1


def test_a_site_whose_meter_counts_nothing_is_not_held_against_a_counter(
    checked: Verify,
) -> None:
    report = checked(Story(counter=None).events(HOUR))

    assert (faults(report), report.counted_kwh) == ([], 0.0)
    assert report.first_at == BEGIN
