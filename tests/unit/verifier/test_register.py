"""The meter's own counter is held against its readings of each second."""

from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path

import pytest
from attrs import evolve

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


def with_register(
    events: Iterable[Event],
    since: int,
    register: Callable[[int, dict[str, float]], object],
) -> list[Event]:
    """Return events with other states of the counter, from some minute on."""
    return [
        evolve(e, body={**e.body, "register": register(begin, e.body["register"])})
        if e.kind == "meter" and (begin := e.body["from"]) >= BEGIN + 60 * since
        else e
        for e in events
    ]


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


@pytest.mark.parametrize(
    ("register", "says"),
    [
        (lambda _begin, _own: None, "does not show its counter any more"),
        (lambda _begin, _own: {"wh": 8e6, "at": BEGIN + 1859}, "stands at 8000.0 kWh"),
        (lambda begin, _own: {"wh": 8e6, "at": begin + 59}, "stands at 8000.0 kWh"),
        (lambda begin, own: {**own, "at": begin - 5}, "outside of its minute"),
        (lambda begin, own: {**own, "at": begin + 60}, "outside of its minute"),
    ],
)
def test_a_counter_that_is_gone_or_stands_or_is_of_another_time_is_named_once(
    checked: Verify, register: Callable[..., object], says: str
) -> None:
    events = with_register(Story().events(3 * HOUR), 30, register)

    texts = faults(checked(events))

    assert sum(says in text for text in texts) == 1


def test_a_counter_that_was_always_of_another_time_is_named(checked: Verify) -> None:
    events = with_register(
        Story().events(HOUR), 0, lambda _begin, _own: {"wh": 1, "at": BEGIN - 5}
    )

    (fault,) = faults(checked(events))

    assert "outside of its minute" in fault


def test_a_counter_that_failed_for_an_hour_is_no_finding_and_hides_nothing(
    checked: Verify,
) -> None:
    def away(begin: int, own: dict[str, float]) -> object:
        return None if begin < BEGIN + 60 * 90 else own

    thief = Story(hidden_w=lambda at: 500_000.0 if 2400 < at < 4800 else 0.0)

    assert faults(checked(with_register(Story().events(120), 30, away))) == []
    texts = faults(checked(with_register(thief.events(120), 30, away)))
    assert any("its readings of that time" in text for text in texts)


def test_a_counter_may_stand_where_nothing_is_drawn(checked: Verify) -> None:
    budgets = {0: 3_000_000.0, 20: 100.0}
    resting = Story(budgets, falls=1.0, counter=lambda wh: wh // 1000 * 1000)
    stands_since: dict[float, float] = {}

    def first_seen(_: int, own: dict[str, float]) -> object:
        return {**own, "at": stands_since.setdefault(own["wh"], own["at"])}

    events = with_register(resting.events(4 * HOUR), 0, first_seen)

    assert faults(checked(events)) == []


def test_a_rough_counter_hides_no_more_than_its_steps_in_a_day(
    checked: Verify,
) -> None:
    story = Story(hidden_w=lambda _: 300_000.0, counter=lambda wh: wh // 1e6 * 1e6)

    assert any("its readings" in text for text in faults(checked(story.events(1440))))
