"""Look at the tables of a file, key by key, for all that is wrong with their types.

msgspec stops at the first fault and tells of patterns as regular expressions. Here
each key is converted by itself, so that every fault is found and said in words. What
is sound goes on to be looked at as a whole.
"""

import math
import re
from collections.abc import Callable, Iterator
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import FieldInfo, fields

from protocol.unreadable import UNREADABLE
from proxy.config.fault import Fault, nearest
from proxy.config.secret import Secret

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
        dropped: Keys with a fault that the rest can be looked at without.

    Args:
        hook: Decodes what msgspec does not know, as its `dec_hook`.
    """

    def __init__(self, hook: Hook) -> None:
        self.faults: list[Fault] = []
        self.dropped: set[str] = set()
        self._hook = hook

    def table(self, value: object, kind: type[Struct], key: str) -> Any:
        """Return what is sound of a table; None if too little of it is.

        Args:
            value: What the file has.
            kind: What it is to be.
            key: Where it is.
        """
        if not isinstance(value, dict):
            self._note(key, f"Expected a table, got {_shown(value)}")
            return None
        known = {field.encode_name: field for field in fields(kind)}
        sound, is_sound = {}, True
        for name, inner in value.items():
            field = known.get(name)
            if field is None:
                self._note(f"{key}.{name}", _unknown(name, known))
                continue
            found = self._value(inner, field.type, f"{key}.{name}")
            if found is not None:
                sound[name] = found
            elif field.required or _is_made_of_rows(field.type):
                is_sound = False
            else:
                self.dropped.add(f"{key}.{name}")
        is_sound &= self._has_all(value, known, key)
        return sound if is_sound else None

    def _has_all(
        self, value: dict[str, Any], known: dict[str, FieldInfo], key: str
    ) -> bool:
        missing = [n for n, f in known.items() if f.required and n not in value]
        for name in missing:
            self._note(key, f"Missing required key `{name}`")
        return not missing

    def _value(self, value: object, annotation: Any, key: str) -> Any:
        tables = [kind for kind in members(annotation) if is_struct(kind)]
        if tables and (isinstance(value, dict) or len(members(annotation)) == 1):
            return self.table(value, tables[0], key)
        inner = item_of(annotation)
        if inner is None or not isinstance(value, list):
            return self._leaf(value, annotation, key)
        items = [self._value(v, inner, f"{key}[{i}]") for i, v in enumerate(value)]
        if None in items:
            return None
        if not is_struct(inner):
            return self._leaf(value, annotation, key)
        why = _number_fault(len(items), annotation)
        if why:
            self._note(key, why)
        return None if why else items

    def _leaf(self, value: object, annotation: Any, key: str) -> Any:
        if isinstance(value, float) and not math.isfinite(value):
            self._note(key, f"Expected a finite number, got {value}")
            return None
        try:
            msgspec.convert(value, annotation, dec_hook=self._hook)
        except (*UNREADABLE, ValueError) as error:
            self._note(key, _explained(value, annotation, _AT.sub("", str(error))))
            return None
        return value

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
    described = [meta.description for meta in _metas(annotation) if meta.description]
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


def members(annotation: Any) -> list[Any]:
    """Return the kinds that a value may be of, None aside: TOML has none."""
    if get_origin(annotation) is Annotated:
        return members(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        return [kind for part in get_args(annotation) for kind in members(part)]
    return [] if annotation is type(None) else [annotation]


def _metas(annotation: Any) -> Iterator[Meta]:
    if get_origin(annotation) is Annotated:
        inner, *metas = get_args(annotation)
        yield from (meta for meta in metas if isinstance(meta, Meta))
        yield from _metas(inner)
    elif get_origin(annotation) in {Union, UnionType}:
        for part in get_args(annotation):
            yield from _metas(part)


def _allowed(kinds: list[Any]) -> Iterator[str]:
    for kind in kinds:
        if get_origin(kind) is Literal:
            yield from map(str, get_args(kind))
        elif isinstance(kind, type) and issubclass(kind, Enum):
            yield from (str(member.value) for member in kind)


def item_of(annotation: Any) -> Any:
    """Return what a list is made of; None if it is no list."""
    for kind in members(annotation):
        if get_origin(kind) in {list, tuple}:
            return get_args(kind)[0]
    return None


def _number_fault(number: int, annotation: Any) -> str:
    """Return why a list may not have so many items; empty if it may."""
    for meta in _metas(annotation):
        if number < (meta.min_length or 0):
            return "Expected one at least"
        if meta.max_length is not None and number > meta.max_length:
            return f"Expected at most {meta.max_length} of them, got {number}"
    return ""


def is_struct(kind: Any) -> bool:
    """Tell whether a kind is a table of known keys."""
    return isinstance(kind, type) and issubclass(kind, Struct)


def _is_made_of_rows(annotation: Any) -> bool:
    """Tell whether a list has tables in it: others name them, or count them."""
    inner = item_of(annotation)
    return inner is not None and is_struct(inner)
