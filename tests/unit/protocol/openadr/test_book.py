from typing import Any

import msgspec
import pytest

from protocol.openadr.book import MAX_CAPS, EventBook, Known, Verdict
from protocol.openadr.caps import Rules
from protocol.openadr.objects import Descriptor
from protocol.units import UnixTime, Watts

NOON = 1_796_040_000.0
RULES = Rules("ven-1", Watts(60_000.0), Watts(6_000.0), units="KW")
KNOWN = Known(frozenset({"ven-1", "hall-a", "group-7"}))


def event(name: str, value: Any = 30, **more: Any) -> bytes:
    payload = {"type": "IMPORT_CAPACITY_LIMIT", "values": [value]}
    body: dict[str, Any] = {
        "id": name,
        "intervalPeriod": {"start": "2026-11-30T12:00:00Z", "duration": "PT15M"},
        "intervals": [{"id": 0, "payloads": [payload]}],
    } | more
    return msgspec.json.encode(body)


def hear(book: EventBook, *events: bytes, after: float = 1.0) -> Verdict:
    return book.hear(events, KNOWN, UnixTime(NOON + after))


def watts(verdict: Verdict) -> list[float]:
    return [span.watts for span in verdict.line]


def test_an_event_that_is_not_listed_any_more_is_cancelled() -> None:
    book = EventBook(RULES)

    assert watts(hear(book, event("a"), event("b", 20))) == [20_000]
    assert watts(hear(book, event("a"))) == [30_000]
    assert watts(hear(book)) == []


def test_an_event_that_cannot_be_read_any_more_keeps_what_it_said() -> None:
    book = EventBook(RULES)
    hear(book, event("a", 30))

    found = hear(book, event("a", 9e9))

    assert watts(found) == [30_000]
    assert found.may_raise
    assert (found.acks[0].word, len(found.refusals)) == ("KEPT", 1)


@pytest.mark.parametrize(
    "lost", [b'{"id":"a","intervals":[{"payloads":7}]}', b'{"id":"a","priority":-1}']
)
def test_an_event_of_another_shape_keeps_what_it_said(lost: bytes) -> None:
    book = EventBook(RULES)
    hear(book, event("a", 30))

    found = hear(book, lost)

    assert (watts(found), found.may_raise, found.acks[0].word) == (
        [30_000],
        True,
        "KEPT",
    )


@pytest.mark.parametrize(
    "lost",
    [event("new", 9e9), b"{}", b"7", b'{"id":"new","intervals":7}', b'{"id":""}'],
)
def test_an_event_that_never_could_be_read_holds_up_every_rise(lost: bytes) -> None:
    found = hear(EventBook(RULES), event("a"), lost)

    assert (watts(found), found.may_raise) == ([30_000], False)


def test_a_limit_that_cannot_be_read_holds_nothing_up_once_it_is_over() -> None:
    book = EventBook(RULES)

    assert not hear(book, event("a", 9e9), after=899).may_raise
    assert hear(book, event("a", 9e9), after=900).may_raise


@pytest.mark.parametrize(
    ("targets", "ours"),
    [
        (None, 1),
        ([], 1),
        (["hall-a"], 1),
        (["other", "group-7"], 1),
        (["other"], 0),
        ([{"type": "VEN_NAME", "values": ["ven-1"]}], 1),
        ([{"type": "VEN_NAME", "values": ["ven-2"]}], 0),
        ([{"type": "RESOURCE_NAME", "values": ["hall-b", "hall-a"]}], 1),
        ([{"type": "SERVICE_AREA", "values": ["north"]}], 1),  # the server's matter
    ],
)
def test_events_are_for_those_who_are_targeted(
    targets: list[Any] | None, ours: int
) -> None:
    found = hear(EventBook(RULES), event("a", targets=targets))

    assert watts(found) == [30_000] * ours
    assert (found.count, found.others) == (ours, 1 - ours)


def test_now_is_when_an_event_was_first_heard_if_it_does_not_say_when_it_was_made() -> (
    None
):
    book = EventBook(RULES)
    period = {"start": "0001-01-01T00:00:00Z", "duration": "PT15M"}
    one = event("a", intervalPeriod=period)

    hear(book, one, after=100)

    assert hear(book, one, after=200).line[0].start == NOON + 100


def test_events_that_ask_for_reports_and_limit_nothing_get_them_all() -> None:
    asks = [{"payloadType": "DEMAND"}]
    standing = event("r", intervals=[], reportDescriptors=asks)

    found = hear(
        EventBook(RULES), standing, event("a"), event("b", reportDescriptors=asks)
    )

    assert found.asking == ("r",)
    assert found.limiting == (("a", False), ("b", True))
    assert {ack.event_id: ack.word for ack in found.acks} == dict.fromkeys(
        "rab", "TAKEN"
    )


def test_more_limits_than_there_is_room_for_hold_up_every_rise() -> None:
    payload = {"type": "SIMPLE", "values": [1]}
    intervals = [{"id": n, "payloads": [payload]} for n in range(MAX_CAPS // 2 + 1)]
    events = [event(name, intervals=intervals) for name in "ab"]

    found = hear(EventBook(RULES), *events)

    assert not found.may_raise
    assert "limits" in found.refusals[-1][1]


def test_other_units_of_a_programme_are_read_anew() -> None:
    book = EventBook(Rules("ven-1", Watts(60_000.0), Watts(6_000.0)))
    one = event("a", programID="p")
    assert not hear(book, one).may_raise
    known = Known(KNOWN.names, {"p": [Descriptor("IMPORT_CAPACITY_LIMIT", "KW")]})

    assert watts(book.hear([one], known, UnixTime(NOON))) == [30_000]


def test_two_events_of_one_id_hold_up_every_rise() -> None:
    found = hear(EventBook(RULES), event("a", 30), event("a", 40))

    assert (watts(found), found.may_raise) == ([30_000], False)
    assert "two events" in found.refusals[0][1]


def test_an_event_that_is_listed_twice_is_one() -> None:
    found = hear(EventBook(RULES), event("a", 30), event("a", 30))

    assert (found.count, found.may_raise) == (1, True)


def test_more_intervals_than_there_is_room_for_hold_up_every_rise() -> None:
    payload = {"type": "PRICE", "values": [1]}
    intervals = [{"id": n, "payloads": [payload]} for n in range(4000)]
    prices = [event(f"p{n}", intervals=intervals) for n in range(5)]

    found = hear(EventBook(RULES), *prices, event("a"))

    assert not found.may_raise
    assert "intervals" in found.refusals[0][1]
