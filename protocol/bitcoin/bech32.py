"""Bech32 and bech32m: the checksummed text of segwit addresses (BIP 173, BIP 350)."""

from collections.abc import Iterable, Sequence
from enum import IntEnum

_CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VALUES = {char: value for value, char in enumerate(_CHARSET)}
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM_CHARS = 6
_MAX_CHARS = 90
_MIN_PRINTABLE, _MAX_PRINTABLE = 33, 126


class Checksum(IntEnum):
    """Which of the two codes a text is in; the value is the code's constant."""

    BECH32 = 1
    BECH32M = 0x2BC830A3


def decode(text: str) -> tuple[str, list[int], Checksum]:
    """Return the human-readable part, the 5-bit data and the code of `text`.

    Raises:
        ValueError: It is neither bech32 nor bech32m; the message says why.
    """
    if text.lower() != text and text.upper() != text:
        raise ValueError("upper and lower case are mixed")
    if len(text) > _MAX_CHARS:
        raise ValueError(f"{len(text)} characters > {_MAX_CHARS}")
    # The last 1 separates: it is no digit, but may stand in the part before (BIP 173).
    hrp, separator, data = text.lower().rpartition("1")
    if not separator or not hrp or len(data) < _CHECKSUM_CHARS:
        raise ValueError("no human-readable part, separator or checksum")
    if not all(_MIN_PRINTABLE <= ord(c) <= _MAX_PRINTABLE for c in hrp):
        raise ValueError("unprintable human-readable part")
    if unknown := sorted(set(data) - _VALUES.keys()):
        raise ValueError(f"character {unknown[0]!r} is not in the alphabet")
    values = [_VALUES[c] for c in data]
    residue = _polymod(_expand(hrp) + values)
    # The constant tells the two codes apart: 1 is BIP 173's, the other BIP 350's.
    if residue not in set(Checksum):
        raise ValueError("wrong checksum")
    return hrp, values[:-_CHECKSUM_CHARS], Checksum(residue)


def encode(hrp: str, values: Sequence[int], checksum: Checksum) -> str:
    """Return the text of `values` (5 bits each) behind the lower-case `hrp`."""
    padded = [*_expand(hrp), *values, *[0] * _CHECKSUM_CHARS]
    residue = _polymod(padded) ^ checksum
    tail = [residue >> 5 * (5 - i) & 31 for i in range(_CHECKSUM_CHARS)]
    return hrp + "1" + "".join(_CHARSET[v] for v in (*values, *tail))


def regroup(values: Iterable[int], source: int, to: int, *, pad: bool) -> list[int]:
    """Return `values` of `source` bits each as values of `to` bits each.

    Raises:
        ValueError: Without `pad`: bits are left over that are not zero padding.
    """
    accumulator = bits = 0
    out: list[int] = []
    for value in values:
        accumulator = accumulator << source | value
        bits += source
        while bits >= to:
            bits -= to
            out.append(accumulator >> bits & (1 << to) - 1)
    rest = accumulator & (1 << bits) - 1
    if pad and bits:
        out.append(rest << to - bits)
    elif not pad and (bits >= source or rest):
        raise ValueError("padding is not zero, or too long")
    return out


def _expand(hrp: str) -> list[int]:
    return [ord(c) >> 5 for c in hrp] + [0] + [ord(c) & 31 for c in hrp]


def _polymod(values: Iterable[int]) -> int:
    residue = 1
    for value in values:
        top = residue >> 25
        residue = (residue & 0x1FFFFFF) << 5 ^ value
        for i, generator in enumerate(_GENERATOR):
            residue ^= generator if top >> i & 1 else 0
    return residue
