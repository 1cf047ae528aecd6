"""Why a pool refused something: codes mean little, words mean more."""

import re

import msgspec
from msgspec import Raw

from protocol.pool_events import ShareRefusal
from protocol.unreadable import UNREADABLE

MAX_TEXT_CHARS = 200

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
    code: int | float | str | None = None
    message: str | None = None


class _ErrorObject(msgspec.Struct):
    code: int | float | str | None = None
    message: str | None = None


_decode_array = msgspec.json.Decoder(_ErrorArray).decode
_decode_object = msgspec.json.Decoder(_ErrorObject).decode
_decode_text = msgspec.json.Decoder(str).decode


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
    "reject-reason" beside it (ckpool). What cannot be read becomes an empty text:
    a refusal stays one.
    """
    try:
        code, text = _code_and_text(error)
        text = text or _bare_text(reject_reason)
    except UNREADABLE:
        return Refusal()
    is_number = isinstance(code, int | float) and abs(code) <= 1e6  # noqa: PLR2004
    return Refusal(int(code) if is_number else None, shown(text))  # type: ignore[arg-type]


def shown(text: str) -> str:
    """Return `text` fit for a log line: no control characters, not too long."""
    return "".join(c if c.isprintable() else "?" for c in text[:MAX_TEXT_CHARS])


def _code_and_text(error: Raw) -> tuple[int | float | str | None, str]:
    match bytes(error)[:1]:
        case b"[":
            array = _decode_array(error)
            return array.code, array.message or ""
        case b"{":
            thing = _decode_object(error)
            return thing.code, thing.message or ""
        case _:
            return None, _bare_text(error)


def _bare_text(raw: Raw) -> str:
    return _decode_text(raw) if bytes(raw)[:1] == b'"' else ""
