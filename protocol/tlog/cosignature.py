"""Cosignatures: a witness says that it saw a checkpoint, and when.

A line's value is the time (u64, big-endian, Unix seconds) and the signature.
Spec: c2sp.org/tlog-cosignature.
"""

import struct
from collections.abc import Iterable

from attrs import frozen
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from protocol.tlog.checkpoint import Checkpoint, checkpoint_of
from protocol.tlog.note import (
    KeyKind,
    Note,
    Sign,
    SignatureError,
    SignatureLine,
    VerifierKey,
    check_ed25519,
    check_text_signature,
)

_TIME = struct.Struct(">Q")
_MAX_TIME = 1 << 63
_LABEL = b"subtree/v1\n\x00"


@frozen
class Verified:
    """A signature that was checked.

    Attributes:
        at: Unix seconds at which a cosignature was made; None: it does not say.
    """

    key: VerifierKey
    at: int | None


def verified(note: Note, keys: Iterable[VerifierKey]) -> list[Verified]:
    """Return the signatures of `note` by `keys`, in its order, one a key.

    Those of others are passed over. Spec: signed-note, Signatures.

    Raises:
        SignatureError: One claims to be by one of `keys` and does not verify.
    """
    known = {(key.name, key.id): key for key in keys}
    found: dict[VerifierKey, Verified] = {}
    for line in note.signatures:
        key = known.get((line.name, line.key_id))
        if key is not None and key not in found:
            found[key] = Verified(key, checked(line, key, note.text))
    return list(found.values())


def checked(line: SignatureLine, key: VerifierKey, text: bytes) -> int | None:
    """Check a line of any kind; return its time, None if it carries none.

    Raises:
        MalformedMessageError: `text` is no checkpoint, as a cosignature wants.
        SignatureError: It does not verify.
    """
    if key.kind is KeyKind.ED25519:
        check_text_signature(line, key, text)
        return None
    if not line.is_of(key) or len(line.value) <= _TIME.size:
        raise SignatureError(f"no cosignature by {key.name}")
    (at,) = _TIME.unpack_from(line.value)
    if at >= _MAX_TIME:
        raise SignatureError(f"a cosignature of {key.name} of no time")
    signature = line.value[_TIME.size :]
    if key.kind is KeyKind.COSIGNATURE:
        check_ed25519(key, signature, _message(at, text))
    else:
        _check_mldsa(key, signature, _subtree(key.name, at, checkpoint_of(text)))
    return int(at)


def cosigned(key: VerifierKey, sign: Sign, text: bytes, at: int) -> SignatureLine:
    """Return the line of a witness with `key` for the checkpoint `text`.

    Args:
        key: Of type 0x04 or 0x06.
        sign: Signs with it.
        text: Of the checkpoint.
        at: Unix seconds, above 0.
    """
    if key.kind is KeyKind.COSIGNATURE:
        message = _message(at, text)
    else:
        message = _subtree(key.name, at, checkpoint_of(text))
    return SignatureLine(key.name, key.id, _TIME.pack(at) + sign(message))


def _message(at: int, text: bytes) -> bytes:
    return f"cosignature/v1\ntime {at}\n".encode() + text


def _subtree(name: str, at: int, checkpoint: Checkpoint) -> bytes:
    """Return `cosigned_message` of the spec: of the whole tree, from leaf 0 on."""
    name_, origin = name.encode(), checkpoint.origin.encode()
    head = _LABEL + bytes([len(name_)]) + name_ + _TIME.pack(at)
    span = _TIME.pack(0) + _TIME.pack(checkpoint.size)
    return head + bytes([len(origin)]) + origin + span + checkpoint.root


def _check_mldsa(key: VerifierKey, signature: bytes, message: bytes) -> None:
    try:
        # Only by those who have such a key: older releases of the library lack it.
        from cryptography.hazmat.primitives.asymmetric import mldsa  # noqa: PLC0415

        public = mldsa.MLDSA44PublicKey.from_public_bytes(key.public)
        public.verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise SignatureError(f"a signature of {key.name} does not verify") from error
    except (ImportError, UnsupportedAlgorithm) as error:
        raise SignatureError(
            f"{key.name} signs with ML-DSA-44, which this release of cryptography"
            " cannot check"
        ) from error
