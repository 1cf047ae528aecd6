"""Minutes of a site: every second has its place, and silence is seen."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.tlog.disclosure import opened
from protocol.units import UnixTime, Watts
from proxy.power.evidence.minutes import MinuteLog
from proxy.power.link.messages import MinerWork

AT = UnixTime(1_796_000_040.0)  # a minute's first second
BUDGET = Watts(100_000.0)


class Site:
    def __init__(self, *, has_meter: bool = True) -> None:
        self.rows: list[tuple[str, dict[str, Any]]] = []
        self.openings: list[tuple[str, str]] = []
        self.minutes = MinuteLog(self._log, has_meter, bytes)

    def _log(
        self,
        kind: str,
        _: str,
        body: dict[str, Any],
        openings: tuple[tuple[str, str], ...],
    ) -> None:
        self.rows.append((kind, body))
        self.openings += openings

    def run(self, begin: float, seconds: int, watts: float | None = 5.0) -> None:
        for second in range(seconds):
            self.minutes.second(UnixTime(AT + begin + second), watts, BUDGET)

    def bodies(self, kind: str) -> list[dict[str, Any]]:
        return [body for one, body in self.rows if one == kind]


def test_a_minute_has_sixty_seconds_in_their_places() -> None:
    site = Site()
    for second in range(61):
        reading = None if second == 7 else 1000.4 + second
        site.minutes.second(UnixTime(AT + second + 0.3), reading, BUDGET)

    (body,) = site.bodies("meter")
    assert body["from"] == AT
    assert body["w"] == [None if n == 7 else 1000 + n for n in range(60)]
    assert body["source"] == "meter"


def test_a_minute_says_what_the_meter_counted_last_and_since_when() -> None:
    site = Site()
    counted = [7000.0] * 20 + [8000.0] * 30 + [9000.0] * 20 + [None] * 60
    for second, wh in enumerate(counted):
        site.minutes.second(UnixTime(AT + second), 1.0, BUDGET, wh)
    site.minutes.end()

    bodies = site.bodies("meter")
    assert bodies[0]["register"] == {"wh": 9000.0, "at": AT + 50}
    assert [body["register"] for body in bodies[1:]] == [None, None]


@given(st.lists(st.floats(-0.2, 0.2), min_size=180, max_size=180))
def test_looks_that_are_not_quite_a_second_apart_leave_no_holes(
    jitter: list[float],
) -> None:
    site = Site()
    for second, late in enumerate(jitter):
        site.minutes.second(UnixTime(AT + 0.5 + second + late), 1.0, BUDGET)
    site.minutes.end()

    seconds = [w for body in site.bodies("meter") for w in body["w"]]
    assert seconds.count(None) <= 1


def test_a_minute_without_a_meter_is_written_too() -> None:
    site = Site(has_meter=False)
    site.run(0, 121)

    assert [body["from"] for body in site.bodies("meter")] == [AT, AT + 60]
    assert site.bodies("meter")[0]["w"] == []
    assert site.bodies("meter")[0]["source"] == "none"


def test_a_minute_that_is_cut_by_the_end_is_written_with_holes() -> None:
    site = Site()
    site.run(50, 20)
    site.minutes.end()
    site.minutes.end()

    first, second = site.bodies("meter")
    assert first["w"] == [None] * 50 + [5] * 10
    assert second["w"] == [5] * 10 + [None] * 50


def test_a_pause_leaves_minutes_out_and_a_clock_that_is_set_back_repeats_one() -> None:
    site = Site()
    site.run(0, 5)
    site.run(600, 5)
    site.run(30, 5)
    site.minutes.end()

    assert [body["from"] - AT for body in site.bodies("meter")] == [0, 600, 0]


@pytest.mark.parametrize("reading", [float("nan"), None])
def test_a_meter_that_says_nothing_is_null(reading: float | None) -> None:
    site = Site()
    site.run(0, 60, reading)
    site.minutes.end()

    assert site.bodies("meter")[0]["w"] == [None] * 60


def test_shares_are_summed_for_the_site_and_each_tenant() -> None:
    site = Site()
    site.run(0, 1)
    site.minutes.shares(
        [
            (MinerWork(1, 2, 20.0, 200.0, 5.0, 0.0, 3), "acme"),
            (MinerWork(2, 1, 10.0, 100.0, 0.0, 0.0, 1), None),
            (MinerWork(3, 1, 8.0, 64.0, 0.0, 0.0), "acme"),
        ]
    )
    site.run(60, 1)
    site.run(120, 1)

    first, second = site.bodies("shares")
    site_sums = {"n": 4, "d": 38.0, "d2": 364.0, "stale": 4, "parked": 5.0}
    assert first["site"] == site_sums
    ((tenant, text),) = site.openings
    shown = opened(text)
    assert first["_sd"] == [shown.digest]
    assert tenant == shown.name == "acme"
    assert shown.value == {"n": 3, "d": 28.0, "d2": 264.0, "stale": 3, "parked": 5.0}
    assert second["site"]["n"] == 0
    assert second["_sd"] == []
    assert "acme" not in str(site.rows)


def test_a_lowering_is_answered_once_the_meter_is_under_it() -> None:
    site = Site()
    watts = [90_000.0] * 5 + [None, 70_000.0, 59_000.0, 58_000.0]
    for second, reading in enumerate(watts):
        budget = BUDGET if second < 2 else Watts(60_000.0)
        site.minutes.second(UnixTime(AT + second), reading, budget)

    (body,) = site.bodies("response")
    assert body == {
        "at": AT + 2,
        "from_w": 100_000.0,
        "to_w": 60_000.0,
        "response_s": 5.0,
    }


def test_a_lowering_that_is_not_followed_is_said_to_be_so() -> None:
    site = Site()
    site.run(0, 1, 90_000.0)
    for second in range(1, 950):
        site.minutes.second(UnixTime(AT + second), 90_000.0, Watts(60_000.0))

    (body,) = site.bodies("response")
    assert body["response_s"] is None


def test_a_lowering_that_is_lifted_before_it_is_followed_says_so() -> None:
    site = Site()
    for second, budget in enumerate([100_000.0, 60_000.0, 60_000.0, 100_000.0]):
        site.minutes.second(UnixTime(AT + second), 90_000.0, Watts(budget))

    (body,) = site.bodies("response")
    assert (body["response_s"], body["lifted_s"]) == (None, 2.0)


def test_of_many_lowerings_the_oldest_are_given_up() -> None:
    site = Site()
    for second in range(40):
        site.minutes.second(UnixTime(AT + second), 1e9, Watts(1000.0 - second))

    assert len(site.bodies("response")) == 39 - 16
