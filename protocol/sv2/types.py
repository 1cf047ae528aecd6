"""The data types of Stratum V2: how the fields of messages look on the wire.

A field of a message class is annotated with one of the types below: Python sees its
type, the wire its `FieldKind`. Numbers are little-endian. Spec: SV2 03, Data Types.

A compiled construct parser takes a `Bytes` that the input cuts short as if it were
whole, and a three-byte number likewise: so every field of bytes carries a check of
its length, and U24 is put together from smaller numbers.
"""

import struct
from collections.abc import Callable, Iterable
from typing import Annotated, Any

from attrs import frozen
from construct import (
    Array,
    Bytes,
    Check,
    Construct,
    ExprAdapter,
    Float32l,
    GreedyBytes,
    If,
    Int8ul,
    Int16ul,
    Int32ul,
    Int64ul,
    Rebuild,
    Struct,
    len_,
    obj_,
    this,
)

HASH_BYTES = 32
MAX_EXTRANONCE_BYTES = 32

Parts = tuple[Construct, ...]
Convert = Callable[[Any], Any]


@frozen
class FieldKind:
    """How one field is laid out, and what converts it.

    Attributes:
        parts: Makes the construct declarations of a field from its name.
        to_wire: From the value in a message to the one laid out; None: the same.
        from_wire: The reverse; may raise ValueError or struct.error.
    """

    parts: Callable[[str], Parts]
    to_wire: Convert | None = None
    from_wire: Convert | None = None


def _plain(subcon: Construct) -> FieldKind:
    return FieldKind(lambda name: (name / subcon,))


def _fixed(size: int) -> Callable[[str], Parts]:
    # A compiled parser slices: it does not ask how much it got.
    return lambda name: (name / Bytes(size), Check(len_(this[name]) == size))


def _sized(length: Construct, largest: int | None = None) -> Callable[[str], Parts]:
    """Lay out bytes behind their own length, which `largest` may limit."""

    def parts(name: str) -> Parts:
        size = f"{name}_len"
        found: Parts = (
            size / Rebuild(length, len_(this[name])),
            name / Bytes(this[size]),
            Check(len_(this[name]) == this[size]),
        )
        return found if largest is None else (*found, Check(this[size] <= largest))

    return parts


def _counted(count: Construct, width: int) -> Callable[[str], Parts]:
    """Lay out items of `width` bytes each behind their number, as one piece."""

    def parts(name: str) -> Parts:
        number = f"{name}_count"
        return (
            number / Rebuild(count, len_(this[name]) // width),
            name / Bytes(this[number] * width),
            Check(len_(this[name]) == this[number] * width),
        )

    return parts


def _option(subcon: Construct) -> FieldKind:
    def parts(name: str) -> Parts:
        present = f"{name}_set"
        return (
            # Derived from the value, so that no sender has to set a flag beside it.
            present / Rebuild(Int8ul, this[name] != None),  # noqa: E711  (an expression)
            # OPTION is a list of 0 or 1 items: 2 is malformed, not true (SV2 03).
            Check(this[present] <= 1),
            name / If(this[present] == 1, subcon),
        )

    return FieldKind(parts)


def _numbers(code: str) -> FieldKind:
    """Return a SEQ0_64K of numbers of struct's type `code`."""
    width = struct.calcsize(f"<{code}")

    def to_wire(values: Iterable[int]) -> bytes:
        numbers = tuple(values)
        return struct.pack(f"<{len(numbers)}{code}", *numbers)

    def from_wire(raw: bytes) -> tuple[int, ...]:
        return struct.unpack(f"<{len(raw) // width}{code}", raw)

    return FieldKind(_counted(Int16ul, width), to_wire, from_wire)


def _hashes(count: Construct) -> FieldKind:
    return FieldKind(_counted(count, HASH_BYTES), _join_hashes, _split_hashes)


def _join_hashes(hashes: Iterable[bytes]) -> bytes:
    found = tuple(hashes)
    if any(len(item) != HASH_BYTES for item in found):
        raise ValueError(f"a hash that has not {HASH_BYTES} B")
    return b"".join(found)


def _split_hashes(raw: bytes) -> tuple[bytes, ...]:
    starts = range(0, len(raw), HASH_BYTES)
    return tuple(raw[at : at + HASH_BYTES] for at in starts)


_BLOB = Struct(
    # A U24 in two numbers: see the module's docstring.
    "low" / Rebuild(Int16ul, len_(this.content) & 0xFFFF),
    "high" / Rebuild(Int8ul, len_(this.content) >> 16),
    "content" / Bytes(this.low + (this.high << 16)),
    Check(len_(this.content) == this.low + (this.high << 16)),
)


def _blobs() -> FieldKind:
    """Return a SEQ0_64K of B0_16M."""

    def parts(name: str) -> Parts:
        number = f"{name}_count"
        return (
            number / Rebuild(Int16ul, len_(this[name])),
            name / Array(this[number], _BLOB),
        )

    return FieldKind(
        parts,
        lambda blobs: [{"content": blob} for blob in blobs],
        lambda found: tuple(entry["content"] for entry in found),
    )


def _number_at_end() -> FieldKind:
    """Return a U32 that may be missing where the message ends."""

    def from_wire(raw: bytes) -> int | None:
        if not raw:
            return None
        # One to three bytes are no number: struct.error, which parsing turns into
        # malformed.
        number: int = struct.unpack_from("<I", raw)[0]
        return number

    return FieldKind(
        lambda name: (name / GreedyBytes,),
        lambda value: b"" if value is None else struct.pack("<I", value),
        from_wire,
    )


def _number_of(raw: bytes) -> int:
    return int.from_bytes(raw, "little")


def _words_of(raw: bytes) -> str:
    return raw.decode(errors="replace")


def _raw_of(number: int) -> bytes:
    return number.to_bytes(HASH_BYTES, "little")


# construct's Flag takes every byte but 0 for true; SV2 03 gives meaning to one bit.
_LOW_BIT = ExprAdapter(Int8ul, obj_ & 1, obj_ & 1)

U8 = Annotated[int, _plain(Int8ul)]
U16 = Annotated[int, _plain(Int16ul)]
U32 = Annotated[int, _plain(Int32ul)]
U64 = Annotated[int, _plain(Int64ul)]
F32 = Annotated[float, _plain(Float32l)]

Bool = Annotated[bool, FieldKind(lambda name: (name / _LOW_BIT,), int, bool)]
"""Only the lowest bit of the byte has a meaning."""

Target = Annotated[int, FieldKind(_fixed(HASH_BYTES), _raw_of, _number_of)]
"""A U256 that is compared with."""

Hash = Annotated[bytes, FieldKind(_fixed(HASH_BYTES))]
"""A U256 that is passed on: 32 B in the order of the header."""

Text = Annotated[str, FieldKind(_sized(Int8ul), str.encode, bytes.decode)]
"""STR0_255: at most 255 B of UTF-8."""

Code = Annotated[str, FieldKind(_sized(Int8ul), str.encode, _words_of)]
"""STR0_255 of an error; what is no UTF-8 in it is replaced: it still refuses."""

# The limit is the type's, and a longer one is malformed wherever it stands (SV2 03).
Extranonce = Annotated[bytes, FieldKind(_sized(Int8ul, MAX_EXTRANONCE_BYTES))]
"""B0_32."""

Bytes255 = Annotated[bytes, FieldKind(_sized(Int8ul))]
Bytes64K = Annotated[bytes, FieldKind(_sized(Int16ul))]
OptionU32 = Annotated[int | None, _option(Int32ul)]
Hashes255 = Annotated[tuple[bytes, ...], _hashes(Int8ul)]
Hashes64K = Annotated[tuple[bytes, ...], _hashes(Int16ul)]
U16s = Annotated[tuple[int, ...], _numbers("H")]
U32s = Annotated[tuple[int, ...], _numbers("I")]
Blobs = Annotated[tuple[bytes, ...], _blobs()]

LateU32 = Annotated[int | None, _number_at_end()]
"""A last field that older peers do not send. What follows it is ignored."""

Trailing = Annotated[bytes, _plain(GreedyBytes)]
"""What follows the fields that we know: TLVs of extensions, or newer fields."""
