"""A server's certificate: its authority vouches for its static key, for a while.

| version | valid_from | not_valid_after | signature |
| U16     | U32        | U32             | 64 B      |  little-endian

The signature is over SHA-256 of the first three and the x-only static key.
Spec: SV2 04, Certificate Format.
"""

import struct
from datetime import UTC, datetime
from hashlib import sha256

from attrs import frozen

from protocol.errors import RemoteError
from protocol.noise import ellswift
from protocol.noise.authority import AuthorityKey, AuthoritySecret
from protocol.units import Seconds, UnixTime

VERSION = 0
"""What we sign with."""

NEWEST_VERSION = 1
"""What we take: 0 is the specification's, 1 what ckpool 1.2.0 signs; the format is the
same (sv2-spec issue 229)."""

LEEWAY = Seconds(10.0)
"""How far clocks may be apart."""

_head = struct.Struct("<HII")
CERTIFICATE_BYTES = _head.size + ellswift.SIGNATURE_BYTES


class CertificateError(RemoteError):
    """The server is not who it should be, or its certificate is out of date."""


@frozen
class Certificate:
    """What a server shows of itself.

    Attributes:
        valid_from: Unix seconds.
        not_valid_after: Unix seconds.
    """

    version: int
    valid_from: int
    not_valid_after: int
    signature: bytes

    @classmethod
    def sign(
        cls,
        secret: AuthoritySecret,
        static_xonly: bytes,
        valid_from: int,
        not_valid_after: int,
        randomness: bytes,
    ) -> "Certificate":
        """Return the certificate of a static key."""
        digest = _digest(VERSION, valid_from, not_valid_after, static_xonly)
        signature = ellswift.sign(secret.raw, digest, randomness)
        return cls(VERSION, valid_from, not_valid_after, signature)

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Certificate":
        """Read one.

        Raises:
            CertificateError: It has another length.
        """
        if len(raw) != CERTIFICATE_BYTES:
            raise CertificateError(
                f"certificate of {len(raw)} B, wanted {CERTIFICATE_BYTES}"
            )
        version, valid_from, not_valid_after = _head.unpack_from(raw)
        return cls(version, valid_from, not_valid_after, raw[_head.size :])

    def __bytes__(self) -> bytes:
        head = _head.pack(self.version, self.valid_from, self.not_valid_after)
        return head + self.signature

    def check(
        self, static_xonly: bytes, authority: AuthorityKey | None, now: UnixTime
    ) -> None:
        """Return if the holder of `static_xonly` is a server of `authority`.

        Args:
            static_xonly: The key that the handshake proved.
            authority: Who must have signed; None checks the times alone.
            now: Wall time.

        Raises:
            CertificateError: It is not; the message names what was found.
        """
        if self.version > NEWEST_VERSION:
            raise CertificateError(
                f"certificate of version {self.version}, known are 0 to"
                f" {NEWEST_VERSION}"
            )
        if now + LEEWAY < self.valid_from:
            raise CertificateError(
                f"certificate is valid from {_at(self.valid_from)}, now is {_at(now)}"
            )
        if now - LEEWAY > self.not_valid_after:
            raise CertificateError(
                f"certificate lapsed at {_at(self.not_valid_after)}, now is {_at(now)}"
            )
        if authority is None:
            return
        digest = _digest(
            self.version, self.valid_from, self.not_valid_after, static_xonly
        )
        if not ellswift.is_signed(authority.xonly, self.signature, digest):
            raise CertificateError(
                f"certificate of server key {static_xonly.hex()} is not signed by "
                f"authority {authority.text}"
            )


def _digest(version: int, valid_from: int, not_valid_after: int, key: bytes) -> bytes:
    return sha256(_head.pack(version, valid_from, not_valid_after) + key).digest()


def _at(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
