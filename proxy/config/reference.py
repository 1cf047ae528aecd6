"""The configuration's reference, made of the sections that the program itself reads.

A section's docstring says what it is and, under `Attributes`, what each key means; its
annotations say what a key may be and its default what holds without it. So the text
cannot differ from what `check-config` checks.
"""

import inspect
import re
from collections.abc import Callable, Iterator
from textwrap import fill
from typing import Any

import msgspec
from attrs import frozen
from msgspec import inspect as shapes

from proxy.config.fields import Section
from proxy.config.model import Config
from proxy.config.secret import Secret

COLUMNS = 80
"""Of a terminal."""

_ATTRIBUTE = re.compile(r"^    (\w+): (.+\n?(?:^     +.*\n?)*)", re.MULTILINE)
"""A key in a docstring, and what is said of it on this line and those further in."""


@frozen
class Key:
    """A key of a section, in words.

    Attributes:
        kind: What its value may be.
        default: What holds without it; empty: it must be there.
    """

    name: str
    kind: str
    default: str
    meaning: str


@frozen
class Table:
    """A section: where it stands in the file, what it is, its keys."""

    place: str
    about: str
    keys: tuple[Key, ...]


def tables(section: type[Section] = Config, place: str = "") -> Iterator[Table]:
    """Yield `section` and those within it, in the order of their declaration."""
    fields = msgspec.structs.fields(section)
    meanings = _meanings(section)
    inner = [(f, list(_sections(shapes.type_info(f.type)))) for f in fields]
    yield Table(
        place,
        inspect.getdoc(section) or "",
        tuple(
            Key(f.encode_name, *_value(f), meanings.get(f.name, ""))
            for f, within in inner
            if not within or _is_also_plain(f)
        ),
    )
    for f, within in inner:
        for one, is_list in within:
            path = f"{place}.{f.encode_name}".lstrip(".")
            yield from tables(one, f"[{path}]" if is_list else path)


def reference() -> str:
    """Return all of it as Markdown."""
    parts = ["# Every key of the configuration, what it may be and its default\n"]
    for table in tables():
        if not table.keys:
            continue
        parts.append(f"\n## `{heading_of(table.place)}`\n\n{about_of(table.about)}\n\n")
        parts += (_line(key) for key in table.keys)
    return "".join(parts)


def _line(key: Key) -> str:
    default = f", [{key.default}]" if key.default else ", required"
    meaning = f": {key.meaning}" if key.meaning else ""
    text = f"* `{key.name}` ({key.kind}{default}){meaning}"
    return fill(text, COLUMNS, subsequent_indent="  ", break_on_hyphens=False) + "\n"


def heading_of(place: str) -> str:
    """Return the header of a table: `[[a]]` where it is a row of a list."""
    names = place.replace("[", "").replace("]", "")
    return f"[[{names}]]" if place.endswith("]") else f"[{names}]"


def about_of(text: str) -> str:
    """Return what a section's docstring says that it is."""
    first = text.partition("\n\n")[0].replace("\n", " ")
    about = first.partition("`: ")[2]
    return about[:1].upper() + about[1:]


def _meanings(section: type[Section]) -> dict[str, str]:
    """Return what the docstring of `section` says of each key."""
    text = (inspect.getdoc(section) or "").partition("Attributes:\n")[2]
    found: dict[str, str] = {}
    for name, meaning in _ATTRIBUTE.findall(text):
        found[name] = " ".join(meaning.split()).replace("None:", "without it:")
    return found


def _sections(shape: Any) -> Iterator[tuple[type[Section], bool]]:
    """Yield the sections that a value may be, and whether it is a list of them."""
    if isinstance(shape, shapes.StructType) and issubclass(shape.cls, Section):
        yield shape.cls, False
    elif isinstance(shape, shapes.ListType | shapes.VarTupleType):
        yield from ((one, True) for one, _ in _sections(shape.item_type))
    elif isinstance(shape, shapes.UnionType):
        for one in shape.types:
            yield from _sections(one)
    elif isinstance(shape, shapes.Metadata):
        yield from _sections(shape.type)


def _is_also_plain(field: Any) -> bool:
    shape = shapes.type_info(field.type)
    return isinstance(shape, shapes.UnionType) and any(
        not isinstance(one, shapes.StructType | shapes.NoneType) for one in shape.types
    )


def _value(field: Any) -> tuple[str, str]:
    """Return what the value may be, and its default."""
    kinds = dict.fromkeys(_kinds(shapes.type_info(field.type)))
    return " or ".join(kinds), _default(field)


def _default(field: Any) -> str:
    if field.required:
        return ""
    value = field.default
    if isinstance(value, Secret) or value is None:
        return "none" if value is None else "x"
    if isinstance(value, tuple):
        return "none" if not value else ", ".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _kinds(shape: Any) -> Iterator[str]:
    """Yield in words what a value of `shape` may be; nothing for a table."""
    match shape:
        case shapes.Metadata():
            yield from _kinds_described(shape)
        case shapes.UnionType():
            for one in shape.types:
                yield from _kinds(one)
        case shapes.ListType() | shapes.VarTupleType():
            yield from (f"list of {kind}" for kind in _kinds(shape.item_type))
        case shapes.CustomType():
            is_secret = shape.cls is Secret
            yield "text, { file = PATH } or { env = NAME }" if is_secret else "path"
        case _ if type(shape) in _SCALARS:
            yield _SCALARS[type(shape)](shape)


def _kinds_described(shape: Any) -> Iterator[str]:
    text = (shape.extra_json_schema or {}).get("description")
    if text:
        yield text
    else:
        yield from _kinds(shape.type)


def _span(shape: Any) -> str:
    """Return what a number may be."""
    name = "whole number" if isinstance(shape, shapes.IntType) else "number"
    low, high = shape.ge if shape.ge is not None else shape.gt, shape.le
    if low is None and high is None:
        return name
    if high is None:
        return (
            f"{name}, {'more than' if shape.gt is not None else 'at least'} {low:.15g}"
        )
    return f"{name}, {low:.15g} to {high:.15g}"


_SCALARS: dict[type, Callable[[Any], str]] = {
    shapes.LiteralType: lambda shape: " | ".join(map(str, shape.values)),
    shapes.EnumType: lambda shape: " | ".join(str(one.value) for one in shape.cls),
    shapes.IntType: _span,
    shapes.FloatType: _span,
    shapes.BoolType: lambda _: "true | false",
    shapes.TimeType: lambda _: "a time, as 07:00:00",
    shapes.StrType: lambda _: "text",
}
