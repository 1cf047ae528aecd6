r"""Signatures over files as `ssh-keygen -Y sign` makes them.

    "SSHSIG" | u32 1 | public key | namespace | "" | hash | signature     in base64

    signed: "SSHSIG" | namespace | "" | hash | H(file)

All but the numbers are SSH strings. Spec: OpenSSH PROTOCOL.sshsig.
"""

import hashlib

from protocol.sign.base64_text import decode_strictly
from protocol.sign.errors import SignatureError
from protocol.sign.ssh_key import SshPublicKey
from protocol.sign.ssh_wire import SshReader, SshWireError, ssh_string

MAX_TEXT = 2048
"""Characters of a signature: a token's has 500, with a long application some more."""

_BEGIN = "-----BEGIN SSH SIGNATURE-----"
_END = "-----END SSH SIGNATURE-----"
_MOST_ON_A_LINE = 76  # PROTOCOL.sshsig; ssh-keygen writes 70

_MAGIC = b"SSHSIG"
_VERSION = 1
_HASHES = {b"sha256": hashlib.sha256, b"sha512": hashlib.sha512}


def verify_sshsig(
    text: str, message: bytes, key: SshPublicKey, namespace: bytes
) -> None:
    """Check that `text` is a signature of `key` over `message` in `namespace`.

    Raises:
        SignatureError: It is not; the message says why.
    """
    try:
        name, signature = _read(_unarmored(text), key, namespace)
    except ValueError as error:
        raise SignatureError(f"signature: {error}") from error
    digest = _HASHES[name](message).digest()
    parts = (namespace, b"", name, digest)
    key.verify(signature, _MAGIC + b"".join(ssh_string(part) for part in parts))


def _read(blob: bytes, key: SshPublicKey, namespace: bytes) -> tuple[bytes, bytes]:
    """Return the name of the hash, and the signature that `key` made."""
    reader = SshReader(blob)
    if reader.take(len(_MAGIC)) != _MAGIC or reader.number() != _VERSION:
        raise SshWireError("no SSHSIG of version 1")
    if reader.string() != key.blob:
        raise SshWireError("made by another key")
    reader.expect("namespace", namespace)
    # What it may hold nobody has defined yet: it would be signed and not understood.
    reader.expect("reserved", b"")
    name = reader.string()
    if name not in _HASHES:
        raise SshWireError(f"hash {name[:64]!r} is not taken")
    signature = reader.string()
    reader.end()
    return name, signature


def _unarmored(text: str) -> bytes:
    if len(text) > MAX_TEXT:
        raise ValueError(f"{len(text)} > {MAX_TEXT} characters")
    lines = text.removesuffix("\n").split("\n")
    body = lines[1:-1]
    if not body or (lines[0], lines[-1]) != (_BEGIN, _END):
        raise ValueError(f"not between {_BEGIN!r} and {_END!r}")
    if not all(0 < len(line) <= _MOST_ON_A_LINE for line in body):
        raise ValueError("a line is empty or too long")
    return decode_strictly("".join(body))
