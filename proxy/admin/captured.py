"""What was recorded of a connection, message by message, fit to be shown.

Passwords are what a miner sends in mining.authorize. No text of theirs is shown that
might be one: of a line that is no request we know by its method, the parameters behind
the first are masked; of one that cannot be read at all, the text is kept back if it, or
such a line right before it, speaks of logging in.
"""

import re
from collections.abc import Iterator
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from protocol.errors import RemoteError
from protocol.sv1.server import MAX_LINE_BYTES
from protocol.sv2.codec import Message, decode
from protocol.sv2.frame import HEADER_BYTES, MAX_PAYLOAD_BYTES, frame_of, read_header
from protocol.unreadable import UNREADABLE
from proxy.runtime.tap import Piece

MASK = "***"

SHOWN_WHOLE = frozenset(
    {
        *("mining.subscribe", "mining.submit", "mining.configure"),
        *("mining.extranonce.subscribe", "mining.suggest_difficulty"),
        *("mining.suggest_target", "mining.get_transactions", "mining.ping"),
        *("mining.notify", "mining.set_difficulty", "mining.set_extranonce"),
        *("mining.set_version_mask", "client.reconnect", "client.show_message"),
        *("client.get_version", "mining.multi_version"),
    }
)
"""Requests whose parameters are no secret."""

_LOGS_IN = re.compile(rb"auth|pass|login|\\", re.IGNORECASE)
"""A backslash may spell any of them."""

MAX_TEXT_BYTES = 1024
"""Of a line that cannot be read."""

MAX_SAFE = (1 << 53) - 1
"""The largest number that every reader of JSON takes; larger ones are hex."""


class Captured(Struct, omit_defaults=True):
    """A message, as a line of a capture.

    Attributes:
        at: Unix seconds.
        way: `in`: the miner said it; `out`: we did.
        size: Bytes, of a line without its newline.
        line: Of Stratum V1, as it was spelled unless it is `masked`.
        message: Of Stratum V2, its name.
        fields: What it says; bytes and large numbers as hex.
        unreadable: Why it could not be read.
        hex: Bytes of a frame that is not known or could not be read.
        missed: Pieces of the same way before it that were not recorded.
    """

    at: float
    way: str
    size: int
    line: str = ""
    masked: bool = False
    message: str = ""
    fields: dict[str, Any] = {}
    unreadable: str = ""
    hex: str = ""
    missed: int = 0


class Reader(Protocol):
    """Cuts pieces into messages."""

    def read(self, piece: Piece) -> Iterator[Captured]:
        """Yield the messages that `piece` completes."""


class LineReader:
    """Reads Stratum V1."""

    def __init__(self) -> None:
        self._rest = {False: b"", True: b""}
        self._missed = {False: 0, True: 0}  # not told of yet
        self._skips = False  # what a miner says up to the next newline
        self._hides_next = False

    def read(self, piece: Piece) -> Iterator[Captured]:
        """Yield the lines that `piece` completes."""
        rest = self._rest[piece.is_ours]
        self._missed[piece.is_ours] += piece.missed
        if piece.missed:
            rest = b""
            self._skips |= not piece.is_ours
        *lines, rest = (rest + piece.data).split(b"\n")
        if self._skips and not piece.is_ours and lines:
            del lines[0]
            self._skips = False
        if not piece.is_ours and len(rest) > MAX_LINE_BYTES:
            lines.append(rest)  # the proxy hangs up on it, too
            rest = b""
        self._rest[piece.is_ours] = rest
        for line in filter(None, (one.removesuffix(b"\r") for one in lines)):
            found = self._captured(piece, line)
            found.missed = self._missed[piece.is_ours]
            self._missed[piece.is_ours] = 0
            yield found

    def _captured(self, piece: Piece, line: bytes) -> Captured:
        found = Captured(piece.at, _way(piece), len(line))
        try:
            said = msgspec.json.decode(line)
            text = line.decode()
        except UNREADABLE as error:
            found.unreadable = str(error) or type(error).__name__
            logs_in = bool(_LOGS_IN.search(line))
            found.masked = not piece.is_ours and (logs_in or self._hides_next)
            self._hides_next = found.masked
            shown = line[:MAX_TEXT_BYTES].decode("utf-8", "replace")
            found.line = MASK if found.masked else shown
            return found
        self._hides_next = False
        masked = None if piece.is_ours else _masked(said)
        found.masked = masked is not None
        found.line = text if masked is None else msgspec.json.encode(masked).decode()
        return found


class FrameReader:
    """Reads Stratum V2."""

    def read(self, piece: Piece) -> Iterator[Captured]:
        """Yield the messages of `piece`, which is whole frames."""
        data, missed = piece.data, piece.missed
        while len(data) >= HEADER_BYTES:
            header = read_header(data[:HEADER_BYTES], MAX_PAYLOAD_BYTES)
            size = HEADER_BYTES + header.length
            whole, data = data[:size], data[size:]
            found = Captured(piece.at, _way(piece), size, missed=missed)
            missed = 0
            try:
                message = decode(frame_of(header, whole[HEADER_BYTES:]))
            except RemoteError as error:
                message, found.unreadable = None, str(error)
            if message is None:
                found.hex = whole.hex()
            else:
                found.message = type(message).__name__
                found.fields = _fields(message)
            yield found


def _way(piece: Piece) -> str:
    return "out" if piece.is_ours else "in"


def _masked(said: Any) -> Any:
    """Return a line with its secrets masked; None: it has none."""
    if not isinstance(said, dict):
        return MASK
    method, params = said.get("method"), said.get("params")
    is_known = isinstance(method, str) and method in SHOWN_WHOLE
    if params is None or is_known:  # without any it is an answer
        return None
    if not isinstance(params, list):
        return {**said, "params": MASK}
    return {**said, "params": params[:1] + [MASK] * len(params[1:])}


def _fields(message: Message) -> dict[str, Any]:
    names = message.__struct_fields__
    return {name: _plain(getattr(message, name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, int) and value > MAX_SAFE:
        return f"{value:x}"
    return value
