"""SunSpec's values: registers, scale factors and what stands for nothing.

Spec: SunSpec Device Information Model, 6 (data types). Every register is a
big-endian 16-bit word; float32 is IEEE 754 over two of them, high word first.
"""

import math
import struct
from collections.abc import Sequence

from protocol.errors import LocalError, MalformedMessageError

INT16_NAN = -0x8000
"""0x8000: an int16 or scale factor that is not implemented or not known."""

UINT16_NAN = 0xFFFF
ACC32_LIMIT = 1 << 32
"""Accumulators wrap here; one that stays 0 is not implemented."""

FLOAT_NAN = math.nan
SCALE_LIMIT = 10
"""Scale factors go from -10 to 10."""

MAX_REGISTERS = 125
"""Most registers that one Modbus request reads. Spec: Modbus 6.3."""


def scaled(raw: int, exponent: int) -> float:
    """Return raw * 10**exponent, NaN if either is not implemented.

    Raises:
        MalformedMessageError: The scale factor is none.
    """
    if INT16_NAN in {exponent, raw}:
        return math.nan
    if abs(exponent) > SCALE_LIMIT:
        raise MalformedMessageError(
            f"scale factor {exponent}, wanted {-SCALE_LIMIT}..{SCALE_LIMIT}"
        )
    return raw * 10.0**exponent


def scale_for(value: float) -> int:
    """Return the finest scale factor, 0 or more, at which an int16 holds `value`.

    Raises:
        LocalError: No scale factor does.
    """
    for exponent in range(SCALE_LIMIT + 1):
        if abs(round(value / 10.0**exponent)) < -INT16_NAN:
            return exponent
    raise LocalError(f"{value} is beyond an int16 at scale {SCALE_LIMIT}")


def to_int16(value: float, exponent: int) -> int:
    """Return `value` at 10**exponent as an int16, or its NaN for NaN.

    Raises:
        LocalError: It does not fit.
    """
    if math.isnan(value):
        return INT16_NAN
    raw = round(value / 10.0**exponent)
    if abs(raw) >= -INT16_NAN:
        raise LocalError(f"{value} does not fit an int16 at scale {exponent}")
    return raw


def bytes_of(registers: Sequence[int]) -> bytes:
    """Return registers as they travel: big-endian words.

    Raises:
        MalformedMessageError: One of them is no 16-bit word.
    """
    if any(not 0 <= r < 1 << 16 for r in registers):
        raise MalformedMessageError("a register is not within 0..65535")
    return struct.pack(f">{len(registers)}H", *registers)


def registers_of(data: bytes) -> tuple[int, ...]:
    """Return the registers of big-endian words.

    Raises:
        MalformedMessageError: Half a register.
    """
    if len(data) % 2:
        raise MalformedMessageError(f"{len(data)} B are no whole registers")
    return struct.unpack(f">{len(data) // 2}H", data)
