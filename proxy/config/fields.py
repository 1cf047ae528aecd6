"""What every section of the file is made of."""

from typing import Annotated

from msgspec import Meta, Struct

Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=0)]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Mode = Annotated[str, Meta(pattern=r"^0?[0-7]{3}$")]
"""Permissions of a file as chmod(1) takes them."""

Group = Annotated[int, Meta(ge=0)] | Annotated[str, Meta(min_length=1, max_length=64)]
Glob = Annotated[str, Meta(min_length=1, max_length=128)]


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file; a key that it does not declare is an error."""
