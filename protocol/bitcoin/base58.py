"""Base58check: bytes with a checksum, as text that people copy."""

from protocol.bitcoin.hashes import sha256d

_DIGITS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_CHECKSUM_BYTES = 4


def encode_check(payload: bytes) -> str:
    """Return `payload` and its checksum in base 58."""
    data = payload + sha256d(payload)[:_CHECKSUM_BYTES]
    number = int.from_bytes(data, "big")
    digits: list[str] = []
    while number:
        number, digit = divmod(number, 58)
        digits.append(_DIGITS[digit])
    # The number has lost its leading zero bytes: each is written as a 1.
    zeros = len(data) - len(data.lstrip(b"\0"))
    return "1" * zeros + "".join(reversed(digits))


def decode_check(text: str) -> bytes:
    """Return what `encode_check` was given.

    Raises:
        ValueError: A character is not of base 58, or the checksum is wrong. The
            message does not hold `text`, which may be a secret.
    """
    number = 0
    for char in text:
        value = _DIGITS.find(char)
        if value < 0:
            raise ValueError(f"{char!r} is not in base58")
        number = number * 58 + value
    zeros = len(text) - len(text.lstrip("1"))
    data = bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
    payload, checksum = data[:-_CHECKSUM_BYTES], data[-_CHECKSUM_BYTES:]
    if not payload or sha256d(payload)[:_CHECKSUM_BYTES] != checksum:
        raise ValueError("wrong checksum")
    return payload
