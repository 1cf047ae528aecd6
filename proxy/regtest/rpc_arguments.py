"""What calls of the embedded node are given, and how they fail."""

from typing import Any

import msgspec

MISC_ERROR = -1
INVALID_ADDRESS_OR_KEY = -5
INVALID_PARAMETER = -8
DESERIALIZATION_ERROR = -22
VERIFY_REJECTED = -26
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602


class RpcError(Exception):
    """An answer that is an error, as Bitcoin Core words it."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def converted(
    name: str, params: list[Any], types: tuple[Any, ...], optional: int
) -> list[Any]:
    """Return the arguments of a call as values of `types`.

    Args:
        name: Of the call.
        params: As they came.
        types: Of all that it may have.
        optional: How many of them, the last, it can do without.

    Raises:
        RpcError: One is missing, too many, or of another type.
    """
    if len(params) > len(types):
        raise RpcError(INVALID_PARAMS, f"{name} takes {len(types)} arguments")
    try:
        values = [msgspec.convert(p, t) for p, t in zip(params, types, strict=False)]
    except msgspec.ValidationError as error:
        raise RpcError(INVALID_PARAMS, f"{name}: {error}") from error
    required = len(types) - optional
    if len(values) < required:
        raise RpcError(INVALID_PARAMS, f"{name} needs {required} arguments")
    return values


def unhex(text: str, fault: str) -> bytes:
    """Return the bytes that `text` has in hex.

    Raises:
        RpcError: It is no hex; says `fault`.
    """
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise RpcError(DESERIALIZATION_ERROR, fault) from error
