r"""Signatures over files as `minisign -S` makes them.

    untrusted comment: ...            nobody vouches for it
    base64(ED | key number | s1)      s1: Ed25519 over BLAKE2b-512 of the file
    trusted comment: ...
    base64(s2)                        s2: Ed25519 over s1 and the trusted comment

A public key is base64(Ed | key number | 32 B). Signatures over the file itself (Ed, as
minisign made them before 0.8) are not taken: whoever signs may be handed a file that
begins like something else. Spec: jedisct1.github.io/minisign.
"""

import hashlib

from attrs import field, frozen
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from protocol.sign.base64_text import decode_strictly
from protocol.sign.errors import PublicKeyError, SignatureError

MAX_TEXT = 2048
"""Characters of a signature: comments aside it has 230."""

_UNTRUSTED, _TRUSTED = "untrusted comment: ", "trusted comment: "
_ALGORITHM, _PREHASHED = b"Ed", b"ED"
_HEAD = 10  # algorithm and key number
_KEY_BYTES = _HEAD + 32
_SIGNATURE_BYTES = _HEAD + 64
_OVER_COMMENT_BYTES = 64
_LINES = 4


@frozen
class MinisignKey:
    """A public key.

    Attributes:
        number: 8 B, drawn when it was made: which key, for people.
    """

    number: bytes
    _key: Ed25519PublicKey = field(eq=False, repr=False)

    @classmethod
    def from_text(cls, text: str) -> "MinisignKey":
        """Read the second line of `minisign.pub`.

        Raises:
            PublicKeyError: It is none.
        """
        try:
            raw = decode_strictly(text)
        except ValueError as error:
            raise PublicKeyError(f"minisign key: {error}") from error
        if len(raw) != _KEY_BYTES or raw[:2] != _ALGORITHM:
            raise PublicKeyError(f"minisign key: no Ed and 40 B, but {len(raw)} B")
        return cls(raw[2:_HEAD], Ed25519PublicKey.from_public_bytes(raw[_HEAD:]))

    def verify(self, text: str, message: bytes) -> None:
        """Check that `text` is a signature of this key over `message`.

        Raises:
            SignatureError: It is not; the message says why.
        """
        made, comment, over_comment = _parts(text)
        if made[:2] != _PREHASHED:
            raise SignatureError("minisign: not over the file's hash (sign with -H)")
        if made[2:_HEAD] != self.number:
            raise SignatureError("minisign: made by another key")
        try:
            self._key.verify(made[_HEAD:], hashlib.blake2b(message).digest())
            self._key.verify(over_comment, made[_HEAD:] + comment)
        except InvalidSignature:
            raise SignatureError("minisign: the signature does not verify") from None


def _parts(text: str) -> tuple[bytes, bytes, bytes]:
    """Return the signature, the trusted comment, and the signature over both."""
    if len(text) > MAX_TEXT:
        raise SignatureError(f"minisign: {len(text)} > {MAX_TEXT} characters")
    lines = text.removesuffix("\n").split("\n")
    if (
        len(lines) != _LINES
        or not lines[0].startswith(_UNTRUSTED)
        or not lines[2].startswith(_TRUSTED)
    ):
        raise SignatureError("minisign: not the four lines of a signature")
    try:
        made, over_comment = decode_strictly(lines[1]), decode_strictly(lines[3])
        comment = lines[2].removeprefix(_TRUSTED).encode()
    except ValueError as error:
        raise SignatureError(f"minisign: {error}") from error
    if (len(made), len(over_comment)) != (_SIGNATURE_BYTES, _OVER_COMMENT_BYTES):
        raise SignatureError("minisign: a signature of another length")
    return made, comment, over_comment
