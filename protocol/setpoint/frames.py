"""Modbus TCP frames and the three functions that a setpoint server answers.

Big-endian. Spec: Modbus Messaging on TCP/IP 1.0b, 3.1.3 (MBAP header); Modbus
Application Protocol 1.1b3, 6.3, 6.6, 6.12 (functions), 7 (exceptions).
"""

import struct
from enum import IntEnum

from attrs import define, field, frozen

from protocol.errors import MalformedMessageError, RemoteError

MAX_FRAME_BYTES = 260
"""Header of 7 B and a PDU of 253 B. Spec: Messaging 3.1.3."""

MIN_LENGTH = 2
"""A header's length counts the unit and what follows, at least a function."""

MAX_PIPELINED = 16
"""Requests of one connection that wait at once. Spec: Messaging 4.4.1.2."""

MAX_READ = 125
MAX_WRITE = 123
"""Registers of one request. Spec: Application 6.3, 6.12."""

_HEADER = struct.Struct(">HHHB")
_SPAN = struct.Struct(">HH")


class Function(IntEnum):
    """Functions that are answered."""

    READ_HOLDING = 3
    WRITE_ONE = 6
    WRITE_MANY = 16


class ExceptionCode(IntEnum):
    """Why a request is refused. Spec: Application 7."""

    ILLEGAL_FUNCTION = 1
    ILLEGAL_ADDRESS = 2
    ILLEGAL_VALUE = 3
    DEVICE_FAILURE = 4
    BUSY = 6
    NO_SUCH_UNIT = 11


class RefusedError(RemoteError):
    """A request that is answered with an exception; the message says why."""

    def __init__(self, code: ExceptionCode, why: str) -> None:
        super().__init__(why)
        self.code = code


@frozen
class Frame:
    """One request or answer: the transaction that it is of, its unit, its PDU."""

    transaction: int
    unit: int
    pdu: bytes

    def encode(self) -> bytes:
        """Return it as it travels."""
        size = len(self.pdu) + 1
        return _HEADER.pack(self.transaction, 0, size, self.unit) + self.pdu


@frozen
class Read:
    """Registers that are asked for."""

    address: int
    count: int


@frozen
class Write:
    """Registers that are written, all in one."""

    function: Function
    address: int
    values: tuple[int, ...]


@define
class FrameReader:
    """Cuts what comes of one connection into frames."""

    _waiting: bytes = field(default=b"", init=False)

    @property
    def is_within(self) -> bool:
        """A frame has begun and has not ended."""
        return bool(self._waiting)

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames that `data` completes.

        Raises:
            MalformedMessageError: This is no Modbus, or more than may wait at once.
        """
        if len(data) > MAX_PIPELINED * MAX_FRAME_BYTES:
            raise MalformedMessageError(f"{len(data)} B at once")
        frames: list[Frame] = []
        waiting, at = self._waiting + data, 0
        while len(waiting) - at >= _HEADER.size:
            frame, end = _frame(waiting, at)
            if frame is None:
                break
            if len(frames) == MAX_PIPELINED:
                raise MalformedMessageError(f"> {MAX_PIPELINED} requests at once")
            frames.append(frame)
            at = end
        self._waiting = waiting[at:]
        return frames


def _frame(data: bytes, at: int) -> tuple[Frame | None, int]:
    transaction, protocol, length, unit = _HEADER.unpack_from(data, at)
    if protocol != 0 or not MIN_LENGTH <= length <= MAX_FRAME_BYTES - 6:
        raise MalformedMessageError(f"protocol {protocol}, length {length}")
    end = at + 6 + length
    if end > len(data):
        return None, at
    return Frame(transaction, unit, data[at + _HEADER.size : end]), end


def parse_request(pdu: bytes) -> Read | Write:
    """Return what a PDU asks for.

    Raises:
        RefusedError: It is answered with an exception.
    """
    function, rest = pdu[0], pdu[1:]
    if function not in set(Function):
        raise RefusedError(ExceptionCode.ILLEGAL_FUNCTION, f"function {function}")
    if len(rest) < _SPAN.size:
        raise RefusedError(ExceptionCode.ILLEGAL_VALUE, f"{len(pdu)} B are no request")
    address, word = _SPAN.unpack_from(rest)
    if function == Function.WRITE_MANY:
        return Write(Function.WRITE_MANY, address, _values(rest, word))
    if len(rest) != _SPAN.size:
        raise RefusedError(ExceptionCode.ILLEGAL_VALUE, f"{len(pdu)} B are too many")
    if function == Function.WRITE_ONE:
        return Write(Function.WRITE_ONE, address, (word,))
    if not 1 <= word <= MAX_READ:
        raise RefusedError(ExceptionCode.ILLEGAL_VALUE, f"{word} registers")
    return Read(address, word)


def _values(rest: bytes, count: int) -> tuple[int, ...]:
    is_whole = len(rest) == 5 + 2 * count and rest[4] == 2 * count
    if not 1 <= count <= MAX_WRITE or not is_whole:
        raise RefusedError(
            ExceptionCode.ILLEGAL_VALUE, f"{count} registers in {len(rest) - 5} B"
        )
    return struct.unpack_from(f">{count}H", rest, 5)


def read_answer(values: tuple[int, ...]) -> bytes:
    """Return the PDU that holds registers."""
    head = bytes((Function.READ_HOLDING, 2 * len(values)))
    return head + struct.pack(f">{len(values)}H", *values)


def write_answer(request: Write) -> bytes:
    """Return the PDU that says that registers were written."""
    is_one = request.function is Function.WRITE_ONE
    word = request.values[0] if is_one else len(request.values)
    return bytes((request.function,)) + _SPAN.pack(request.address, word)


def exception_answer(pdu: bytes, code: ExceptionCode) -> bytes:
    """Return the PDU that refuses the request in `pdu`."""
    return bytes((pdu[0] | 0x80, code))
