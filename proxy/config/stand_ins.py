"""What stands in for a value that cannot be used, so that all else is looked at.

Nothing acts on a stand-in. Whether a second thing is wrong is asked with several of
them: what is wrong whichever stands there is a fault of its own, what is wrong with one
alone hangs on the value that cannot be used.
"""

from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from msgspec import UNSET, Struct
from msgspec.structs import FieldInfo, fields

from proxy.config.kinds import is_struct, item_of, members, metas, sequence_of
from proxy.config.secret import Secret

LEAST, MOST = 1e-9, 1e15
"""Of a number without bounds: watts, hashes a second and seconds are between them."""


class Way(Enum):
    """Which stand-in is taken: a default where there is one, or an end of the range."""

    DEFAULT = "default"
    LOW = "low"
    HIGH = "high"


def stand_in(field: FieldInfo, value: object, way: Way) -> Any:
    """Return what stands in for `value`; UNSET: the key is left out.

    Args:
        field: What it is to be.
        value: What the file has; None: nothing.
        way: Which of several.
    """
    has_pattern = any(meta.pattern is not None for meta in metas(field.type))
    if not field.required and (way is Way.DEFAULT or has_pattern):
        return UNSET
    return _of(field.type, value, way)


def blank(kind: type[Struct], way: Way) -> Any:
    """Return a table in which every key that it needs is a stand-in."""
    needed = [field for field in fields(kind) if field.required]
    return kind(**{field.name: _of(field.type, None, way) for field in needed})


def _of(annotation: Any, value: object, way: Way) -> Any:
    if item_of(annotation) is not None:
        return sequence_of(annotation)()
    kind = members(annotation)[0]
    end = -1 if way is Way.HIGH else 0
    if is_struct(kind):
        return blank(kind, way)
    if get_origin(kind) is Literal:
        return get_args(kind)[end]
    if kind is str and isinstance(value, str):
        return value  # others may name it as it is
    if issubclass(kind, Enum):
        return list(kind)[end]
    plain = {
        bool: way is Way.HIGH,
        int: int(_number(annotation, way)),
        float: _number(annotation, way),
        str: way.value,
        Path: Path(way.value),
        Secret: Secret(way.value),
    }
    return plain.get(kind, UNSET)


def _number(annotation: Any, way: Way) -> float:
    """Return an end of a number's range."""
    least, most = LEAST, MOST
    for meta in metas(annotation):
        least = max(least, *(n for n in (meta.ge, meta.gt) if n is not None), LEAST)
        most = min(most, *(n for n in (meta.le, meta.lt) if n is not None), MOST)
    return float(most if way is Way.HIGH else least)
