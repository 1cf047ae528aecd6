"""Read how a pool spells a refusal: it has several shapes."""

import msgspec
from msgspec import Raw

from protocol.unreadable import UNREADABLE
from protocol.work.refusal import Refusal, shown

MAX_CODE = 1e6

_NONE = frozenset((b"null", b"false", b'""', b"[]", b"{}"))


class _ErrorArray(msgspec.Struct, array_like=True):
    code: Raw = Raw(b"null")
    message: Raw = Raw(b"null")


class _ErrorObject(msgspec.Struct):
    code: Raw = Raw(b"null")
    message: Raw = Raw(b"null")


_decode_array = msgspec.json.Decoder(_ErrorArray).decode
_decode_object = msgspec.json.Decoder(_ErrorObject).decode
_decode_list = msgspec.json.Decoder(list[Raw]).decode
_decode_text = msgspec.json.Decoder(str).decode
_decode_number = msgspec.json.Decoder(int | float).decode


def is_nothing(raw: Raw) -> bool:
    """Return whether an `error` member says that there is none."""
    return bytes(raw) in _NONE


def read_refusal(error: Raw, reject_reason: Raw) -> Refusal:
    """Return the error in a pool's answer, whichever of its shapes it has.

    `[code, text, ...]`, `{"code": .., "message": ..}`, a bare string, or only the
    "reject-reason" beside it (ckpool). Words that cannot be read do not cost the code,
    and what cannot be read at all becomes an empty text: a refusal stays one.
    """
    code, text = _code_and_words(error)
    return Refusal(code, text or words_of(reject_reason))


def words_of(raw: Raw) -> str:
    """Return what a pool has put where a text for people belongs, fit for a log line.

    The text, or the first thing of a list. Of another encoding than UTF-8 the letters
    are lost that are none; numbers stay as they are spelled; null is empty.
    """
    spelled = bytes(raw)
    try:
        if spelled[:1] == b"[":
            spelled = bytes(next(iter(_decode_list(raw)), Raw(b"null")))
        if spelled in _NONE:
            return ""
        text = spelled.decode("utf-8", "replace")
        return shown(_decode_text(text) if text[:1] == '"' else text)
    except UNREADABLE:
        return shown(spelled.decode("utf-8", "replace"))


def _code_and_words(error: Raw) -> tuple[int | None, str]:
    try:
        match bytes(error)[:1]:
            case b"[":
                array = _decode_array(error)
                return _code(array.code), words_of(array.message)
            case b"{":
                thing = _decode_object(error)
                return _code(thing.code), words_of(thing.message)
    except UNREADABLE:
        return None, ""
    return None, words_of(error)


def _code(raw: Raw) -> int | None:
    try:
        code = _decode_number(raw)
    except UNREADABLE:
        return None
    return int(code) if abs(code) <= MAX_CODE else None
