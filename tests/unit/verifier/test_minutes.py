"""A minute that should be in the log and is not there is found, also at its ends."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import pytest
from attrs import evolve

from proxy.power.journal.chain import Event
from proxy.verifier.report import Report
from tests.oversight_logs import report_of
from tests.oversight_story import BEGIN, SITE, Story, joules

MINUTES = 30


def software(at: float, *sites: str) -> Event:
    body = {"version": "1", "config": "", "fleets": dict.fromkeys(sites)}
    return Event(at, "", "software", "release 1", body)


def story(*left_out: int, kinds: tuple[str, ...] = ("meter", "shares")) -> list[Event]:
    """Return half an hour, without some minutes."""
    found = [software(BEGIN, SITE), *Story().events(MINUTES)]
    return [
        event
        for event in found
        if event.kind not in kinds or (event.body["from"] - BEGIN) // 60 not in left_out
    ]


def faults(report: Report) -> list[str]:
    return [f.text for f in report.findings if f.severity == "finding"]


@pytest.fixture
def checked(tmp_path: Path) -> "partial[Report]":
    return partial(report_of, tmp_path)


@pytest.mark.parametrize(
    ("left_out", "missing"),
    [((), 0), ((0, 1, 2), 2), ((7,), 1), (range(MINUTES), MINUTES - 1)],
)
def test_what_is_left_out_at_the_beginning_within_or_altogether_is_found(
    checked: "partial[Report]", left_out: Iterable[int], missing: int
) -> None:
    end = Event(BEGIN + 60 * MINUTES + 15, SITE, "action", "the log goes on", {})

    report = checked([*story(*left_out), end])

    assert report.missing_minutes == missing
    assert any("are not in the log" in text for text in faults(report)) is bool(missing)


@pytest.mark.parametrize(("goes_on_s", "missing"), [(60, 0), (75, 1), (600, 9)])
def test_what_is_left_out_at_the_end_is_found_once_the_log_goes_on(
    checked: "partial[Report]", goes_on_s: int, missing: int
) -> None:
    at = BEGIN + 60 * MINUTES + goes_on_s
    end = Event(at, SITE, "action", "the log goes on", {})

    assert checked([*story(), end]).missing_minutes == missing


def test_a_site_owes_minutes_while_its_controller_has_it(
    checked: "partial[Report]",
) -> None:
    at = BEGIN + 60 * MINUTES + 5
    gone, later = software(at), Event(at + 6000, "b", "action", "another site", {})

    assert faults(checked([*story(), gone, later])) == []


def test_a_stop_is_a_note_and_what_is_missing_after_the_start_is_not(
    checked: "partial[Report]",
) -> None:
    again = BEGIN + 60 * 20
    events = story(*range(10, 25))
    at = next(n for n, e in enumerate(events) if e.at > again)
    started = [Event(again, SITE, "start", "", {}), software(again, SITE)]

    report = checked([*events[:at], *started, *events[at:]])

    assert faults(report) == ["4 minutes of hall-a are not in the log"]
    assert report.missing_minutes == 4 + 11


def test_watts_without_shares_are_found(checked: "partial[Report]") -> None:
    report = checked(story(3, 4, kinds=("shares",)))

    assert faults(report) == ["2 minutes of hall-a have watts and no shares"]


def test_energy_without_any_hash_is_found(checked: "partial[Report]") -> None:
    events = [
        Event(e.at, e.site, e.kind, e.cause, {**e.body, "site": {}})
        if e.kind == "shares"
        else e
        for e in story()
    ]

    (fault,) = faults(checked(events))

    assert "and proved no hash" in fault


@pytest.mark.parametrize("back_s", [60, 30, 600])
def test_a_minute_that_comes_twice_or_goes_back_is_found_and_not_summed(
    checked: "partial[Report]", back_s: int
) -> None:
    events = story()
    at = next(n for n, e in enumerate(events) if e.at > BEGIN + 60 * 20)
    again = evolve(events[at - 2], kind="meter")
    body = {**again.body, "from": BEGIN + 60 * 20 - back_s, "register": None}

    report = checked([*events[:at], evolve(again, body=body), *events[at:]])

    (fault,) = faults(report)
    assert "comes twice or goes back" in fault
    assert (report.metered_s, report.missing_minutes) == (60 * MINUTES, 0)
    assert report.energy_kwh == pytest.approx(joules(events) / 3.6e6)


def test_a_start_that_says_nothing_of_its_sites_makes_no_minute_missing_twice(
    checked: "partial[Report]",
) -> None:
    events = story(*range(10, 25))
    at = next(n for n, e in enumerate(events) if e.at > BEGIN + 60 * 20)

    report = checked(
        [*events[:at], Event(BEGIN + 60 * 20, SITE, "start", "", {}), *events[at:]]
    )

    assert [f.text for f in report.findings] == [
        "15 minutes of hall-a are not in the log"
    ]
    assert report.missing_minutes == 15


def with_restart(first_until: int, second_from: int) -> list[Event]:
    """Return half an hour, with the tenth minute in two parts, a start between them."""
    begin = BEGIN + 60 * 10
    found: list[Event] = []
    for event in story():
        if event.kind not in {"meter", "shares"} or event.body["from"] != begin:
            found.append(event)
            continue
        if event.kind == "shares":
            continue  # each part's own are below
        w, at = event.body["w"], begin + first_until
        before = {**event.body, "w": [*w[:first_until], *[None] * (60 - first_until)]}
        after = {**event.body, "w": [*[None] * second_from, *w[second_from:]]}
        shares = {"from": begin, "site": {"n": 9, "d": 4e5, "d2": 2e10}, "_sd": []}
        found += [
            evolve(event, at=at, body={**before, "register": None}),
            Event(at, SITE, "shares", "a minute", shares),
            Event(at + 1, SITE, "start", "", {}),
            software(at + 1, SITE),
            evolve(event, body=after),
            Event(event.at, SITE, "shares", "a minute", shares),
        ]
    return found


@pytest.mark.parametrize("second_from", [19, 20, 27])  # a reload, a fast one, a restart
def test_the_minute_of_a_restart_is_in_two_parts_that_are_both_summed(
    checked: "partial[Report]", second_from: int
) -> None:
    events = with_restart(20, second_from)

    report = checked(events)

    assert faults(report) == []
    assert report.metered_s == 60 * MINUTES + 20 - second_from
    assert report.missing_minutes == 0
    assert report.energy_kwh == pytest.approx(joules(events) / 3.6e6)


def test_a_restart_lets_no_second_be_read_twice(checked: "partial[Report]") -> None:
    report = checked(with_restart(27, 25))

    assert any("comes twice or goes back" in text for text in faults(report))
    assert report.metered_s == 60 * (MINUTES - 1) + 27
