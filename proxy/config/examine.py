"""Look at the tables of a file, key by key, for all that is wrong with their types.

msgspec stops at the first fault and tells of patterns as regular expressions. Here
each key is converted by itself, so that every fault is found and said in words. What
stands in for values that cannot be used lets the rest be looked at as a whole.
"""

import math
import re
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, Literal, get_args, get_origin

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import FieldInfo, fields

from protocol.unreadable import UNREADABLE
from proxy.config.fault import Fault, nearest
from proxy.config.kinds import is_struct, item_of, members, metas, sequence_of
from proxy.config.secret import Secret
from proxy.config.stand_ins import Way, blank, stand_in

MAX_SHOWN = 60
"""Characters of a wrong value that are shown."""

Hook = Callable[[type, Any], object]

_FACTORS = {"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9}
_WITH_UNIT = re.compile(r"\s*([0-9][0-9_]*(?:\.[0-9]+)?)\s*([kKMG])(?:W|H/s)?\s*")
_WORDS = {
    "`float`": "a number",
    "`int`": "a whole number",
    "`str`": "a text",
    "`bool`": "true or false",
    "`array`": "a list",
    "`object`": "a table",
}
"""What msgspec says, and what people do who write files."""

_AT = re.compile(r" - at `[^`]*`$")


class Examiner:
    """Finds the faults of one file.

    Attributes:
        faults: Those found so far.
        dropped: Keys whose value cannot be used: something stands in for it.

    Args:
        hook: Decodes what msgspec does not know, as its `dec_hook`.
        way: What stands in.
    """

    def __init__(self, hook: Hook, way: Way = Way.DEFAULT) -> None:
        self.faults: list[Fault] = []
        self.dropped: set[str] = set()
        self._hook = hook
        self._way = way

    def table(self, value: object, kind: type[Struct], key: str) -> Any:
        """Return a table as a `kind`; None if it is none.

        Args:
            value: What the file has.
            kind: What it is to be.
            key: Where it is.
        """
        if not isinstance(value, dict):
            self._note(key, f"Expected a table, got {_shown(value)}")
            return None
        known = {field.encode_name: field for field in fields(kind)}
        found: dict[str, Any] = {}
        for name, inner in value.items():
            field = known.get(name)
            if field is None:
                self._note(f"{key}.{name}", _unknown(name, known))
                continue
            found[field.name] = self._value(inner, field.type, f"{key}.{name}")
            if found[field.name] is None:
                found[field.name] = self._stand_in(field, inner, key)
        for name, field in known.items():
            if field.required and name not in value:
                self._note(key, f"Missing required key `{name}`")
                found[field.name] = self._stand_in(field, None, key)
        return kind(**{name: one for name, one in found.items() if one is not UNSET})

    def _stand_in(self, field: FieldInfo, value: object, key: str) -> Any:
        self.dropped.add(f"{key}.{field.encode_name}")
        return stand_in(field, value, self._way)

    def _value(self, value: object, annotation: Any, key: str) -> Any:
        """Return what a key says; None if it cannot be used."""
        tables = [kind for kind in members(annotation) if is_struct(kind)]
        if tables and (isinstance(value, dict) or len(members(annotation)) == 1):
            return self.table(value, tables[0], key)
        inner = item_of(annotation)
        if is_struct(inner) and isinstance(value, dict):
            name = key.removeprefix("$.").partition("[")[0]
            self._note(key, f"Expected rows, each under [[{name}]], got one [{name}]")
            return self._rows([value], annotation, key)
        if inner is None or not isinstance(value, list):
            return self._leaf(value, annotation, key)
        if is_struct(inner):
            return self._rows(value, annotation, key)
        items = [self._value(v, inner, f"{key}[{i}]") for i, v in enumerate(value)]
        return None if None in items else self._leaf(value, annotation, key)

    def _rows(self, value: list[Any], annotation: Any, key: str) -> Any:
        """Return the tables of a list: others name them, or count them."""
        inner, rows = item_of(annotation), []
        for index, one in enumerate(value):
            row = self.table(one, inner, f"{key}[{index}]")
            if row is None:
                self.dropped.add(f"{key}[{index}]")
                row = blank(inner, self._way)
            rows.append(row)
        if why := _number_fault(len(rows), annotation):
            self._note(key, why)
        return sequence_of(annotation)(rows)

    def _leaf(self, value: object, annotation: Any, key: str) -> Any:
        if isinstance(value, float) and not math.isfinite(value):
            self._note(key, f"Expected a finite number, got {value}")
            return None
        try:
            return msgspec.convert(value, annotation, dec_hook=self._hook)
        except (*UNREADABLE, ValueError) as error:
            self._note(key, _explained(value, annotation, _AT.sub("", str(error))))
            return None

    def _note(self, key: str, text: str) -> None:
        self.faults.append(Fault(text, key))


def _unknown(name: str, known: dict[str, FieldInfo]) -> str:
    hint = nearest(name, known)
    return (
        f"Unknown key `{name}`{hint or ':'} Here may stand {', '.join(sorted(known))}"
    )


def _explained(value: object, annotation: Any, error: str) -> str:
    """Return what is wrong with a value in the words of those who write files."""
    kinds = members(annotation)
    if Secret in kinds:
        return error
    if (allowed := list(_allowed(kinds))) and isinstance(value, str):
        hint = nearest(value, allowed)
        return f"Expected one of {', '.join(allowed)}, got {_shown(value)}{hint}"
    if isinstance(value, str) and {int, float} & set(kinds) and str not in kinds:
        return f"Expected a number, got {_shown(value)}{in_digits(value)}"
    described = [meta.description for meta in metas(annotation) if meta.description]
    if described and isinstance(value, str):
        return f"Expected {described[0]}, got {_shown(value)}"
    error = re.sub(r", got (`\w+`|int|float|bool)$", "", error)
    for jargon, word in _WORDS.items():
        error = error.replace(jargon, word)
    is_said = "got" in error or isinstance(value, dict | list)
    return error if is_said else f"{error}, got {_shown(value)}"


def in_digits(text: str) -> str:
    """Return how a number is written that `text` has with a unit or in quotes.

    Empty: it is neither.
    """
    found = _WITH_UNIT.fullmatch(text)
    if found is None:
        return ": numbers stand without quotes" if text.strip().isdecimal() else ""
    digits = float(found[1].replace("_", "")) * _FACTORS[found[2]]
    return f": in a file it is {f'{digits:,.0f}'.replace(',', '_')}"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    shown = repr(value) if isinstance(value, str | int | float) else _kind_of(value)
    return shown if len(shown) <= MAX_SHOWN else f"{shown[:MAX_SHOWN]}..."


def _kind_of(value: object) -> str:
    if isinstance(value, dict):
        return "a table"
    return "a list" if isinstance(value, list) else f"a {type(value).__name__}"


def _allowed(kinds: list[Any]) -> Iterator[str]:
    for kind in kinds:
        if get_origin(kind) is Literal:
            yield from map(str, get_args(kind))
        elif isinstance(kind, type) and issubclass(kind, Enum):
            yield from (str(member.value) for member in kind)


def _number_fault(number: int, annotation: Any) -> str:
    """Return why a list may not have so many items; empty if it may."""
    for meta in metas(annotation):
        if number < (meta.min_length or 0):
            return "Expected one at least"
        if meta.max_length is not None and number > meta.max_length:
            return f"Expected at most {meta.max_length} of them, got {number}"
    return ""
