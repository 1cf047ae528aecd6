from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.openadr.moments import (
    OPEN,
    Duration,
    parse_duration,
    parse_moment,
    written_moment,
)
from protocol.units import UnixTime


@pytest.mark.parametrize(
    ("text", "months", "seconds"),
    [
        ("PT15M", 0, 900),
        ("P0Y0M0DT0H15M0S", 0, 900),  # as openleadr-vtn spells it
        ("PT1H30M", 0, 5400),
        ("P1D", 0, 86_400),
        ("P2W", 0, 14 * 86_400),
        ("P1Y2M3DT4H5M6.5S", 14, 3 * 86_400 + 4 * 3600 + 306.5),
        ("PT0S", 0, 0),
    ],
)
def test_durations_are_read_as_they_are_spelt(
    text: str, months: int, seconds: float
) -> None:
    assert parse_duration(text) == Duration(months, seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "P",
        "PT",
        "P1DT",
        "15M",
        "PT15",
        "-PT1M",
        "PT1.5H",
        "P1H",
        "PT\u0661M",
        "PT1M ",
    ],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["PT0S", "P9999Y", "P9999Y0M0DT0H0M0S", "P99999999Y"])
def test_some_durations_mean_that_there_is_no_end(text: str) -> None:
    assert parse_duration(text).after(UnixTime(1.8e9)) is None


def test_a_month_is_as_long_as_the_calendar_has_it() -> None:
    begins = datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()

    ends = parse_duration("P1M").after(UnixTime(begins))

    assert ends == datetime(2026, 2, 28, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "0000-00-00", "0001-01-01"])
def test_some_moments_mean_now(text: str) -> None:
    assert parse_moment(text) is None


@pytest.mark.parametrize("text", ["2026-11-30T10:00:00", "soon", "", "2026-13-01T00Z"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_moment(text)


@given(st.integers(0, 253_402_300_799))
def test_a_written_moment_is_read_back(seconds: int) -> None:
    moment = UnixTime(float(seconds))

    assert parse_moment(written_moment(moment)) == moment


@given(st.text(max_size=60))
def test_any_text_is_a_duration_and_a_moment_or_refused(text: str) -> None:
    for read in (parse_duration, parse_moment):
        try:
            read(text)
        except ValueError:
            continue


def test_the_open_duration_is_the_one_that_is_nothing() -> None:
    assert OPEN.is_open
    assert not Duration(seconds=1.0).is_open
