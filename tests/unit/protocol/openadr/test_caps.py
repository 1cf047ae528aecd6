import math
from typing import Any

import msgspec
import pytest

from protocol.openadr.caps import FOR_EVER, NEVER, Reading, Rules, read_caps
from protocol.openadr.objects import Broken, Descriptor, Event, read_event
from protocol.units import UnixTime, Watts

NOON = 1_796_040_000.0
RULES = Rules("hall-a", Watts(60_000.0), Watts(6_000.0))
KW = [{"payloadType": "IMPORT_CAPACITY_LIMIT", "units": "KW"}]


def event(**more: Any) -> Event:
    body: dict[str, Any] = {
        "id": "e1",
        "programID": "p1",
        "payloadDescriptors": KW,
        "intervalPeriod": {"start": "2026-11-30T12:00:00Z", "duration": "PT15M"},
    } | more
    found = read_event(msgspec.json.encode(body))
    assert not isinstance(found, Broken), found
    return found


def interval(kind: str, *values: Any, **more: Any) -> dict[str, Any]:
    return {"id": 0, "payloads": [{"type": kind, "values": list(values)}]} | more


def read(one: Event, rules: Rules = RULES) -> Reading:
    return read_caps(one, rules, (), UnixTime(NOON))


def said(reading: Reading) -> list[tuple[float, float | None, float]]:
    return [
        (c.start - NOON, None if c.end is None else c.end - NOON, c.watts)
        for c in reading.caps
    ]


def limit(kilowatts: Any, **more: Any) -> dict[str, Any]:
    return interval("IMPORT_CAPACITY_LIMIT", kilowatts, **more)


def test_intervals_follow_on_each_other_from_the_start_of_the_event() -> None:
    found = read(event(intervals=[limit(30), limit(20.5), limit(0)]))

    assert said(found) == [
        (0, 900, 30_000),
        (900, 1800, 20_500),
        (1800, 2700, 0),
    ]
    assert (found.refused, found.unread_until) == ((), NEVER)


def test_an_interval_has_its_own_period_and_the_next_follows_on_it() -> None:
    own = {"start": "2026-11-30T13:00:00Z", "duration": "PT1M"}

    found = read(event(intervals=[limit(30, intervalPeriod=own), limit(20)]))

    assert said(found) == [(3600, 3660, 30_000), (3660, 4560, 20_000)]


def test_an_interval_without_a_duration_has_the_one_of_the_event() -> None:
    own = {"start": "2026-11-30T13:00:00Z"}

    assert said(read(event(intervals=[limit(30, intervalPeriod=own)]))) == [
        (3600, 4500, 30_000)
    ]


@pytest.mark.parametrize("duration", [None, "PT0S", "P9999Y"])
def test_without_an_end_it_holds_until_it_is_cancelled(duration: str | None) -> None:
    period = {"start": "2026-11-30T12:00:00Z", "duration": duration}

    assert said(read(event(intervalPeriod=period, intervals=[limit(30)]))) == [
        (0, None, 30_000)
    ]


def test_now_is_when_it_was_made() -> None:
    period = {"start": "0001-01-01T00:00:00Z", "duration": "PT1M"}
    one = event(intervalPeriod=period, intervals=[limit(30)])

    found = read_caps(one, RULES, (), UnixTime(NOON + 77))

    assert said(found) == [(77, 137, 30_000)]


@pytest.mark.parametrize(
    ("duration", "line"),
    [
        ("PT10M", [(0, 600, 30_000)]),
        ("PT20M", [(0, 900, 30_000), (900, 1200, 40_000)]),
        ("PT30M", [(0, 900, 30_000), (900, 1800, 40_000)]),
        ("PT1H", [(0, 900, 30_000), (900, 1800, 40_000), (1800, 3600, 30_000)]),
    ],
)
def test_an_event_of_its_own_length_ends_early_or_holds_its_lowest(
    duration: str, line: list[tuple[float, float, float]]
) -> None:
    found = read(event(duration=duration, intervals=[limit(30), limit(40)]))

    assert said(found) == line


@pytest.mark.parametrize(
    ("level", "watts"), [(0, 60_000), (1, 36_000), (2, 12_000), (3, 0)]
)
def test_the_levels_of_simple_are_parts_of_the_contract(
    level: int, watts: float
) -> None:
    assert said(read(event(intervals=[interval("SIMPLE", level)]))) == [(0, 900, watts)]


def test_an_emergency_is_the_fail_safe_above_every_priority() -> None:
    one = event(priority=0, intervals=[interval("ALERT_GRID_EMERGENCY", "shed")])

    found = read(one)

    assert said(found) == [(0, 900, 6_000)]
    assert found.caps[0].rank < 0


@pytest.mark.parametrize(
    ("units", "value", "watts"),
    [
        ("KW", 30, 30_000),
        ("kW", 30, 30_000),
        ("W", 30, 30),
        ("MW", 0.03, 30_000),
        ("PERCENT", 50, 30_000),
        ("KW", 72, 60_000),  # above the contract: the contract
    ],
)
def test_a_limit_is_in_the_units_of_its_descriptor(
    units: str, value: float, watts: float
) -> None:
    described = [{"payloadType": "DISPATCH_SETPOINT", "units": units}]
    one = event(
        payloadDescriptors=described, intervals=[interval("DISPATCH_SETPOINT", value)]
    )

    assert said(read(one)) == [(0, 900, watts)]


def test_units_are_the_events_else_the_programmes_else_the_configurations() -> None:
    one = event(payloadDescriptors=None, intervals=[limit(30)])
    programme = [Descriptor("IMPORT_CAPACITY_LIMIT", "W")]
    own = Rules("hall-a", Watts(60_000.0), Watts(6_000.0), units="kW")

    assert said(read_caps(one, own, programme, UnixTime(NOON))) == [(0, 900, 30)]
    assert said(read_caps(one, own, (), UnixTime(NOON))) == [(0, 900, 30_000)]
    refused = read(one)
    assert refused.caps == ()
    assert "in which units" in refused.refused[0]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("IMPORT_CAPACITY_LIMIT", [73]),
        ("IMPORT_CAPACITY_LIMIT", [-1]),
        ("IMPORT_CAPACITY_LIMIT", ["30"]),
        ("IMPORT_CAPACITY_LIMIT", [True]),
        ("IMPORT_CAPACITY_LIMIT", [None]),
        ("IMPORT_CAPACITY_LIMIT", [30, 40]),
        ("IMPORT_CAPACITY_LIMIT", []),
        ("IMPORT_CAPACITY_LIMIT", [10**400]),
        ("SIMPLE", [4]),
        ("SIMPLE", [-1]),
        ("SIMPLE", [1.5]),
    ],
)
def test_a_limit_that_cannot_be_read_is_refused_and_not_forgotten(
    kind: str, values: list[Any]
) -> None:
    found = read(event(intervals=[interval(kind, *values)]))

    assert found.caps == ()
    assert len(found.refused) == 1
    assert found.unread_until == NOON + 900


def test_a_limit_without_a_readable_time_may_hold_for_ever() -> None:
    period = {"start": "tomorrow"}

    found = read(event(intervalPeriod=period, intervals=[limit(30)]))

    assert (found.caps, found.unread_until) == ((), FOR_EVER)


def test_a_price_without_a_readable_time_keeps_nothing_from_rising() -> None:
    one = event(intervalPeriod={"start": "?"}, intervals=[interval("PRICE", 0.08)])

    assert read(one).unread_until == NEVER


def test_what_is_relative_is_refused_and_other_kinds_say_nothing() -> None:
    kinds = ("DISPATCH_SETPOINT_RELATIVE", "GHG", "MY_OWN", "ALERT_FLEX_ALERT")

    found = read(event(intervals=[interval(kind, 5) for kind in kinds]))

    assert found.caps == ()
    assert found.refused == ("DISPATCH_SETPOINT_RELATIVE is not taken",)
    assert found.unread_until == NEVER


def test_prices_come_with_their_times_and_units() -> None:
    described = [{"payloadType": "PRICE", "units": "KWH", "currency": "EUR"}]
    one = event(
        payloadDescriptors=described,
        intervals=[interval("PRICE", 0.08), interval("PRICE", -0.01)],
    )

    found = read(one)

    assert [(p.start - NOON, p.value, p.currency, p.units) for p in found.prices] == [
        (0, 0.08, "EUR", "KWH"),
        (900, -0.01, "EUR", "KWH"),
    ]


def test_the_lowest_priority_is_none_at_all() -> None:
    assert read(event(intervals=[limit(30)])).caps[0].rank == math.inf
    assert read(event(priority=7, intervals=[limit(30)])).caps[0].rank == 7


def test_the_same_mistake_in_each_interval_is_told_once() -> None:
    found = read(event(intervals=[limit("x")] * 1000))

    assert len(found.refused) == 1
