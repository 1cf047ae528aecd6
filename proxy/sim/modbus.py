"""A Modbus TCP server that shows one simulated meter.

| transaction 2 | protocol 2, 0 | length 2 | unit 1 | function 1 | ... |   big-endian
| function 3, 4: address 2, count 2 -> bytes 1, registers | else function|0x80, code |

Spec: Modbus Application Protocol 1.1b3, 6.3; Modbus Messaging on TCP/IP 1.0b, 3.1.
"""

import struct
from collections.abc import Callable

from twisted.internet.protocol import Protocol
from typing_extensions import override

from protocol.sunspec.survey import BASES
from protocol.sunspec.values import MAX_REGISTERS

MAX_LENGTH = 254  # of unit and PDU together
_MIN_LENGTH = 2
_LENGTH_AT = 6  # bytes before what `length` counts
_HEADER = struct.Struct(">HHHB")
_READ = struct.Struct(">BHH")
_READS = {3, 4}
_ILLEGAL_FUNCTION, _ILLEGAL_ADDRESS, _ILLEGAL_VALUE = 1, 2, 3

Registers = Callable[[], bytes | None]
"""Gives the map from register 40000 on; None: the meter is silent."""


class MeterRegisters(Protocol):
    """One client of the meter."""

    def __init__(self, registers: Registers, unit: int) -> None:
        self._registers = registers
        self._unit = unit
        self._buffer = b""  # at most one frame and what came with it

    @override
    def dataReceived(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= _HEADER.size:
            transaction, protocol, length, unit = _HEADER.unpack_from(self._buffer)
            if protocol != 0 or not _MIN_LENGTH <= length <= MAX_LENGTH:
                self._hang_up()
                return
            if len(self._buffer) < _LENGTH_AT + length:
                return
            pdu = self._buffer[_HEADER.size : _LENGTH_AT + length]
            self._buffer = self._buffer[_LENGTH_AT + length :]
            self._answer(transaction, unit, pdu)

    def _answer(self, transaction: int, unit: int, pdu: bytes) -> None:
        found = self._registers()
        if found is None or unit != self._unit or self.transport is None:
            return  # nobody is at that address: a gateway says nothing
        reply = reply_to(pdu, found)
        header = _HEADER.pack(transaction, 0, len(reply) + 1, unit)
        self.transport.write(header + reply)

    def _hang_up(self) -> None:
        self._buffer = b""
        if self.transport is not None:
            self.transport.loseConnection()


def reply_to(pdu: bytes, registers: bytes) -> bytes:
    """Return the answer to a request for `registers`, the first of them 40000."""
    function = pdu[0]
    if function not in _READS:
        return bytes([function | 0x80, _ILLEGAL_FUNCTION])
    if len(pdu) != _READ.size:
        return bytes([function | 0x80, _ILLEGAL_VALUE])
    _, address, count = _READ.unpack(pdu)
    if not 1 <= count <= MAX_REGISTERS:
        return bytes([function | 0x80, _ILLEGAL_VALUE])
    first = 2 * (address - BASES[0])
    if first < 0 or first + 2 * count > len(registers):
        return bytes([function | 0x80, _ILLEGAL_ADDRESS])
    return bytes([function, 2 * count]) + registers[first : first + 2 * count]
