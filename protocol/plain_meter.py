"""A meter that shows watts and energy in plain registers, without a SunSpec map."""

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
class PlainRegister:
    """Where a meter shows a number: the active power of all phases, or their energy.

    Attributes:
        address: Of the first register, from 0.
        scale: Watts or watt-hours per unit: 1000 where the meter shows kW, kWh.
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

    def value_of(self, data: bytes) -> float:
        """Return the watts, or watt-hours, in `data`; NaN where it shows nothing.

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


_KW = _KWH = 1000.0

MAKES: dict[str, PlainRegister] = {
    # Eastron, "SDM630 Modbus Protocol Implementation": 30053, total system power
    "Eastron SDM630": PlainRegister(52, NumberType.FLOAT32, table=Table.INPUT),
    # Carlo Gavazzi, "EM330 EM340 ET330 ET340 communication protocol": 0028h, W sys x 10
    "Carlo Gavazzi EM340": PlainRegister(
        0x28, NumberType.INT32, 0.1, order=WordOrder.SWAPPED, table=Table.INPUT
    ),
    # Carlo Gavazzi, "EM500 series communication protocol": 0028h, kW sys, W x 10
    "Carlo Gavazzi EM540": PlainRegister(
        0x28, NumberType.INT32, 0.1, order=WordOrder.SWAPPED, table=Table.INPUT
    ),
    # Schneider Electric, PM5000 register list: 3060, active power total, kW
    "Schneider PM5xxx": PlainRegister(3059, NumberType.FLOAT32, _KW),
    # Schneider Electric, iEM3000 user manual DOCA0005EN: 3060, total active power, kW
    "Schneider iEM3xxx": PlainRegister(3059, NumberType.FLOAT32, _KW),
    # Siemens, SENTRON PAC manuals, measured variables: offset 65, total active power
    "Siemens PAC": PlainRegister(65, NumberType.FLOAT32, table=Table.INPUT),
    # Janitza, UMG 96RM/604/509 Modbus address list: 19026, real power sum L1..L3
    "Janitza UMG": PlainRegister(19026, NumberType.FLOAT32),
    # ABB, B23/B24 and M4M user manuals: 5B14h, active power total, 0.01 W
    "ABB B2x": PlainRegister(0x5B14, NumberType.INT32, 0.01),
    "ABB M4M": PlainRegister(0x5B14, NumberType.INT32, 0.01),
    # Socomec, Countis E3x/E4x JBUS common table: C568h, total active power, kW/100
    "Socomec": PlainRegister(0xC568, NumberType.INT32, 10.0),
    # Shelly Gen2 API, EM component: 31013, total active power, lowest word first
    "Shelly Pro 3EM": PlainRegister(
        1013, NumberType.FLOAT32, order=WordOrder.SWAPPED, table=Table.INPUT
    ),
    # WAGO 879-30xx register list: 5012h, total active power, kW
    "WAGO 879": PlainRegister(0x5012, NumberType.FLOAT32, _KW),
}
"""Meters that operators own, by the name in `[sites.power.meter] make`.

What is drawn shows positive with the current transformers as the makers draw them.
"""

ENERGY: dict[str, PlainRegister] = {
    # as above: 30073, import, kWh
    "Eastron SDM630": PlainRegister(72, NumberType.FLOAT32, _KWH, table=Table.INPUT),
    # as above: 0034h, kWh (+) total x 10
    "Carlo Gavazzi EM340": PlainRegister(
        0x34, NumberType.INT32, 100.0, order=WordOrder.SWAPPED, table=Table.INPUT
    ),
    "Carlo Gavazzi EM540": PlainRegister(
        0x34, NumberType.INT32, 100.0, order=WordOrder.SWAPPED, table=Table.INPUT
    ),
    # as above: 3204, active energy delivered (into load), Wh
    "Schneider PM5xxx": PlainRegister(3203, NumberType.INT64),
    # as above: 3204, total active energy import, Wh
    "Schneider iEM3xxx": PlainRegister(3203, NumberType.INT64),
    # as above: offset 801, active energy import, tariff 1, Wh
    "Siemens PAC": PlainRegister(801, NumberType.FLOAT64, table=Table.INPUT),
    # as above: 19068, real energy consumed, sum L1..L3, Wh
    "Janitza UMG": PlainRegister(19068, NumberType.FLOAT32),
    # as above: 5000h, active energy import, total, 0.01 kWh
    "ABB B2x": PlainRegister(0x5000, NumberType.UINT64, 10.0),
    "ABB M4M": PlainRegister(0x5000, NumberType.UINT64, 10.0),
}
"""Where these count what was drawn, in watt-hours; the others' is not known here."""
