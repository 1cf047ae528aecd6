"""What a key of the file may be, by its annotation."""

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from msgspec import Meta, Struct


def members(annotation: Any) -> list[Any]:
    """Return the kinds that a value may be of, None aside: TOML has none."""
    if get_origin(annotation) is Annotated:
        return members(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        return [kind for part in get_args(annotation) for kind in members(part)]
    return [] if annotation is type(None) else [annotation]


def metas(annotation: Any) -> Iterator[Meta]:
    """Yield what is said of a kind beside its type."""
    if get_origin(annotation) is Annotated:
        inner, *beside = get_args(annotation)
        yield from (meta for meta in beside if isinstance(meta, Meta))
        yield from metas(inner)
    elif get_origin(annotation) in {Union, UnionType}:
        for part in get_args(annotation):
            yield from metas(part)


def item_of(annotation: Any) -> Any:
    """Return what a list is made of; None if it is no list."""
    for kind in members(annotation):
        if get_origin(kind) in {list, tuple}:
            return get_args(kind)[0]
    return None


def sequence_of(annotation: Any) -> type[list[Any]] | type[tuple[Any, ...]]:
    """Return what holds the items of a list: a list or a tuple."""
    origins = [get_origin(kind) for kind in members(annotation)]
    return tuple if tuple in origins else list


def is_struct(kind: Any) -> bool:
    """Tell whether a kind is a table of known keys."""
    return isinstance(kind, type) and issubclass(kind, Struct)
