from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from protocol.openadr.caps import FOR_EVER, Rules, read_caps
from protocol.openadr.objects import Event, read_event
from protocol.openadr.placing import place
from protocol.units import UnixTime, Watts

NOON = UnixTime(1_796_040_000.0)


def event(name: str, ranges: list[int | None]) -> Event:
    intervals: list[dict[str, Any]] = [
        {
            "id": n,
            "payloads": [{"type": "SIMPLE", "values": [1]}],
            "intervalPeriod": None
            if wide is None
            else {"randomizeStart": f"PT{wide}S"},
        }
        for n, wide in enumerate(ranges)
    ]
    period = {"start": "2026-11-30T12:00:00Z", "duration": "PT15M"}
    body = {"id": name, "intervalPeriod": period, "intervals": intervals}
    found = read_event(msgspec.json.encode(body))
    assert isinstance(found, Event)
    return found


ranges = st.lists(st.one_of(st.none(), st.integers(0, 86_400)), min_size=1, max_size=8)


@given(st.uuids().map(str), st.text(min_size=1, max_size=20), ranges)
def test_a_random_start_is_the_same_each_time_and_within_its_range(
    name: str, node: str, wide: list[int | None]
) -> None:
    one = event(name, wide)

    found, again = place(one, node, NOON), place(one, node, NOON)

    assert found == again
    for n, (placed, most) in enumerate(zip(found, wide, strict=True)):
        assert 0 <= placed.start - (NOON + 900.0 * n) <= (most or 0)


@given(st.uuids().map(str), ranges)
def test_a_random_start_opens_no_gap_between_those_that_followed_on(
    name: str, wide: list[int | None]
) -> None:
    for one, following in pairwise(place(event(name, wide), "hall-a", NOON)):
        assert one.end is not None
        assert one.end >= following.start


def test_two_sites_do_not_start_at_once() -> None:
    one = event("the-event", [600])

    starts = {place(one, f"hall-{n}", NOON)[0].start for n in range(20)}

    assert len(starts) == 20
    assert max(starts) - min(starts) > 300


def test_a_random_start_of_more_than_a_day_is_a_mistake() -> None:
    rules = Rules("hall-a", Watts(60_000.0), Watts(6_000.0))

    found = read_caps(event("e", [90_000]), rules, (), NOON)

    assert "random start" in found.refused[0]
    assert found.unread_until == FOR_EVER
