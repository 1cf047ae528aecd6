"""Authority keys: who vouches for the keys of a pool's servers.

An authority key is written in base58check, with a version in front of the 32 B (the
bytes 01 00), or bare by older pools. Spec: SV2 04, URL Scheme and Pool Authority Key.
"""

from attrs import field, frozen

from protocol.bitcoin.base58 import decode_check, encode_check
from protocol.errors import ProtocolError
from protocol.noise import ellswift

_VERSION = b"\x01\x00"
_MAX_TEXT = 64  # 34 B and a checksum are 52 characters


class AuthorityKeyError(ProtocolError):
    """A text that is no authority key; the message says why, without the text."""


@frozen
class AuthorityKey:
    """The public key that certificates are checked against.

    Attributes:
        xonly: 32 B, big-endian. Source: BIP 340.
    """

    xonly: bytes

    @classmethod
    def from_text(cls, text: str) -> "AuthorityKey":
        """Read either encoding.

        Raises:
            AuthorityKeyError: It is neither.
        """
        # Decoding takes time by the square of the length, and anybody may have written
        # the text.
        if len(text) > _MAX_TEXT:
            raise AuthorityKeyError(f"authority key of {len(text)} characters")
        try:
            raw = decode_check(text)
        except ValueError as error:
            raise AuthorityKeyError(f"authority key: {error}") from error
        # Told apart by length alone: Braiins and others still publish the bare 32 B.
        if len(raw) == len(_VERSION) + ellswift.XONLY_BYTES:
            version, raw = raw[: len(_VERSION)], raw[len(_VERSION) :]
            if version != _VERSION:
                raise AuthorityKeyError(
                    f"authority key of version {version.hex()}, wanted {_VERSION.hex()}"
                )
        if len(raw) != ellswift.XONLY_BYTES:
            raise AuthorityKeyError(
                f"authority key of {len(raw)} B, wanted {ellswift.XONLY_BYTES}"
            )
        if not ellswift.is_on_curve(raw):
            raise AuthorityKeyError("authority key is no point of the curve")
        return cls(raw)

    @property
    def text(self) -> str:
        """As it is written today: with its version."""
        return encode_check(_VERSION + self.xonly)

    @property
    def bare_text(self) -> str:
        """As older peers write it: without version."""
        return encode_check(self.xonly)


@frozen
class AuthoritySecret:
    """What certificates are signed with."""

    raw: bytes = field(repr=False)

    @classmethod
    def from_text(cls, text: str) -> "AuthoritySecret":
        """Read it from base58check of 32 B.

        Raises:
            AuthorityKeyError: It is none.
        """
        try:
            raw = decode_check(text)
        except ValueError as error:
            raise AuthorityKeyError(f"authority secret: {error}") from error
        return cls.from_bytes(raw)

    @classmethod
    def from_bytes(cls, raw: bytes) -> "AuthoritySecret":
        """Take on 32 random bytes.

        Raises:
            AuthorityKeyError: They are no key of the curve.
        """
        try:
            ellswift.xonly_of_secret(raw)
        except ProtocolError as error:
            raise AuthorityKeyError(
                f"authority secret of {len(raw)} B: {error}"
            ) from error
        return cls(raw)

    @property
    def text(self) -> str:
        """The secret in base58check, for a file that nobody else can read."""
        return encode_check(self.raw)

    @property
    def key(self) -> AuthorityKey:
        """The public part."""
        return AuthorityKey(ellswift.xonly_of_secret(self.raw))
