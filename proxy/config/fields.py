"""What every section of the file is made of."""

from typing import Annotated

from msgspec import Meta, Struct

Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=0)]


def written(pattern: str, description: str) -> Meta:
    """Return what a text must look like, for msgspec and in words."""
    return Meta(pattern=pattern, description=description)


Name = Annotated[
    str,
    written(
        r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$",
        "1 to 64 letters, digits or signs of _ . -, a letter or digit first",
    ),
]
Mode = Annotated[str, written(r"^0?[0-7]{3}$", 'permissions in octal, as "0660"')]
Group = Annotated[int, Meta(ge=0)] | Annotated[str, Meta(min_length=1, max_length=64)]
Glob = Annotated[str, Meta(min_length=1, max_length=128)]


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file; a key that it does not declare is an error."""
