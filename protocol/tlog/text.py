"""Base64, numbers and lines as C2SP's formats spell them: one spelling of each."""

import base64
import binascii

from protocol.errors import MalformedMessageError


def encode64(raw: bytes) -> str:
    """Return RFC 4648 base64, section 4."""
    return base64.b64encode(raw).decode("ascii")


def decode64(text: str, what: str) -> bytes:
    """Read base64 with its padding.

    Raises:
        MalformedMessageError: It is none, or the bytes have another spelling.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedMessageError(f"{what}: no base64") from error
    if encode64(raw) != text:  # bits after the end
        raise MalformedMessageError(f"{what}: base64 that is not canonical")
    return raw


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
