"""Tables as CSV. Spec: RFC 4180."""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Any

import msgspec

from proxy.web.answers import CSV, Answer

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula, and a miner may call itself."""


def csv_answer(names: Sequence[str], rows: Iterable[Iterable[Any]]) -> Answer:
    """Return a table with a line of names above it."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return Answer(text.getvalue().encode(), CSV, headers={"cache-control": "no-store"})


def rows_of(
    views: Sequence[msgspec.Struct],
) -> tuple[list[str], Iterable[Iterable[Any]]]:
    """Return structures of one kind as names and rows; what is inside one, as JSON."""
    names = list(views[0].__struct_fields__) if views else []
    return names, ([getattr(view, name) for name in names] for view in views)


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    if value is None or isinstance(value, int | float):
        return "" if value is None else value
    return msgspec.json.encode(value).decode()
