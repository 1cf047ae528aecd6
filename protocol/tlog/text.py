"""Base64, numbers and lines as C2SP's formats spell them: one spelling of each."""

import base64

from protocol.errors import MalformedMessageError
from protocol.sign.base64_text import decode_strictly


def encode64(raw: bytes) -> str:
    """Return RFC 4648 base64, section 4."""
    return base64.b64encode(raw).decode("ascii")


def decode64(text: str, what: str) -> bytes:
    """Read base64 with its padding.

    Raises:
        MalformedMessageError: It is none, or the bytes have another spelling.
    """
    try:
        return decode_strictly(text)
    except ValueError as error:
        raise MalformedMessageError(f"{what}: {error}") from error


def number_of(text: str, what: str, below: int = 1 << 63) -> int:
    """Read a decimal without sign or leading zero.

    Raises:
        MalformedMessageError: It is none, or too large.
    """
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(below)):
        raise MalformedMessageError(f"{what}: no number")
    found = int(text)
    if str(found) != text or found >= below:
        raise MalformedMessageError(f"{what}: a number out of range or with zeros")
    return found
