"""What both sides of a handshake mix into their transcript and keys.

Spec: Noise Protocol Framework, revision 34, SymmetricState; SV2 04.
"""

import hmac
from hashlib import sha256

from attrs import define, field

from protocol.errors import LocalError
from protocol.noise.cipher import Cipher

PROTOCOL_NAME = b"Noise_NX_Secp256k1+EllSwift_ChaChaPoly_SHA256"

# The name is longer than 32 B, so its hash is where both begin (Noise, section 5.2).
_CHAINING_KEY = sha256(PROTOCOL_NAME).digest()
_TRANSCRIPT = sha256(_CHAINING_KEY).digest()  # with the empty prologue mixed in


@define
class Transcript:
    """The running hash of a handshake and the keys that it has led to.

    Attributes:
        hash: Of all that was said.
    """

    hash: bytes = field(default=_TRANSCRIPT, init=False)
    _chaining_key: bytes = field(default=_CHAINING_KEY, init=False, repr=False)
    _cipher: Cipher | None = field(default=None, init=False, repr=False)

    def mix_hash(self, said: bytes) -> None:
        """Take on what was said."""
        self.hash = sha256(self.hash + said).digest()

    def mix_key(self, shared: bytes) -> None:
        """Take on a shared secret: what is sealed from here on needs it."""
        self._chaining_key, key = _hkdf(self._chaining_key, shared)
        # A new key counts its nonces from 0 (Noise, section 5.1, InitializeKey).
        self._cipher = Cipher(key)

    def seal(self, plain: bytes) -> bytes:
        """Return `plain` sealed, as said."""
        sealed = self._keyed.encrypt(plain, self.hash)
        self.mix_hash(sealed)
        return sealed

    def open(self, sealed: bytes) -> bytes:
        """Return what the peer sealed, as said.

        Raises:
            DecryptionError: It is not authentic.
        """
        plain = self._keyed.decrypt(sealed, self.hash)
        # After the decryption, whose associated data is the hash without it (Noise,
        # 5.2).
        self.mix_hash(sealed)
        return plain

    def split(self) -> tuple[Cipher, Cipher]:
        """Return the ciphers of the conversation: the initiator's and the other's."""
        # Without input: Split, section 5.2.
        first, second = _hkdf(self._chaining_key, b"")
        return Cipher(first), Cipher(second)

    @property
    def _keyed(self) -> Cipher:
        if self._cipher is None:
            raise LocalError("nothing can be sealed before a key is shared")
        return self._cipher


def _hkdf(chaining_key: bytes, material: bytes) -> tuple[bytes, bytes]:
    """Return two keys of 32 B. Source: RFC 5869 with SHA-256."""
    secret = hmac.digest(chaining_key, material, sha256)
    first = hmac.digest(secret, b"\x01", sha256)
    return first, hmac.digest(secret, first + b"\x02", sha256)
