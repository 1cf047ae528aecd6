"""What miners ask for, as values, and how to read it from a line of JSON."""

import re
from typing import Any

import msgspec
from msgspec import Raw

from protocol.errors import MalformedMessageError
from protocol.units import Difficulty, WorkerName
from protocol.unreadable import UNREADABLE
from protocol.work.share import Submission

# An id is sent back as it came, so its length is the length of our answer.
MAX_ID_BYTES = 64
MAX_WORKER_CHARS = 128
MAX_JOB_ID_CHARS = 16
MAX_TEXT_CHARS = 128
# Some thousand times the network's difficulty of 2025 (1.5e14).
MAX_DIFFICULTY = 1e18

NO_ID = b"null"
"""Of a request that wants no answer: null, or no id at all."""


_is_u32 = re.compile(r"[0-9a-fA-F]{1,8}").fullmatch


class Configure(msgspec.Struct):
    """mining.configure (BIP 310).

    Attributes:
        extensions: What was asked for, in order.
        mask: version-rolling.mask; None if version rolling was not asked for.
        minimum_difficulty: minimum-difficulty.value; None if not asked for.
    """

    id: bytes
    extensions: tuple[str, ...]
    mask: int | None
    minimum_difficulty: Difficulty | None


class Subscribe(msgspec.Struct):
    """mining.subscribe."""

    id: bytes
    user_agent: str


class Authorize(msgspec.Struct):
    """mining.authorize; `worker` is None if the name cannot be one."""

    id: bytes
    worker: WorkerName | None
    password: str


class Submit(msgspec.Struct):
    """mining.submit; `share` is None if its fields cannot be read."""

    id: bytes
    share: Submission | None


class SuggestDifficulty(msgspec.Struct):
    """mining.suggest_difficulty or suggest_target; None if it is no number."""

    id: bytes
    difficulty: Difficulty | None


class OtherRequest(msgspec.Struct):
    """A method without parameters of interest."""

    id: bytes
    method: str


Request = Configure | Subscribe | Authorize | Submit | SuggestDifficulty | OtherRequest


class _Line(msgspec.Struct):
    id: Raw = Raw(NO_ID)
    method: str = ""
    params: Raw = Raw(b"[]")


class _SubmitLine(msgspec.Struct):
    """The usual shape of a submit: read in one pass."""

    id: Raw
    method: str
    params: list[str]


_decode_line = msgspec.json.Decoder(_Line).decode
_decode_submit = msgspec.json.Decoder(_SubmitLine).decode
_decode_any: Any = msgspec.json.Decoder().decode


def read_request(line: bytes) -> Request:
    """Return what `line` asks for.

    Raises:
        MalformedMessageError: It is no JSON object of the protocol's shape.
    """
    try:
        # Nearly every line is a submit with text in all its fields: the strict type
        # reads it in one pass, and fails early for all else.
        quick = _decode_submit(line)
    except UNREADABLE:
        return _read_slowly(line)
    if quick.method == "mining.submit":
        return Submit(_checked_id(quick.id), read_share(quick.params))
    return _request(_checked_id(quick.id), quick.method, list(quick.params))


def read_share(params: list[str]) -> Submission | None:
    """Return the share in the parameters of a submit, None if it cannot be read."""
    # The sixth is BIP 310's version bits.
    if not 5 <= len(params) <= 6:  # noqa: PLR2004
        return None
    worker, job_id, extranonce2, ntime, nonce = params[:5]
    if len(worker) > MAX_WORKER_CHARS or len(job_id) > MAX_JOB_ID_CHARS:
        return None
    try:
        return Submission(
            WorkerName(worker),
            job_id,
            bytes.fromhex(extranonce2),
            read_u32(ntime),
            read_u32(nonce),
            read_u32(params[5]) if params[5:] and params[5] else None,
        )
    except ValueError:
        return None


def read_u32(text: str) -> int:
    """Return the number that 1 to 8 hex digits stand for.

    Some firmware leaves out leading zeros.

    Raises:
        ValueError: `text` is something else.
    """
    # int() alone takes signs, prefixes, underscores and digits of other scripts
    if _is_u32(text):
        return int(text, 16)
    raise ValueError(f"{text[:16]!r} is not 1 to 8 hex digits")


def _read_slowly(line: bytes) -> Request:
    try:
        message = _decode_line(line)
        params = _decode_any(message.params)
    except UNREADABLE as error:
        raise MalformedMessageError(f"not a Stratum message: {error}") from error
    if not isinstance(params, list):
        params = [params]
    return _request(_checked_id(message.id), message.method, params)


def _checked_id(raw: Raw) -> bytes:
    """Return the id as it was spelled: it is echoed verbatim."""
    spelled = bytes(raw)
    # A list or an object as an id would be echoed unread into our line.
    if len(spelled) > MAX_ID_BYTES or spelled[:1] in b"[{":
        raise MalformedMessageError("id is neither a number nor a short string")
    return spelled


def _request(  # noqa: PLR0911  (a case for each method)
    message_id: bytes, method: str, params: list[Any]
) -> Request:
    match method:
        case "mining.submit":
            return Submit(message_id, read_share(_as_texts(params)))
        case "mining.subscribe":
            return Subscribe(message_id, _text(params, 0))
        case "mining.authorize":
            return Authorize(message_id, _worker(params), _text(params, 1))
        case "mining.configure":
            return _configure(message_id, params)
        case "mining.suggest_difficulty":
            return SuggestDifficulty(message_id, _difficulty(params))
        case "mining.suggest_target":
            return SuggestDifficulty(message_id, _difficulty_of_target(params))
        case _ if method.startswith("mining.suggest_difficulty("):  # as old cgminer
            text = method.partition("(")[2].rstrip(")")
            return SuggestDifficulty(message_id, _difficulty([text]))
        case _:
            return OtherRequest(message_id, method[:MAX_TEXT_CHARS])


def _as_texts(params: list[Any]) -> list[str]:
    """Spell what some clients do not send as text; a sixth that is null is absent."""
    while len(params) > 5 and params[-1] is None:  # noqa: PLR2004
        params = params[:-1]
    return [_as_hex(param) for param in params]


def _as_hex(value: Any) -> str:
    """Spell a number in hex: some clients send time and nonce as JSON numbers."""
    # bool is an int in Python, and true is no time.
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return f"{value:x}"
    return value if isinstance(value, str) else "?"


def _text(params: list[Any], index: int) -> str:
    value = params[index] if len(params) > index else ""
    text = value if isinstance(value, str) else "" if value is None else str(value)
    return text[:MAX_TEXT_CHARS]


def _worker(params: list[Any]) -> WorkerName | None:
    name = params[0] if params else None
    if not isinstance(name, str) or not 0 < len(name) <= MAX_WORKER_CHARS:
        return None
    # Names stand in log lines and tables: no control characters, no line breaks.
    return WorkerName(name) if name.isprintable() else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _difficulty(params: list[Any]) -> Difficulty | None:
    number = _number(params[0]) if params else None
    if number is None or not 0 < number <= MAX_DIFFICULTY:
        return None
    return Difficulty(number)


def _difficulty_of_target(params: list[Any]) -> Difficulty | None:
    text = params[0] if params else None
    # 64 digits and 0x.
    if not isinstance(text, str) or len(text) > 66:  # noqa: PLR2004
        return None
    try:
        target = int(text, 16)
    except ValueError:
        return None
    return _difficulty([(0xFFFF << 208) / target]) if target > 0 else None


def _configure(message_id: bytes, params: list[Any]) -> Configure:
    names = params[0] if params and isinstance(params[0], list) else []
    options = params[1] if len(params) > 1 and isinstance(params[1], dict) else {}
    # BIP 310 knows four. The answer names each, so that a request bounds its length.
    extensions = tuple(n[:MAX_TEXT_CHARS] for n in names[:16] if isinstance(n, str))
    mask = None
    if "version-rolling" in extensions:
        # Without a mask all bits are meant (BIP 310).
        mask = _mask(options.get("version-rolling.mask", "ffffffff"))
    minimum = None
    if "minimum-difficulty" in extensions:
        minimum = _difficulty([options.get("minimum-difficulty.value")])
    return Configure(message_id, extensions, mask, minimum)


def _mask(value: Any) -> int:
    try:
        return read_u32(value) if isinstance(value, str) else 0
    except ValueError:
        return 0
