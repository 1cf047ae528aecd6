"""A line from a pool, taken apart but not yet understood."""

from typing import Any, TypeVar

import msgspec
from msgspec import Raw

from protocol.errors import MalformedMessageError
from protocol.unreadable import UNREADABLE

MAX_ID_BYTES = 64

_NULL = Raw(b"null")

T = TypeVar("T")


class PoolLine(msgspec.Struct, rename={"reject_reason": "reject-reason"}):
    """A line with its parts unread: a request or notification if it has a method."""

    id: Raw = _NULL
    method: str | None = None
    params: Raw = Raw(b"[]")
    result: Raw = _NULL
    error: Raw = _NULL
    reject_reason: Raw = _NULL


def decoder(kind: type[T]) -> "msgspec.json.Decoder[T]":
    """Return a decoder for `kind`, to be made once at import."""
    return msgspec.json.Decoder(kind)


def read_part(part: "msgspec.json.Decoder[T]", data: Any, what: str) -> T:
    """Return `data` decoded.

    Raises:
        MalformedMessageError: It is not what `part` decodes; the text says `what`.
    """
    try:
        return part.decode(data)
    except UNREADABLE as error:
        raise MalformedMessageError(f"{what}: {error}") from error


_lines = decoder(PoolLine)
_ids = msgspec.json.Decoder(int | str | float | None)


def read_line(line: bytes) -> PoolLine:
    """Return the parts of `line`.

    Raises:
        MalformedMessageError: It is no JSON object of the protocol's shape.
    """
    return read_part(_lines, line, "line")


def read_id(raw: Raw) -> int | None:
    """Return the id of an answer as the number we gave; None if it is not ours."""
    try:
        value = _ids.decode(raw)
        return int(value) if value is not None else None
    except (*UNREADABLE, ValueError, OverflowError):
        return None


def echoed_id(raw: Raw) -> bytes:
    """Return the id of a request as it was spelled, to be echoed.

    `null`, which asks for no answer, where it is neither a number nor a short string.
    """
    spelled = bytes(raw)
    if len(spelled) > MAX_ID_BYTES or spelled[:1] in b"[{":
        return b"null"
    return spelled
