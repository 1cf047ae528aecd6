"""Tables as CSV. Spec: RFC 4180."""

import csv
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from io import StringIO
from typing import Any

import msgspec

from proxy.web.answers import CSV, Answer

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula, and a miner may call itself."""

ROWS_AT_ONCE = 250
"""Rows of a long table in one turn of the reactor: 1 ms."""


def csv_answer(names: Sequence[str], rows: Iterable[Iterable[Any]]) -> Answer:
    """Return a table with a line of names above it."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return Answer(text.getvalue().encode(), CSV, headers={"cache-control": "no-store"})


async def csv_of_columns(
    columns: Mapping[str, Sequence[Any]], turn: Callable[[], Awaitable[object]]
) -> Answer:
    """Return columns of one length as a table, some rows in each turn."""
    parts = [csv_answer([*columns], ()).body]
    count = max(map(len, columns.values()), default=0)
    for begin in range(0, count, ROWS_AT_ONCE):
        await turn()
        some = [column[begin : begin + ROWS_AT_ONCE] for column in columns.values()]
        first, *rest = zip(*some, strict=True)
        parts.append(csv_answer([*map(_cell, first)], rest).body)
    return Answer(b"".join(parts), CSV, headers={"cache-control": "no-store"})


def rows_of(
    kind: type[msgspec.Struct], views: Sequence[msgspec.Struct]
) -> tuple[list[str], Iterable[Iterable[Any]]]:
    """Return structures of one kind as names and rows; what is inside one, as JSON."""
    names = list(kind.__struct_fields__)
    return names, ([getattr(view, name) for name in names] for view in views)


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    if value is None or isinstance(value, int | float):
        return "" if value is None or value != value else value  # noqa: PLR0124  (nan)
    return msgspec.json.encode(value).decode()
