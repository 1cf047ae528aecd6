from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.units import UnixTime
from proxy.signals.schedule import (
    MAX_ENTRIES,
    Entry,
    Schedule,
    ScheduleError,
    Stretch,
    parse_schedule,
    stretches,
)

DAY = 86_400.0


def unix(text: str) -> UnixTime:
    return UnixTime(datetime.fromisoformat(text).timestamp())


def of(text: str) -> Schedule:
    return parse_schedule(text.encode(), is_csv=False, time_zone="UTC")


def rules(text: str, since: str, until: str) -> list[tuple[str, str, float]]:
    found = stretches(of(text), unix(since), unix(until))
    return [(_utc(s.start), _utc(s.end), s.watts) for s in found]


def _utc(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%d %H:%M")


ENTRY = '[[entries]]\nstart = "{}"\nend = "{}"\nwatts = {}\n'


def test_an_entry_holds_from_its_start_to_its_end() -> None:
    text = ENTRY.format("2026-11-24T06:00:00Z", "2026-11-24T09:30:00Z", 2e6)

    found = rules(text, "2026-11-24T00:00Z", "2026-11-25T00:00Z")

    assert found == [("24 06:00", "24 09:30", 2e6)]


def test_the_lowest_rules_where_entries_overlap() -> None:
    text = ENTRY.format("2026-11-24T06:00:00Z", "2026-11-24T12:00:00Z", 2e6)
    text += ENTRY.format("2026-11-24T08:00:00Z", "2026-11-24T14:00:00Z", 1e6)

    found = rules(text, "2026-11-24T07:00Z", "2026-11-24T13:00Z")

    assert found == [("24 07:00", "24 08:00", 2e6), ("24 08:00", "24 13:00", 1e6)]


def test_times_without_an_offset_are_of_the_zone() -> None:
    text = 'time_zone = "Europe/Berlin"\n'
    text += ENTRY.format("2026-01-10T06:00:00", "2026-01-10T07:00:00", 1e6)
    text += ENTRY.format("2026-07-10T06:00:00", "2026-07-10T07:00:00", 1e6)

    winter = rules(text, "2026-01-10T00:00Z", "2026-01-11T00:00Z")
    summer = rules(text, "2026-07-10T00:00Z", "2026-07-11T00:00Z")

    assert winter == [("10 05:00", "10 06:00", 1e6)]
    assert summer == [("10 04:00", "10 05:00", 1e6)]


WEEKLY = 'time_zone = "Europe/Berlin"\n[[weekly]]\nstart = {}\nend = {}\nwatts = 1e6\n'


def test_a_weekly_stretch_keeps_its_wall_clock_over_a_change_of_clocks() -> None:
    text = WEEKLY.format('"17:00:00"', '"20:00:00"') + 'days = ["sat", "sun"]\n'

    found = rules(text, "2026-10-24T00:00Z", "2026-10-26T00:00Z")

    assert found == [("24 15:00", "24 18:00", 1e6), ("25 16:00", "25 19:00", 1e6)]


def test_a_stretch_over_midnight_ends_on_the_next_day() -> None:
    text = WEEKLY.format('"22:00:00"', '"06:00:00"') + 'days = ["tue"]\n'

    found = rules(text, "2026-11-24T23:00Z", "2026-11-26T00:00Z")

    assert found == [("24 23:00", "25 05:00", 1e6)]


def test_the_hour_that_comes_twice_is_held_through_both() -> None:
    text = WEEKLY.format('"01:30:00"', '"02:30:00"') + 'days = ["sun"]\n'

    found = rules(text, "2026-10-25T00:00Z", "2026-10-25T12:00Z")

    assert found == [("25 00:00", "25 01:30", 1e6)]  # began on the 24th, 23:30


def test_the_hour_that_is_skipped_makes_a_stretch_longer_never_shorter() -> None:
    text = WEEKLY.format('"02:30:00"', '"03:30:00"') + 'days = ["sun"]\n'

    found = rules(text, "2026-03-29T00:00Z", "2026-03-29T12:00Z")

    assert found == [("29 00:30", "29 01:30", 1e6)]


def test_csv_is_understood_with_its_zone_and_its_byte_order_mark() -> None:
    text = (
        "\ufeffstart,end,watts,reason\r\n"
        "2026-11-24T06:00:00,2026-11-24T07:00:00,2000000,works\r\n"
        "2026-11-24T07:00:00+00:00,2026-11-24T08:00:00+00:00,1500000,\r\n"
    )
    schedule = parse_schedule(text.encode(), is_csv=True, time_zone="Europe/Berlin")

    found = stretches(schedule, unix("2026-11-24T00:00Z"), unix("2026-11-25T00:00Z"))

    assert [(_utc(s.start), s.watts, s.reason) for s in found] == [
        ("24 05:00", 2e6, "works"),
        ("24 07:00", 1.5e6, ""),
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (ENTRY.format("2026-11-24T06:00Z", "2026-11-24T06:00Z", 1), "not after start"),
        (ENTRY.format("yesterday", "2026-11-24T06:00Z", 1), "yesterday"),
        (ENTRY.format("2026-11-24T06:00:00Z", "2026-11-25T00:00:00Z", -1), "watts"),
        ("typo = 1\n", "typo"),
        ("", r"none: entries = \[\]"),
        ('time_zone = "Mars/Olympus"\n', "Mars/Olympus"),
        ('time_zone = "../../etc/passwd"\n', "passwd"),
        (WEEKLY.format('"06:00:00"', '"06:00:00"'), "end is start"),
        (WEEKLY.format('"17:00+01:00"', '"20:00"'), "an offset or neither"),
        (WEEKLY.format('"17:00"', '"20:00Z"'), "an offset or neither"),
        (WEEKLY.format('"06:00:00"', '"07:00:00"') + 'days = ["day"]\n', "days"),
        ("watts", "Expected"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(text: str, says: str) -> None:
    with pytest.raises(ScheduleError, match=says):
        of(text)


@pytest.mark.parametrize(
    "data",
    [b"start,end\n2026-11-24T06:00:00,2026-11-24T07:00:00\n", b"\xff\xfe,\n1,2\n",
     b"start,end,watts,what\n2026-11-24,2026-11-25,1,2\n", b"",
     b"start,end,watts\n"],
)  # fmt: skip
def test_a_wrong_csv_is_refused(data: bytes) -> None:
    with pytest.raises(ScheduleError):
        parse_schedule(data, is_csv=True, time_zone="UTC")


def test_a_schedule_has_limits() -> None:
    rows = "2026-11-24T06:00:00,2026-11-24T07:00:00,1\n" * (MAX_ENTRIES + 1)
    data = b"start,end,watts\n" + rows.encode()

    with pytest.raises(ScheduleError, match="rows"):
        parse_schedule(data, is_csv=True, time_zone="UTC")


SPANS = st.lists(
    st.tuples(
        st.integers(0, 1000), st.integers(1, 300), st.sampled_from([1e5, 2e5, 3e5])
    ),
    max_size=12,
)


@given(spans=SPANS, since=st.integers(0, 500), length=st.integers(1, 800))
def test_at_each_moment_the_lowest_entry_rules(
    spans: list[tuple[int, int, float]], since: int, length: int
) -> None:
    def at(second: int) -> datetime:
        return datetime.fromtimestamp(second, UTC)

    entries = [Entry(start=at(a), end=at(a + n), watts=w) for a, n, w in spans]
    schedule = Schedule(entries=tuple(entries))

    found = stretches(schedule, UnixTime(since), UnixTime(since + length))

    assert all(a.end <= b.start for a, b in pairwise(found))
    for second in range(since, since + length, 7):
        wanted = [w for a, n, w in spans if a <= second < a + n]
        ruling = [s.watts for s in found if s.start <= second < s.end]
        assert ruling == ([min(wanted)] if wanted else [])


def test_stretches_that_meet_are_one() -> None:
    text = ENTRY.format("2026-11-24T06:00:00Z", "2026-11-24T07:00:00Z", 1e6)
    text += ENTRY.format("2026-11-24T07:00:00Z", "2026-11-24T08:00:00Z", 1e6)
    since = unix("2026-11-24T00:00Z")

    found = stretches(of(text), since, UnixTime(since + DAY))

    assert len(found) == 1
    assert isinstance(found[0], Stretch)


def test_times_may_be_texts_or_toml_s_own() -> None:
    native = "[[entries]]\nstart = 2026-11-24T06:00:00Z\nend = 2026-11-24T07:00:00Z\n"
    weekly = "[[weekly]]\nstart = 17:00:00\nend = 20:00:00\nwatts = 1\n"

    assert of(native + "watts = 1\n" + weekly) == of(
        ENTRY.format("2026-11-24T06:00Z", "2026-11-24T07:00Z", 1)
        + '[[weekly]]\nstart = "17:00"\nend = "20:00"\nwatts = 1\n'
    )
