"""Public keys of OpenSSH: four kinds, two of them on a token that wants a touch.

| kind                               | after the kind               | signature      |
|------------------------------------|------------------------------|----------------|
| ssh-ed25519                        | key (32 B)                   | 64 B           |
| ecdsa-sha2-nistp256                | "nistp256", point (65 B)     | mpint r, s     |
| sk-ssh-ed25519@openssh.com         | as above, application        | + flags, count |
| sk-ecdsa-sha2-nistp256@openssh.com | as above, application        | + flags, count |

RSA is not taken: its keys and hashes come in sizes that would have to be judged.
Specs: RFC 8709, RFC 5656, OpenSSH PROTOCOL.u2f.
"""

from hashlib import sha256

from attrs import field, frozen
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from protocol.sign.base64_text import decode_strictly
from protocol.sign.errors import PublicKeyError, SignatureError
from protocol.sign.ssh_wire import SshReader, SshWireError

MAX_PUBLIC = 1024
"""Characters of a public key: the longest kind with an application has about 200."""

_ED25519 = b"ssh-ed25519"
_P256 = b"ecdsa-sha2-nistp256"
_TOKEN_ED25519 = b"sk-ssh-ed25519@openssh.com"
_TOKEN_P256 = b"sk-ecdsa-sha2-nistp256@openssh.com"

_CURVE = b"nistp256"
_POINT_BYTES = 65  # uncompressed: 04, x, y
_KEY_BYTES = 32
_ED25519_BYTES = 64

_TOUCHED = 1
"""The flag that somebody was there. Source: CTAP 2.1, section 6.1, UP."""


@frozen
class SshPublicKey:
    """A public key.

    Attributes:
        kind: Its name in SSH.
        blob: All of it, as SSH writes it.
        application: Of a token: which of its keys; empty where there is none.
    """

    kind: bytes
    blob: bytes
    application: bytes
    _key: Ed25519PublicKey | EllipticCurvePublicKey = field(eq=False, repr=False)

    @classmethod
    def from_text(cls, text: str) -> "SshPublicKey":
        """Read a key as `authorized_keys` has it: the kind, a space, base64.

        Raises:
            PublicKeyError: It is none of the four kinds.
        """
        if len(text) > MAX_PUBLIC:
            raise PublicKeyError(f"public key of {len(text)} > {MAX_PUBLIC} characters")
        kind, _, rest = text.partition(" ")
        try:
            return _read(kind.encode("ascii"), decode_strictly(rest))
        except ValueError as error:
            raise PublicKeyError(f"public key: {error}") from error

    def verify(self, signature: bytes, signed: bytes) -> None:
        """Check a signature as SSH writes it, its kind first.

        Raises:
            SignatureError: It was not made by this key for `signed`, or, by a token,
                without a touch.
        """
        reader = SshReader(signature)
        try:
            reader.expect("signature of kind", self.kind)
            raw = reader.string()
            if self.kind in {_TOKEN_ED25519, _TOKEN_P256}:
                signed = self._signed_by_token(reader, signed)
            reader.end()
            self._verify(raw, signed)
        except InvalidSignature:
            raise SignatureError("the signature does not verify") from None
        except ValueError as error:
            raise SignatureError(f"signature: {error}") from error

    def _signed_by_token(self, reader: SshReader, signed: bytes) -> bytes:
        flags, count = reader.take(1), reader.take(4)
        # ssh-keygen itself takes one without a touch: a program on the token's host
        # could have made it while nobody was there.
        if not flags[0] & _TOUCHED:
            raise SshWireError("the token was not touched")
        name = sha256(self.application).digest()
        return name + flags + count + sha256(signed).digest()

    def _verify(self, raw: bytes, signed: bytes) -> None:
        if isinstance(self._key, Ed25519PublicKey):
            if len(raw) != _ED25519_BYTES:
                raise SshWireError(f"{len(raw)} B, wanted {_ED25519_BYTES} B")
            self._key.verify(raw, signed)
            return
        reader = SshReader(raw)
        pair = encode_dss_signature(reader.natural(), reader.natural())
        reader.end()
        self._key.verify(pair, signed, ECDSA(SHA256()))


def _read(kind: bytes, blob: bytes) -> SshPublicKey:
    reader = SshReader(blob)
    reader.expect("key of kind", kind)
    key: Ed25519PublicKey | EllipticCurvePublicKey
    if kind in {_ED25519, _TOKEN_ED25519}:
        raw = reader.sized("key", _KEY_BYTES)
        key = Ed25519PublicKey.from_public_bytes(raw)
    elif kind in {_P256, _TOKEN_P256}:
        reader.expect("curve", _CURVE)
        point = reader.sized("point", _POINT_BYTES)
        key = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), point)
    else:
        raise SshWireError(f"kind {kind.decode()!r} is not taken")
    is_token = kind in {_TOKEN_ED25519, _TOKEN_P256}
    application = reader.string() if is_token else b""
    reader.end()
    return SshPublicKey(kind, blob, application, key)
