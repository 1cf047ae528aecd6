"""Bitcoin's variable-length integers and the pushes of its scripts."""

MAX_DIRECT_PUSH = 75
"""Bytes that one opcode pushes without a length byte of its own."""

_OP_PUSHDATA1 = 0x4C
_MAX_PUSHDATA1 = 255


def compact_size(number: int) -> bytes:
    """Return `number` as a CompactSize: 1, 3, 5 or 9 bytes, little-endian.

    Source: Bitcoin Core, serialize.h.

    Raises:
        OverflowError: `number` is negative or above 2**64 - 1.
    """
    if 0 <= number < 0xFD:  # noqa: PLR2004  (the first marker)
        return number.to_bytes(1, "little")
    if number <= 0xFFFF:  # noqa: PLR2004
        return b"\xfd" + number.to_bytes(2, "little")
    if number <= 0xFFFFFFFF:  # noqa: PLR2004
        return b"\xfe" + number.to_bytes(4, "little")
    return b"\xff" + number.to_bytes(8, "little")


def with_length(data: bytes) -> bytes:
    """Return `data` behind its length, as scripts and strings are serialised."""
    return compact_size(len(data)) + data


def push(data: bytes) -> bytes:
    """Return the shortest script that pushes `data` as it is.

    Raises:
        ValueError: More than 255 B: nothing that belongs into a coinbase.
    """
    if len(data) <= MAX_DIRECT_PUSH:
        return bytes((len(data),)) + data
    if len(data) <= _MAX_PUSHDATA1:
        return bytes((_OP_PUSHDATA1, len(data))) + data
    raise ValueError(f"push of {len(data)} B > {_MAX_PUSHDATA1} B")
