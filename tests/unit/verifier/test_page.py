"""The page says first what is wrong, and needs nothing but itself."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from proxy.power.journal.chain import Event
from proxy.power.journal.effects import Effects
from proxy.verifier.charts import MAX_POINTS, Line, Point, bars, thinned, timed
from proxy.verifier.page import page
from proxy.verifier.signatures import Trusted
from proxy.verifier.verify import Wanted, verify
from tests.oversight_logs import AT, SIGNER, Plant
from tests.oversight_story import SITE, Story


def made(tmp_path: Path, events: list[Event]) -> str:
    plant = Plant(tmp_path)
    plant.store.write(SITE, Effects(events=events), (), AT)
    plant.publish(plant.writer())
    plant.close()
    found = verify(Wanted(tmp_path / "log", Trusted((SIGNER.key,))))
    return page(found, 30.0)


def test_an_honest_site_reads_as_one(tmp_path: Path) -> None:
    text = made(tmp_path, list(Story({0: 3e6, 60: 2e6}).events(180)))

    assert "Nothing wrong was found" in text
    assert "none missing or changed" in text
    assert text.count("<svg") == 3
    assert "What needs an explanation" not in text


def test_what_is_wrong_comes_first_and_what_was_written_does_no_harm(
    tmp_path: Path,
) -> None:
    story = Story(missing=frozenset({13}))
    events = list(story.events(30))
    for event in events:
        object.__setattr__(event, "site", "<script>")

    text = made(tmp_path, events)

    assert "1 thing needs an explanation" in text
    assert text.index("1 minutes of &lt;script&gt;") < text.index("<svg")
    assert "<script" not in text


def test_the_page_asks_nobody_for_anything(tmp_path: Path) -> None:
    text = made(tmp_path, list(Story().events(30)))

    assert not re.search(r"https?:|url\(|<link|<script|@import|src=", text)
    body = text.removeprefix("<!doctype html>").strip()
    for void in ('<meta charset="utf-8">', '<meta name="viewport"'):
        assert void in body
    for drawing in re.findall(r"<svg.*?</svg>", body):
        ET.fromstring(drawing)  # noqa: S314  (ours)


def test_a_log_without_minutes_has_no_charts(tmp_path: Path) -> None:
    text = made(tmp_path, [Event(AT, SITE, "start", "", {})])

    assert "<svg" not in text
    assert "Nothing wrong was found" in text


def test_long_times_are_drawn_with_as_many_points_as_are_seen() -> None:
    points = [Point(float(n), (1.0 if n % 2 else None, None)) for n in range(35_040)]

    found = thinned(points)

    assert len(found) <= MAX_POINTS
    assert found[0].values == (1.0, None)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.3, 999.0, 1e9])
def test_a_chart_has_room_for_its_largest_value(value: float) -> None:
    points = [Point(0.0, (value,)), Point(60.0, (value,)), Point(120.0, (None,))]

    text = timed("a chart", points, [Line("x", "drawn", is_area=True)], str)

    places = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", text)]
    assert all(0 <= y <= 230 for y in places)


def test_nothing_is_drawn_of_nothing() -> None:
    assert timed("a chart", [], [], str) == ""
    assert bars("a chart", [], 30.0, "s") == ""
