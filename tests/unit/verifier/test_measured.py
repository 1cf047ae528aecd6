"""What was drawn, allowed, commanded and hashed is computed anew from the log."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from attrs import evolve

from protocol.tlog.checkpoint import Checkpoint
from protocol.tlog.note import Note
from protocol.tlog.tile import tile_at
from protocol.tlog.tree import leaf_hash
from proxy.power.journal.chain import Event
from proxy.verifier.report import Report
from proxy.verifier.signatures import Trusted
from proxy.verifier.verify import UnusableError, Wanted, verify
from tests.oversight_logs import AT, SIGNER, report_of
from tests.oversight_story import BEGIN, SITE, Story, joules

Verify = Callable[..., Report]


@pytest.fixture
def checked(tmp_path: Path) -> Verify:
    return partial(report_of, tmp_path)


def faults(report: Report) -> list[str]:
    return [f.text for f in report.findings if f.severity == "finding"]


LOWERED = {0: 3_000_000.0, 20: 2_000_000.0, 40: 2_700_000.0, 100: 800_000.0}


def test_an_honest_site_has_no_findings_and_its_figures_add_up(
    checked: Verify,
) -> None:
    events = list(Story(LOWERED).events(130))

    report = checked(events)

    assert report.findings == []
    assert report.energy_kwh == pytest.approx(joules(events) / 3.6e6)
    assert report.utilisation == pytest.approx(0.985, abs=0.02)
    assert report.exceed_kwh > 0
    assert report.exceed_kwh_outside_response == 0.0
    assert report.j_per_th == pytest.approx(20.0, rel=0.01)
    assert [(r.at - BEGIN, r.to_w) for r in report.responses] == [
        (20 * 60 + 7, 2_000_000.0),
        (100 * 60 + 7, 800_000.0),
    ]
    for one in report.responses:
        assert one.response_s is not None
        assert 10 <= one.response_s <= 25
    assert report.metered_s == 130 * 60
    assert (report.missed_s, report.missing_minutes) == (0, 0)


def test_a_hidden_load_of_seconds_is_found_with_its_energy(checked: Verify) -> None:
    def extra(second: int) -> float:
        return 750_000.0 if 3000 <= second < 3015 else 0.0

    report = checked(Story(extra_w=extra).events(60))

    (text,) = faults(report)
    assert "15 s that no order explains" in text
    # Its own margin under the budget is 1.5 %.
    assert report.exceed_kwh_outside_response == pytest.approx(2.94, abs=0.05)
    assert report.findings[0].at == BEGIN + 3000


def test_a_site_that_answers_late_is_found(checked: Verify) -> None:
    report = checked(Story(LOWERED, falls=0.03).events(130))

    texts = faults(report)
    assert any("took" in text and "2000000 W" in text for text in texts)
    assert any("that no order explains" in text for text in texts)
    assert checked_late(report) > 30


def checked_late(report: Report) -> float:
    return max(r.response_s or 0.0 for r in report.responses)


def test_a_site_that_never_answers_is_found(checked: Verify) -> None:
    story = Story({0: 3_000_000.0, 20: 2_000_000.0}, falls=0.0)

    assert any(
        "never seen under 2000000 W" in t for t in faults(checked(story.events(60)))
    )


def test_a_missing_minute_is_found_and_a_silent_second_is_counted(
    checked: Verify,
) -> None:
    story = Story(missing=frozenset({13, 14}), silent=frozenset(range(100, 110)))

    report = checked(story.events(30))

    assert faults(report) == ["2 minutes of hall-a are not in the log"]
    assert (report.missed_s, report.missing_minutes) == (10, 2)


def test_minutes_before_a_start_are_a_note(checked: Verify) -> None:
    events = list(Story(missing=frozenset({13, 14})).events(30))
    place = next(n for n, e in enumerate(events) if e.at > BEGIN + 15 * 60)
    events.insert(place, Event(BEGIN + 15 * 60, SITE, "start", "again", {}))

    report = checked(events)

    assert report.is_clean
    assert "2 minutes of hall-a" in report.findings[0].text


def test_a_site_without_a_meter_is_told_from_a_silent_one(checked: Verify) -> None:
    body = {"w": [], "source": "none"}
    events = [
        Event(BEGIN + 60 * n, SITE, "meter", "", {"from": BEGIN + 60 * n, **body})
        for n in range(5)
    ]

    report = checked(events)

    assert report.is_clean
    assert report.unmetered_minutes == 5
    assert report.metered_s == 0


def test_energy_that_hashes_do_not_account_for_is_found(checked: Verify) -> None:
    report = checked(Story(stolen=frozenset({3})).events(8 * 60))

    (text,) = faults(report)
    assert "its hashes do not account for it" in text
    assert "33" in text


def test_another_meter_is_held_against_the_sites(
    checked: Verify, tmp_path: Path
) -> None:
    events = list(Story().events(60))
    quarter = joules([e for e in events if e.kind == "meter"][:15]) / 3600
    path = tmp_path / "other.csv"
    path.write_text(
        f"from,wh\n{BEGIN},{quarter * 1.002}\n{BEGIN + 900},{quarter * 1.02}\n"
    )

    report = checked(events, meter=path)

    (text,) = faults(report)
    assert "-1." in text
    assert "of the other one" in text
    assert report.meter_disagreement == pytest.approx(0.0196, abs=0.004)


@pytest.mark.parametrize("text", ["1,2\nx,y\n", "1\n2\n"])
def test_what_is_no_meter_is_refused(
    checked: Verify, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "other.csv"
    path.write_text(text)

    with pytest.raises(UnusableError, match="line"):
        checked([], meter=path)


def command(number: int) -> list[object]:
    return [number, f"m{number}", 0, 0.0]


def test_commands_without_an_outcome_are_noted(checked: Verify) -> None:
    events = [
        Event(AT, SITE, "start", "", {}),
        Event(AT, SITE, "commands", "", {"rows": [command(n) for n in range(1, 51)]}),
        Event(AT, SITE, "command", "", {"number": 51}),
        Event(
            AT + 1,
            SITE,
            "outcomes",
            "",
            {"of": "settled", "rows": [[*command(n), "ok"] for n in range(1, 41)]},
        ),
        Event(AT + 2, SITE, "settled", "", {"number": 51}),
    ]

    report = checked(events)

    assert report.is_clean
    assert (report.commands, report.commands_unanswered) == (51, 10)
    assert "10 of 51 commands" in report.findings[0].text


@pytest.mark.parametrize("kind", ["meter", "shares", "budget", "commands", "document"])
def test_a_row_that_cannot_be_read_is_a_finding(checked: Verify, kind: str) -> None:
    bodies = {"document": {"signatures": 1}, "commands": {"rows": 1}}
    report = checked([Event(AT, SITE, kind, "", bodies.get(kind, {"from": "x"}))])

    assert "cannot be read" in faults(report)[0]


@pytest.mark.parametrize("at", [1e12, 1e300, -1.0])
def test_a_row_of_no_time_is_a_finding(checked: Verify, at: float) -> None:
    report = checked([Event(AT, SITE, "start", "", {}), Event(at, SITE, "x", "", {})])

    assert "no row of an event log" in faults(report)[0]
    assert report.last_at == AT


@pytest.mark.parametrize("body", [{"from": 10**12, "w": [1.0]}, {"from": -1, "w": []}])
def test_a_minute_of_no_time_is_a_finding(
    checked: Verify, body: dict[str, object]
) -> None:
    assert "cannot be read" in faults(checked([Event(AT, SITE, "meter", "", body)]))[0]


@pytest.mark.parametrize(
    "row",
    [
        b'[1,2.0,"a","meter","",' + b"[" * 20_000,
        b'[1,2.0,"a","meter",""]\n{"x":' + b"[" * 20_000,
        b'[1,2.0,"a","meter",""]\n{"from":60,"w":[1' + b"0" * 400 + b"]}",
    ],
)
def test_a_row_that_no_parser_ends_well_with_is_a_finding(
    tmp_path: Path, row: bytes
) -> None:
    path = tmp_path / tile_at(0, 0, 1).bundle_path
    path.parent.mkdir(parents=True)
    path.write_bytes(len(row).to_bytes(2, "big") + row)
    text = Checkpoint(SIGNER.key.name, 1, leaf_hash(row)).text
    note = Note(text, (SIGNER.line(text, 0),))
    (tmp_path / "checkpoint").write_bytes(note.raw)

    report = verify(Wanted(tmp_path, Trusted((SIGNER.key,)))).report

    assert any("row" in text for text in faults(report))


def software(**fleets: tuple[float, float]) -> Event:
    body = {"version": "1", "config": "00", "fleets": fleets}
    return Event(BEGIN, "", "software", "release 1", body)


@pytest.mark.parametrize("is_told_by_site", [True, False])
def test_hashes_that_go_elsewhere_from_the_start_do_not_fit_the_machines(
    checked: Verify,
    is_told_by_site: bool,  # noqa: FBT001
) -> None:
    fleet = (17.5, 22.0)
    events = list(Story(stolen=frozenset(range(3))).events(180))
    wanted: dict[str, object] = {"fleet": fleet}
    if is_told_by_site:
        events, wanted = [software(**{SITE: fleet}), *events], {}

    report = checked(events, **wanted)

    assert len(faults(report)) == 3
    assert "33." in faults(report)[0]
    assert "J/TH, its machines take 17.5 to 22.0" in faults(report)[0]


def test_more_hashes_than_the_energy_can_have_made_are_found(checked: Verify) -> None:
    events = [software(**{SITE: (30.0, 40.0)}), *Story().events(60)]

    (fault,) = faults(checked(events))

    assert "20.0 J/TH, its machines take 30.0 to 40.0" in fault


def test_machines_as_they_are_said_to_be_are_no_finding(checked: Verify) -> None:
    events = [software(**{SITE: (17.5, 29.5)}), *Story(LOWERED).events(130)]

    report = checked(events)

    assert (faults(report), report.fleets) == ([], {SITE: [17.5, 29.5]})


@pytest.mark.parametrize(("lifted_at", "faults_of"), [(21, 0), (23, 2)])
def test_an_order_that_is_lifted_at_once_need_not_have_been_followed(
    checked: Verify, lifted_at: int, faults_of: int
) -> None:
    budgets = {0: 3_000_000.0, 20: 0.0, lifted_at: 3_000_000.0}
    story = Story(budgets, falls=0.01, second=50)

    report = checked(story.events(60), response_s=100.0)

    assert len(faults(report)) == faults_of
    (one,) = report.responses
    assert (one.response_s, one.lifted_s) == (None, 60.0 * (lifted_at - 20))


@pytest.mark.parametrize("watts", [[], [None] * 60, [3_000_000] + [None] * 59])
@pytest.mark.parametrize(("times", "is_found"), [(1.0, False), (2.0, True)])
def test_hashes_of_minutes_without_readings_are_held_against_the_budget(
    checked: Verify, watts: list[int | None], times: float, *, is_found: bool
) -> None:
    def forged(event: Event) -> Event:
        begin = event.body.get("from", 0)
        if not BEGIN + 3600 <= begin < BEGIN + 7200:
            return event
        if event.kind == "meter":
            return evolve(event, body={**event.body, "w": watts})
        sums = event.body["site"]
        sums = {**sums, "d": sums["d"] * times, "d2": sums["d2"] * times**2}
        return evolve(event, body={**event.body, "site": sums})

    events = [software(**{SITE: (19.0, 22.0)}), *Story(counter=None).events(180)]

    texts = faults(checked(map(forged, events)))

    assert any("proved hashes of" in text for text in texts) is is_found


def test_a_late_share_of_before_a_pause_is_no_finding(checked: Verify) -> None:
    begin = BEGIN + 60 * 60  # two minutes after the budget was lowered to nothing
    late = {"n": 1, "d": 1e6, "d2": 1e12, "stale": 0, "parked": 0.0}
    events: list[Event] = []
    for event in Story({0: 3_000_000.0, 58: 0.0}, falls=1.0).events(70):
        body = event.body
        if event.kind in {"meter", "shares"} and body["from"] == begin:
            is_meter = event.kind == "meter"
            key, value = ("w", [None, *body["w"][1:]]) if is_meter else ("site", late)
            body = {**body, key: value}
        events.append(evolve(event, body=body))

    assert faults(checked(events)) == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("meter", {"from": BEGIN, "w": [1e308]}),
        ("meter", {"from": BEGIN, "w": [1] * 61}),
        ("meter", {"from": BEGIN, "w": [], "register": {"wh": 1e308, "at": BEGIN}}),
        ("shares", {"from": BEGIN, "site": {"n": 1, "d": 1e308, "d2": 1.0}}),
        ("shares", {"from": BEGIN, "site": {"n": 1, "d": 1.0, "d2": 1e308}}),
        ("shares", {"from": BEGIN, "site": {"n": 1, "d": -1.0, "d2": 1.0}}),
        ("budget", {"watts": 1e308}),
        ("budget", {"watts": -1.0}),
    ],
)
def test_a_number_that_nothing_comes_to_is_refused(
    checked: Verify, kind: str, body: dict[str, object]
) -> None:
    assert "cannot be read" in faults(checked([Event(AT, SITE, kind, "", body)]))[0]


def test_squares_of_difficulties_beyond_the_square_of_their_sum_are_found(
    checked: Verify,
) -> None:
    def forged(event: Event) -> Event:
        if event.kind != "shares":
            return event
        d = event.body["site"]["d"] * 0.3
        sums = {**event.body["site"], "d": d, "d2": 100 * d * d}
        return evolve(event, body={**event.body, "site": sums})

    events = [software(**{SITE: (19.0, 22.0)}), *Story().events(60)]

    texts = faults(checked(map(forged, events)))

    assert sum("more than the square of their sum" in text for text in texts) == 60
    assert any("its machines take" in text for text in texts)


@pytest.mark.parametrize(("watts", "is_found"), [(-2_900_000, True), (-40, False)])
def test_watts_below_zero_are_no_readings_and_beyond_noise_a_finding(
    checked: Verify, watts: int, *, is_found: bool
) -> None:
    events = [
        evolve(e, body={**e.body, "w": [watts] * 30 + e.body["w"][30:]})
        if e.kind == "meter" and e.body["from"] == BEGIN + 600
        else e
        for e in Story().events(60)
    ]

    report = checked(events)

    texts = ["the meter of hall-a was below 0 W for 30 s: nothing that only draws is"]
    assert faults(report) == (texts if is_found else [])
    assert report.missed_s == 30


def test_noise_of_a_site_that_never_drew_is_no_finding(checked: Verify) -> None:
    events = [
        evolve(e, body={**e.body, "w": [-2] * 60, "register": None})
        if e.kind == "meter"
        else e
        for e in Story({0: 3_000_000.0, 20: 0.0}).events(60)
    ]
    events[1] = evolve(events[1], at=BEGIN + 12)  # decided within the first minute

    report = checked(e for e in events if e.kind != "shares")

    assert not any("below 0 W" in text for text in faults(report))
