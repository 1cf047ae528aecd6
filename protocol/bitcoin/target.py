"""Targets and difficulties, exact where a decision hangs on them.

A target is an int: a hash meets it when its 32 bytes, read little-endian, are not
above it. Difficulty is a float for people and pools; every decision compares ints.
"""

import math
from fractions import Fraction
from functools import lru_cache

from protocol.units import Difficulty

DIFFICULTY_1_TARGET = 0xFFFF << 208
"""The target of difficulty 1 (nbits 1d00ffff)."""

MAX_TARGET = (1 << 256) - 1

_MANTISSA_SIGN = 0x00800000
_MANTISSA_MASK = 0x007FFFFF


@lru_cache(maxsize=256)  # a block has one, however many connections bring it
def target_from_nbits(nbits: int) -> int:
    """Return the target that the compact form `nbits` stands for.

    Source: Bitcoin Core, arith_uint256::SetCompact.

    Raises:
        ValueError: `nbits` is negative, zero or wider than 256 bits.
    """
    exponent, mantissa = nbits >> 24, nbits & _MANTISSA_MASK
    shift = 8 * (exponent - 3)
    target = mantissa << shift if shift >= 0 else mantissa >> -shift
    # Bit 23 of the compact form is a sign: a negative target is none (SetCompact).
    if nbits & _MANTISSA_SIGN or not 0 < target <= MAX_TARGET:
        raise ValueError(f"nbits {nbits:08x} is no target")
    return target


@lru_cache(maxsize=4096)  # difficulties are few, Fraction is slow
def target_from_difficulty(difficulty: Difficulty) -> int:
    """Return floor(difficulty-1 target / `difficulty`), at most 2**256 - 1.

    Exact for every float: Fraction holds what the float holds.

    Raises:
        ValueError: `difficulty` is not a finite number above 0.
    """
    if not (math.isfinite(difficulty) and difficulty > 0):
        raise ValueError(f"difficulty {difficulty!r} is not a finite number above 0")
    exact = Fraction(difficulty)
    # A difficulty below 2**-32 gives a number that is wider than 256 bits.
    return min(DIFFICULTY_1_TARGET * exact.denominator // exact.numerator, MAX_TARGET)


def difficulty_from_target(target: int) -> Difficulty:
    """Return the difficulty of `target`, or of a hash read as a target.

    For people and sums only: compare targets, not difficulties.
    """
    return Difficulty(DIFFICULTY_1_TARGET / max(target, 1))


def floor_power_of_two(difficulty: Difficulty) -> Difficulty:
    """Return the largest power of two that is not above `difficulty`.

    ASICs round difficulties down to a power of two themselves.
    """
    # frexp's fraction is at least 0.5 and below 1.
    _, exponent = math.frexp(difficulty)
    return Difficulty(math.ldexp(0.5, exponent))
