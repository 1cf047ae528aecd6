"""Values that are hidden in a leaf by a salted digest, and can be shown one by one.

A leaf's body has `_sd`, a list of digests; an opening is base64url of the JSON [salt,
name, value]. Whoever has it computes the digest, and so knows that the value was there;
who has not cannot guess it, for the salt. Spec: RFC 9901, section 4.2.
"""

import base64
import binascii
from hashlib import sha256
from typing import Any

import msgspec
from attrs import frozen

from protocol.errors import MalformedMessageError

DIGESTS = "_sd"
"""Key of the digests in a body."""

SALT_BYTES = 16
MAX_OPENING = 8192

_decode = msgspec.json.Decoder(tuple[str, str, Any]).decode


@frozen
class Opening:
    """One hidden value.

    Attributes:
        text: What is handed over to show it.
    """

    name: str
    value: Any
    text: str

    @property
    def digest(self) -> str:
        """What stands for it in the leaf."""
        return _base64url(sha256(self.text.encode("ascii")).digest())


def hidden(salt: bytes, name: str, value: Any) -> Opening:
    """Return the opening of a value.

    Args:
        salt: 16 B, drawn for it alone.
        name: What it is.
        value: JSON.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt of {len(salt)} B, wanted {SALT_BYTES}")
    raw = msgspec.json.encode([_base64url(salt), name, value])
    return Opening(name, value, _base64url(raw))


def opened(text: str) -> Opening:
    """Read an opening.

    Raises:
        MalformedMessageError: It is none.
    """
    if len(text) > MAX_OPENING:
        raise MalformedMessageError(f"an opening of {len(text)} characters")
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        raw = base64.b64decode(padded, altchars=b"-_", validate=True)
        _, name, value = _decode(raw)
    except (UnicodeError, binascii.Error, msgspec.DecodeError) as error:
        raise MalformedMessageError("no opening of a hidden value") from error
    return Opening(name, value, text)


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")
