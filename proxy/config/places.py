"""Where in a TOML file each key stands: a parser of values need not know."""

import re
from collections.abc import Mapping

_TABLE = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*[\w-]+)*)\s*=""")
_QUOTES = re.compile("\"\"\"|'''")


def lines_of(text: str) -> dict[str, int]:
    """Return the line, from 1, of each table and key, as `$.sites[0].listen`.

    Keys of tables in braces are not found: they stand where the table does.
    """
    found: dict[str, int] = {}
    rows: dict[str, int] = {}
    here, is_in_text = "$", False
    for number, line in enumerate(text.splitlines(), 1):
        was_in_text, is_in_text = is_in_text, _ends_in_text(line, is_in_text)
        if was_in_text:
            continue
        if table := _TABLE.fullmatch(line):
            here = _open(table[2], rows, is_row=table[1] == "[[")
            found.setdefault(here, number)
        elif key := _KEY.match(line):
            found.setdefault(f"{here}.{_plain(key[1])}", number)
    return found


def nearest_place(key: str, places: Mapping[str, str]) -> str:
    """Return the place of `key`, or of what it stands in; empty if none is known."""
    if f"{key}[0]" in places:  # a list that is told of as a whole
        return places[f"{key}[0]"]
    while key and key not in places:
        key = key[: max(key.rfind("."), key.rfind("["), 0)]
    return places.get(key, "")


def _open(name: str, rows: dict[str, int], *, is_row: bool) -> str:
    """Return the path of a table that begins, and count it if it is a row."""
    here, parts = "$", _plain(name).split(".")
    for part in parts[:-1]:
        here = f"{here}.{part}"
        if here in rows:
            here = f"{here}[{rows[here]}]"
    here = f"{here}.{parts[-1]}"
    if not is_row:
        return f"{here}[{rows[here]}]" if here in rows else here
    rows[here] = rows.get(here, -1) + 1
    return f"{here}[{rows[here]}]"


def _plain(name: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in name.split("."))


def _ends_in_text(line: str, is_in_text: bool) -> bool:  # noqa: FBT001
    return is_in_text ^ (len(_QUOTES.findall(line)) % 2 == 1)
