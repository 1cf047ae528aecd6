"""Read a server's Stratum V1 lines, and spell a miner's."""

from typing import Any

import msgspec

from protocol.errors import MalformedMessageError
from protocol.units import Difficulty
from protocol.unreadable import UNREADABLE
from proxy.sim.nonce_search import WorkOrder

MAX_BRANCHES = 32
MAX_EXTRANONCE2_BYTES = 16
MAX_DIFFICULTY = 1e30

_encode = msgspec.json.encode


class PoolMessage(msgspec.Struct):
    """A line of a server: a call if it has a method, else an answer."""

    id: int | str | None = None
    method: str | None = None
    params: Any = None
    result: Any = None
    error: Any = None


_decode = msgspec.json.Decoder(PoolMessage).decode


def read_message(line: bytes) -> PoolMessage:
    """Return what `line` says.

    Raises:
        MalformedMessageError: It is no Stratum message.
    """
    try:
        return _decode(line)
    except UNREADABLE as error:
        raise MalformedMessageError(f"not a Stratum message: {error}") from error


def read_difficulty(value: object) -> Difficulty | None:
    """Return a positive, sensible difficulty, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return Difficulty(float(value)) if 0 < value < MAX_DIFFICULTY else None


def pong_line(message_id: int | str | None) -> bytes:
    """Return how ESP-Miner answers a ping."""
    return b'{"id":%b,"method":"pong","params":[]}\n' % _encode(message_id)


def request_line(message_id: int, method: str, params: list[object]) -> bytes:
    """Return a request."""
    return _encode({"id": message_id, "method": method, "params": params}) + b"\n"


def answer_line(message_id: int | str | None, result: object) -> bytes:
    """Return the answer to a request of the server."""
    return _encode({"id": message_id, "result": result, "error": None}) + b"\n"


def read_hex(text: object) -> int | None:
    """Return the number of 1 to 8 hex digits, else None."""
    if not isinstance(text, str) or not 1 <= len(text) <= 8:  # noqa: PLR2004
        return None
    return int(text, 16) if text.isascii() and _is_hex(text) else None


def _is_hex(text: str) -> bool:
    return all(c in "0123456789abcdefABCDEF" for c in text)


def read_extranonce(params: list[Any]) -> tuple[bytes, int] | None:
    """Return extranonce1 and the size of extranonce2, None if they are none."""
    match params:
        case [str(prefix), int(size)] if 0 < size <= MAX_EXTRANONCE2_BYTES:
            if _is_hex(prefix) and len(prefix) % 2 == 0:
                return bytes.fromhex(prefix), size
    return None


def read_order(
    params: list[Any], extranonce1: bytes, extranonce2_size: int
) -> WorkOrder | None:
    """Return the job in the parameters of a notify, None if it is none."""
    match params:
        case [str(job), str(prev), str(c1), str(c2), list(branch), v, bits, at, bool()]:
            pass
        case _:
            return None
    numbers = [read_hex(number) for number in (v, bits, at)]
    if None in numbers or len(branch) > MAX_BRANCHES or len(prev) != 64:  # noqa: PLR2004
        return None
    try:
        words = [bytes.fromhex(prev[i : i + 8])[::-1] for i in range(0, 64, 8)]
        siblings = tuple(bytes.fromhex(str(sibling)) for sibling in branch)
        coinb1, coinb2 = bytes.fromhex(c1), bytes.fromhex(c2)
    except ValueError:
        return None
    if any(len(sibling) != 32 for sibling in siblings):  # noqa: PLR2004
        return None
    version, nbits, ntime = (number or 0 for number in numbers)
    return WorkOrder(
        job,
        b"".join(words),
        coinb1,
        coinb2,
        siblings,
        version,
        nbits,
        ntime,
        extranonce1,
        extranonce2_size,
    )
