"""ChaCha20-Poly1305 whose nonces are counted, so that none is used twice.

Spec: Noise Protocol Framework, revision 34, CipherState.
"""

from struct import Struct

from attrs import define
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from protocol.errors import LocalError, RemoteError

# Noise's ChaChaPoly: 32 bits of zeros, then the counter in little-endian.
_pack_nonce = Struct("<IQ").pack

MAC_BYTES = 16
MAX_NONCE = (1 << 64) - 1
"""Noise reserves it: a key ends one message before."""


class DecryptionError(RemoteError):
    """What came was not written by the peer, or not in this order."""


@define(init=False, repr=False)
class Cipher:
    """One direction of a conversation, under one key.

    It is good for nothing after a failure: what follows cannot be trusted.
    """

    _aead: ChaCha20Poly1305
    _key: bytes
    _nonce: int

    def __init__(self, key: bytes) -> None:
        self._aead = ChaCha20Poly1305(key)
        self._key = key
        self._nonce = 0

    def hand_over(self) -> tuple[bytes, int]:
        """Return the key and its next nonce, for someone else to go on with.

        It is good for nothing any more: no nonce shall be used twice.
        """
        nonce, self._nonce = self._nonce, MAX_NONCE
        key, self._key = self._key, b""
        return key, nonce

    def encrypt(self, plain: bytes, ad: bytes = b"") -> bytes:
        """Return `plain` sealed, with its MAC of 16 B.

        Raises:
            LocalError: The key is used up.
        """
        return self._aead.encrypt(self._next(), plain, ad)

    def decrypt(self, sealed: bytes, ad: bytes = b"") -> bytes:
        """Return what the peer sealed.

        Raises:
            DecryptionError: It is not authentic.
            LocalError: The key is used up.
        """
        try:
            return self._aead.decrypt(self._next(), sealed, ad)
        except InvalidTag as error:
            # What comes after a forged or lost message cannot be in order: never try
            # again.
            self._nonce = MAX_NONCE
            raise DecryptionError(f"{len(sealed)} B are not authentic") from error

    def _next(self) -> bytes:
        nonce = self._nonce
        if nonce >= MAX_NONCE:
            raise LocalError("the key is used up")
        self._nonce = nonce + 1
        return _pack_nonce(0, nonce)
