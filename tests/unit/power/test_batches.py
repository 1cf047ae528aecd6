"""What many machines are told at once is few rows of the log."""

from typing import Any

import msgspec
import pytest

from proxy.power.journal.batches import (
    BATCHED_FROM,
    MAX_ROWS,
    MAX_ROWS_BYTES,
    batched,
    parts,
)
from proxy.power.journal.chain import FIRST_HASH, MAX_LEAF, Event, rows_after

AT = 1_700_000_000.0


def an_event(kind: str, n: int, cause: str = "trip", **more: Any) -> Event:
    body = {"machine": f"10.1.{n // 250}.{n % 250}", "level": 0, "watts": 25.0}
    body |= {"rung": "sleep", "number": n, **more}
    return Event(AT, "hall-a", kind, cause, body)


def commands(count: int, **more: Any) -> list[Event]:
    return [an_event("command", n, **more) for n in range(count)]


def test_a_few_are_rows_of_their_own() -> None:
    few = commands(BATCHED_FROM - 1)

    assert batched(few) == few


def test_a_thousand_commands_are_one_row() -> None:
    events = batched(commands(2 * MAX_ROWS + 1))

    assert [e.kind for e in events] == ["commands"] * 3
    assert [len(e.body["rows"]) for e in events] == [MAX_ROWS, MAX_ROWS, 1]
    assert events[0].cause == "trip"
    assert events[0].body["rung"] == "sleep"
    assert events[0].body["rows"][7] == [7, "10.1.0.7", 0, 25.0]
    assert (events[0].at, events[0].site) == (AT, "hall-a")


def test_commands_of_another_cause_or_rung_are_rows_of_others() -> None:
    mixed = commands(20) + commands(20, cause="room") + commands(20, rung="park")

    events = batched(mixed)

    found = [(e.cause, e.body["rung"], len(e.body["rows"])) for e in events]
    assert found == [("trip", "sleep", 20), ("room", "sleep", 20), ("trip", "park", 20)]


def test_answers_are_one_row_with_the_cause_of_each() -> None:
    body = {"verb": "sleep", "ok": False}
    events = [
        Event(AT, "hall-a", "acknowledgement", f"no {n}", {"machine": f"m{n}", **body})
        for n in range(20)
    ]

    (row,) = batched(events)

    assert (row.kind, row.cause) == ("outcomes", "20 machines: acknowledgement")
    assert row.body["of"] == "acknowledgement"
    assert row.body["rows"][3] == ["m3", "sleep", False, "no 3"]


def test_a_batch_stands_where_its_first_event_stood_and_nothing_is_lost() -> None:
    cap = Event(AT, "hall-a", "cap", "a cap", {})
    odd = Event(AT, "hall-a", "read_back", "not as told", {"machine": "m", "level": 1})
    some = [cap, *commands(20), odd, *[an_event("settled", n) for n in range(20)], cap]

    kinds = [e.kind for e in batched(some)]

    assert kinds == ["cap", "commands", "read_back", "outcomes", "cap"]


@pytest.mark.parametrize("length", [10, 250, 5000])
def test_no_row_of_the_log_is_longer_than_a_bundle_has_room_for(length: int) -> None:
    worker = '"' * length  # each is two bytes as JSON
    events = batched(commands(3000, machine=worker))

    rows = rows_after(0, FIRST_HASH, events)

    assert sum(len(e.body["rows"]) for e in events) == 3000
    assert all(len(row.text) < MAX_LEAF for row in rows)
    assert not any(b"left_out" in row.text for row in rows)


def test_a_row_that_is_too_long_by_itself_says_so() -> None:
    (row,) = rows_after(
        0, FIRST_HASH, [Event(AT, "s", "odd", "c", {"x": "y" * 70_000})]
    )

    assert msgspec.json.decode(row.text) == {"left_out_bytes": 70_008}


def test_lists_are_cut_by_number_and_by_bytes() -> None:
    assert [len(p) for p in parts(range(2500))] == [1000, 1000, 500]
    assert list(parts([])) == []
    for part in parts("x" * n for n in range(1000)):
        assert len(msgspec.json.encode(part)) <= MAX_ROWS_BYTES + 2
