"""A meter that shows its watts in plain registers, without a SunSpec map."""

import math
import struct
from enum import StrEnum

from attrs import frozen

from protocol.errors import MalformedMessageError


class NumberType(StrEnum):
    """How a number is laid out in registers."""

    INT16 = "int16"
    UINT16 = "uint16"
    INT32 = "int32"
    UINT32 = "uint32"
    INT64 = "int64"
    UINT64 = "uint64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"


class WordOrder(StrEnum):
    """Which word of a number comes first; the bytes of a word are big-endian."""

    BIG = "big"
    SWAPPED = "swapped"  # the lowest word first


class Table(StrEnum):
    """Which registers are read. Spec: Modbus 6.3 and 6.4."""

    HOLDING = "holding"
    INPUT = "input"


_FORMATS = {
    NumberType.INT16: ">h",
    NumberType.UINT16: ">H",
    NumberType.INT32: ">i",
    NumberType.UINT32: ">I",
    NumberType.INT64: ">q",
    NumberType.UINT64: ">Q",
    NumberType.FLOAT32: ">f",
    NumberType.FLOAT64: ">d",
}
_NOT_KNOWN = {
    NumberType.INT16: {0x7FFF, -0x8000},
    NumberType.UINT16: {0xFFFF},
    NumberType.INT32: {0x7FFFFFFF, -0x80000000},
    NumberType.UINT32: {0xFFFFFFFF},
    NumberType.INT64: {0x7FFFFFFFFFFFFFFF, -0x8000000000000000},
    NumberType.UINT64: {0xFFFFFFFFFFFFFFFF},
}
"""What meters send for a value that they do not have (ABB B-series, SunSpec)."""


@frozen
class WattsRegister:
    """Where a meter shows the active power of all phases.

    Attributes:
        address: Of the first register, from 0.
        scale: Watts per unit: 1000 where the meter shows kW.
        sign: -1 where what is drawn shows negative.
    """

    address: int
    type: NumberType
    scale: float = 1.0
    sign: int = 1
    order: WordOrder = WordOrder.BIG
    table: Table = Table.HOLDING

    @property
    def count(self) -> int:
        """How many registers the number takes."""
        return struct.calcsize(_FORMATS[self.type]) // 2

    def watts_of(self, data: bytes) -> float:
        """Return the watts in `data`, NaN where the meter shows nothing.

        Args:
            data: The registers in their order, two bytes each.

        Raises:
            MalformedMessageError: Another number of registers.
        """
        if len(data) != 2 * self.count:
            raise MalformedMessageError(f"{len(data)} B, wanted {2 * self.count}")
        if self.order is WordOrder.SWAPPED:
            words = [data[at : at + 2] for at in range(0, len(data), 2)]
            data = b"".join(reversed(words))
        (raw,) = struct.unpack(_FORMATS[self.type], data)
        if raw in _NOT_KNOWN.get(self.type, ()) or not math.isfinite(raw):
            return math.nan
        return float(raw) * self.scale * self.sign


_KW = 1000.0

MAKES: dict[str, WattsRegister] = {
    # Eastron, "SDM630 Modbus Protocol Implementation": 30053, total system power
    "Eastron SDM630": WattsRegister(52, NumberType.FLOAT32, table=Table.INPUT),
    # Carlo Gavazzi, "EM330 EM340 ET330 ET340 communication protocol": 0028h, W sys x 10
    "Carlo Gavazzi EM340": WattsRegister(
        0x28, NumberType.INT32, 0.1, order=WordOrder.SWAPPED, table=Table.INPUT
    ),
    # Carlo Gavazzi, "EM500 series communication protocol": 0028h, kW sys, W x 10
    "Carlo Gavazzi EM540": WattsRegister(
        0x28, NumberType.INT32, 0.1, order=WordOrder.SWAPPED, table=Table.INPUT
    ),
    # Schneider Electric, PM5000 register list: 3060, active power total, kW
    "Schneider PM5xxx": WattsRegister(3059, NumberType.FLOAT32, _KW),
    # Schneider Electric, iEM3000 user manual DOCA0005EN: 3060, total active power, kW
    "Schneider iEM3xxx": WattsRegister(3059, NumberType.FLOAT32, _KW),
    # Siemens, SENTRON PAC manuals, measured variables: offset 65, total active power
    "Siemens PAC": WattsRegister(65, NumberType.FLOAT32, table=Table.INPUT),
    # Janitza, UMG 96RM/604/509 Modbus address list: 19026, real power sum L1..L3
    "Janitza UMG": WattsRegister(19026, NumberType.FLOAT32),
    # ABB, B23/B24 and M4M user manuals: 5B14h, active power total, 0.01 W
    "ABB B2x": WattsRegister(0x5B14, NumberType.INT32, 0.01),
    "ABB M4M": WattsRegister(0x5B14, NumberType.INT32, 0.01),
    # Socomec, Countis E3x/E4x JBUS common table: C568h, total active power, kW/100
    "Socomec": WattsRegister(0xC568, NumberType.INT32, 10.0),
    # Shelly Gen2 API, EM component: 31013, total active power, lowest word first
    "Shelly Pro 3EM": WattsRegister(
        1013, NumberType.FLOAT32, order=WordOrder.SWAPPED, table=Table.INPUT
    ),
    # WAGO 879-30xx register list: 5012h, total active power, kW
    "WAGO 879": WattsRegister(0x5012, NumberType.FLOAT32, _KW),
}
"""Meters that operators own, by the name in `[sites.power.meter] make`.

What is drawn shows positive with the current transformers as the makers draw them.
"""
