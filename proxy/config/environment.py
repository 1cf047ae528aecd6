"""Settings that come from the environment: `BASELOAD__POOLS__MAIN__URL=...`.

The parts of a name are joined by two underscores: keys of the file, and names of rows,
in upper case, with `_` for whatever is no letter and no digit. A variable beats the
file. Names with a single underscore, as BASELOAD_ADMIN, are no settings.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from attrs import frozen
from msgspec import Struct
from msgspec.structs import FieldInfo, fields

from proxy.config.examine import Hook
from proxy.config.fault import Fault, nearest
from proxy.config.kinds import is_struct, item_of, members

PREFIX = "BASELOAD__"
_JOINT = "__"
_NO_WORD = re.compile(r"[^A-Z0-9]")


@frozen
class _Place:
    """Where a variable leads: into a table or a list, at an index, as a kind."""

    holder: Any
    index: str | int
    annotation: Any
    key: str


class Overlay:
    """Puts the settings of an environment into the tables of a file.

    Attributes:
        faults: Variables that are no settings.
        places: Keys that were set, with the variable of each.

    Args:
        hook: Decodes what msgspec does not know, as its `dec_hook`.
    """

    def __init__(self, hook: Hook) -> None:
        self.faults: list[Fault] = []
        self.places: dict[str, str] = {}
        self._hook = hook

    def lay(
        self, environment: Mapping[str, str], tables: dict[str, Any], kind: type[Struct]
    ) -> None:
        """Change `tables`, which are to be a `kind`, as `environment` says."""
        names = [name for name in environment if name.startswith(PREFIX)]
        for name in sorted(names, key=lambda n: (n.count(_JOINT), n)):
            try:
                place = _table_place(name.removeprefix(PREFIX), tables, kind, "$")
            except ValueError as error:
                self.faults.append(Fault(f"{name}: {error}", "", "the environment"))
                continue
            place.holder[place.index] = self._value(environment[name], place.annotation)
            self.places[place.key] = f"the environment, {name}"

    def _value(self, text: str, annotation: Any) -> object:
        """Return what `text` says: TOML if that is of the wanted kind, else a text."""
        parsed = _parsed(text)
        for value in (parsed, text):
            try:
                msgspec.convert(value, annotation, dec_hook=self._hook)
            except (msgspec.MsgspecError, ValueError):
                continue
            return value
        return parsed


def _parsed(text: str) -> object:
    try:
        found = tomllib.loads(f"value = {text}")
    except (tomllib.TOMLDecodeError, RecursionError):
        return text
    return found["value"] if len(found) == 1 else text


def _table_place(rest: str, tables: Any, kind: type[Struct], key: str) -> _Place:
    """Return where the rest of a variable's name leads in a table."""
    known = {field.encode_name: field for field in fields(kind)}
    name, rest = _one_of(rest, known, key)
    field = known[name]
    if not rest:
        return _Place(tables, name, field.type, f"{key}.{name}")
    return _inner_place(rest, tables, field, f"{key}.{name}")


def _inner_place(rest: str, tables: Any, field: FieldInfo, key: str) -> _Place:
    item = item_of(field.type)
    if item is not None and is_struct(item):
        return _row_place(rest, tables.get(field.encode_name, []), item, key)
    kinds = [kind for kind in members(field.type) if is_struct(kind)]
    if not kinds:
        raise ValueError(f"{key} is no table: nothing can follow")
    if not isinstance(tables.get(field.encode_name), dict):
        tables[field.encode_name] = {}  # as `meter`, which may be a text
    return _table_place(rest, tables[field.encode_name], kinds[0], key)


def _row_place(rest: str, rows: Any, kind: type[Struct], key: str) -> _Place:
    names = dict(_named(rows))
    if len({_word(name) for name in names}) < len(names):
        raise ValueError(f"two names in {key} are alike in upper case: set it whole")
    name, rest = _one_of(rest, names, key)
    index = names[name]
    if not rest:
        return _Place(rows, index, kind, f"{key}[{index}]")
    return _table_place(rest, rows[index], kind, f"{key}[{index}]")


def _named(rows: Any) -> Iterator[tuple[str, int]]:
    for index, row in enumerate(rows if isinstance(rows, list) else []):
        if isinstance(row, dict) and isinstance(row.get("name"), str):
            yield row["name"], index


def _one_of(rest: str, known: Mapping[str, object], key: str) -> tuple[str, str]:
    """Return which of `known` the rest of a name begins with, and what follows."""
    for name in sorted(known, key=len, reverse=True):
        word = _word(name)
        if rest == word:
            return name, ""
        if rest.startswith(word + _JOINT):
            return name, rest[len(word + _JOINT) :]
    first = rest.partition(_JOINT)[0]
    words = sorted(map(_word, known))
    hint = nearest(first, words)
    raise ValueError(
        f"nothing in {key} is called {first}{hint or ':'} There are {', '.join(words)}"
        if words
        else f"nothing in {key} has a name: set it whole, as TOML"
    )


def _word(name: str) -> str:
    return _NO_WORD.sub("_", name.upper())
