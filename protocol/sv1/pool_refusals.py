"""Why a pool refused something: codes mean little, words mean more."""

import re

import msgspec
from msgspec import Raw

from protocol.unreadable import UNREADABLE
from protocol.work.pool_events import ShareRefusal

MAX_TEXT_CHARS = 200
MAX_CODE = 1e6

_NONE = frozenset((b"null", b"false", b'""', b"[]", b"{}"))

# In this order: "low difficulty share of job 5" is no stale one.
_BY_WORDS = (
    (re.compile(r"dup", re.IGNORECASE), ShareRefusal.DUPLICATE),
    (re.compile(r"unauth|not auth", re.IGNORECASE), ShareRefusal.UNAUTHORIZED),
    (re.compile(r"stale", re.IGNORECASE), ShareRefusal.STALE),
    (re.compile(r"version|time|nonce", re.IGNORECASE), ShareRefusal.OTHER),
    (
        re.compile(r"diff|target|high.hash|h-not-zero", re.IGNORECASE),
        ShareRefusal.LOW_DIFFICULTY,
    ),
    (re.compile(r"job|unknown.work|prev.?bl", re.IGNORECASE), ShareRefusal.STALE),
)

_BY_CODE = {
    21: ShareRefusal.STALE,
    22: ShareRefusal.DUPLICATE,
    23: ShareRefusal.LOW_DIFFICULTY,
    24: ShareRefusal.UNAUTHORIZED,
}


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


class Refusal(msgspec.Struct, frozen=True):
    """An error as a pool spelled it.

    Attributes:
        code: None if there was no number.
        text: Printable, at most `MAX_TEXT_CHARS` long.
    """

    code: int | None = None
    text: str = ""

    @property
    def of_share(self) -> ShareRefusal:
        """What it means for a share: by its words, and by code if they say nothing.

        The same code means different things from one pool to the next.
        """
        for words, refusal in _BY_WORDS:
            if words.search(self.text):
                return refusal
        return _BY_CODE.get(self.code or 0, ShareRefusal.OTHER)


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


def shown(text: str) -> str:
    """Return `text` fit for a log line: no control characters, not too long."""
    return "".join(c if c.isprintable() else "?" for c in text[:MAX_TEXT_CHARS])


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
