"""Keys of secp256k1, their 64-byte ElligatorSwift form, and Diffie-Hellman on it.

coincurve bundles libsecp256k1, whose EllSwift functions its public classes do not
offer; so we call the library below them, and look at import that it is the one we
know. Source: BIP 324, ElligatorSwift; BIP 340, x-only keys.
"""

from typing import Any

from attrs import field, frozen
from coincurve import PrivateKey, PublicKeyXOnly
from coincurve._libsecp256k1 import ffi, lib
from coincurve.context import GLOBAL_CONTEXT

from protocol.errors import LocalError, RemoteError

SECRET_BYTES = 32
POINT_BYTES = 64
XONLY_BYTES = 32
SIGNATURE_BYTES = 64

_context: Any = GLOBAL_CONTEXT.ctx


class BadKeyError(RemoteError):
    """Bytes that are no key of the curve."""


@frozen
class KeyPair:
    """A secret and its public point.

    Attributes:
        point: 64 B; many encodings stand for one point, and all look random.
    """

    _secret: bytes = field(repr=False)
    point: bytes

    @classmethod
    def from_secret(cls, secret: bytes, randomness: bytes) -> "KeyPair":
        """Return the pair of `secret`, encoded with 32 B of `randomness`.

        Raises:
            LocalError: `secret` is 0 or not below the order of the curve; one in
                2**128 is.
        """
        if (len(secret), len(randomness)) != (SECRET_BYTES, SECRET_BYTES):
            raise LocalError(f"secret and randomness need {SECRET_BYTES} B each")
        out = ffi.new("unsigned char[64]")
        if not lib.secp256k1_ellswift_create(_context, out, secret, randomness):
            raise LocalError("secret is no key of the curve")
        return cls(secret, bytes(ffi.buffer(out)))

    @property
    def xonly(self) -> bytes:
        """The public key, 32 B."""
        return xonly_of(self.point)

    def shared(self, theirs: bytes, *, initiates: bool) -> bytes:
        """Return the 32 B that we share with the holder of `theirs`.

        Args:
            theirs: Their point, 64 B.
            initiates: We are the handshake's initiator, whichever key this is.

        Raises:
            BadKeyError: `theirs` is no key.
        """
        if len(theirs) != POINT_BYTES:  # the library would read on
            raise BadKeyError(f"key of {len(theirs)} B, wanted {POINT_BYTES}")
        out = ffi.new("unsigned char[32]")
        # The hash takes both points, the initiator's first, for ee and es alike: roles
        # count and not whose key it is (SV2 04; BIP 324).
        first, second = (self.point, theirs) if initiates else (theirs, self.point)
        done = lib.secp256k1_ellswift_xdh(
            _context,
            out,
            first,
            second,
            self._secret,
            0 if initiates else 1,
            lib.secp256k1_ellswift_xdh_hash_function_bip324,
            ffi.NULL,
        )
        if not done:
            raise BadKeyError("no shared secret with the peer's key")
        return bytes(ffi.buffer(out))


def xonly_of(point: bytes) -> bytes:
    """Return the public key, 32 B, that 64 B of ElligatorSwift stand for.

    Raises:
        BadKeyError: `point` has another length; every 64 B stand for some key.
    """
    if len(point) != POINT_BYTES:
        raise BadKeyError(f"key of {len(point)} B, wanted {POINT_BYTES}")
    # Neither call below can fail: the first returns 1 for all input, the second for
    # every key (libsecp256k1).
    key = ffi.new("secp256k1_pubkey *")
    lib.secp256k1_ellswift_decode(_context, key, point)
    xonly = ffi.new("secp256k1_xonly_pubkey *")
    lib.secp256k1_xonly_pubkey_from_pubkey(_context, xonly, ffi.NULL, key)
    out = ffi.new("unsigned char[32]")
    lib.secp256k1_xonly_pubkey_serialize(_context, out, xonly)
    return bytes(ffi.buffer(out))


def xonly_of_secret(secret: bytes) -> bytes:
    """Return the public key of a signing secret.

    Raises:
        LocalError: `secret` is no key of the curve.
    """
    if len(secret) != SECRET_BYTES:  # coincurve would fill it up with zeros
        raise LocalError(f"secret of {len(secret)} B, wanted {SECRET_BYTES}")
    try:
        # The compressed form without its parity: BIP 340 takes the even of the two
        # points.
        return PrivateKey(secret).public_key.format()[1:]
    except ValueError as error:
        raise LocalError("secret is no key of the curve") from error


def is_on_curve(xonly: bytes) -> bool:
    """Return whether 32 B are a public key."""
    try:
        PublicKeyXOnly(xonly)
    except ValueError:
        return False
    return True


def sign(secret: bytes, digest: bytes, randomness: bytes) -> bytes:
    """Return the BIP 340 signature over 32 B, made with 32 B of `randomness`."""
    return PrivateKey(secret).sign_schnorr(digest, randomness)


def is_signed(xonly: bytes, signature: bytes, digest: bytes) -> bool:
    """Return whether `signature` over `digest` is by the holder of `xonly`."""
    try:
        return PublicKeyXOnly(xonly).verify(signature, digest)
    except ValueError:
        return False


def _check_library() -> None:
    """Look whether the library below coincurve is the one that we know.

    Raises:
        ImportError: It is not.
    """
    ours = KeyPair.from_secret(b"\x11" * 32, b"\x12" * 32)
    theirs = KeyPair.from_secret(b"\x21" * 32, b"\x22" * 32)
    shared = ours.shared(theirs.point, initiates=True)
    if shared != theirs.shared(ours.point, initiates=False) or xonly_of(
        ours.point
    ) != xonly_of_secret(b"\x11" * 32):
        raise ImportError("coincurve's libsecp256k1 does not compute EllSwift as known")


_check_library()
