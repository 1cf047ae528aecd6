"""One row of the log for what many machines were told, or answered, at once.

A trip of 27,000 machines is 27 rows of 1,000 commands, and not 27,000 rows that are
written before the first device is called. A few are rows of their own, as ever:

| kind     | body                                                                      |
|----------|---------------------------------------------------------------------------|
| commands | rung, rows of [number, machine, level, watts]                             |
| outcomes | of (the kind that one alone has), rung, rows as above with the cause last |
| outcomes | of "acknowledgement", rows of [machine, verb, ok, cause]                  |
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import msgspec

from proxy.power.journal.chain import Event

MAX_ROWS = 1000
"""Machines in one row of the log: 60 B each fit in (`MAX_ROWS_BYTES`)."""

MAX_ROWS_BYTES = 60_000
"""Of them as JSON: a row of the log has 65,535 B at the most (`chain.MAX_LEAF`)."""

BATCHED_FROM = 16
"""So many of a kind at once are batched; fewer are easier to read one by one."""

_COMMANDED = ("number", "machine", "level", "watts")
_COLUMNS = {
    "command": _COMMANDED,
    "acknowledgement": ("machine", "verb", "ok"),
    "acknowledged": _COMMANDED,
    "read_back": _COMMANDED,
    "settled": _COMMANDED,
    "verdict": _COMMANDED,
}
"""By the kind of event: what of its body is in a row."""

T = TypeVar("T")

_encode = msgspec.json.encode


def batched(events: Sequence[Event]) -> list[Event]:
    """Return `events` with those that many machines share made into rows of many.

    A batch stands where the first of its events stood.
    """
    counts = Counter(e.kind for e in events if _is_alike(e))
    many = {kind for kind, count in counts.items() if count >= BATCHED_FROM}
    if not many:
        return list(events)
    groups: dict[tuple[str, str, str], list[Event]] = defaultdict(list)
    places: list[Event | list[Event]] = []
    for event in events:
        if event.kind not in many or not _is_alike(event):
            places.append(event)
            continue
        cause = event.cause if event.kind == "command" else ""
        group = groups[event.kind, str(event.body.get("rung", "")), cause]
        if not group:
            places.append(group)
        group.append(event)
    return [one for place in places for one in _rows_of(place)]


def parts(rows: Iterable[T]) -> Iterator[list[T]]:
    """Yield `rows` in lists that one row of the log has room for."""
    part: list[T] = []
    size = 0
    for row in rows:
        length = len(_encode(row)) + 1
        if part and (len(part) >= MAX_ROWS or size + length > MAX_ROWS_BYTES):
            yield part
            part, size = [], 0
        part.append(row)
        size += length
    if part:
        yield part


def _is_alike(event: Event) -> bool:
    columns = _COLUMNS.get(event.kind)
    return columns is not None and all(name in event.body for name in columns)


def _rows_of(place: Event | list[Event]) -> Iterator[Event]:
    if isinstance(place, Event):
        yield place
        return
    first = place[0]
    columns = _COLUMNS[first.kind]
    rung = {"rung": first.body["rung"]} if "rung" in first.body else {}
    is_command = first.kind == "command"
    head = rung if is_command else {"of": first.kind, **rung}
    for rows in parts(_row(e, columns, has_cause=not is_command) for e in place):
        kind, cause = "commands", first.cause
        if not is_command:
            kind, cause = "outcomes", f"{len(rows)} machines: {first.kind}"
        yield Event(first.at, first.site, kind, cause, {**head, "rows": rows})


def _row(event: Event, columns: tuple[str, ...], *, has_cause: bool) -> list[Any]:
    row = [event.body[name] for name in columns]
    return [*row, event.cause] if has_cause else row
