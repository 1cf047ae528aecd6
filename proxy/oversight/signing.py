"""The keys of a log: in a file of ours, or held by an ssh-agent."""

import base64
import binascii
import os
from collections.abc import Callable
from pathlib import Path

from attrs import frozen
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.tlog.cosignature import cosigned
from protocol.tlog.note import KeyKind, NoteSigner, Sign, SignatureLine, VerifierKey
from proxy.regular_file import open_regular
from proxy.runtime.whole_file import write_whole

SEED_BYTES = 32
_OTHERS = 0o077
_MAX_FILE_BYTES = 256


class LogKeyError(Exception):
    """The key cannot be had; the message says why."""


@frozen
class Signer:
    """One key.

    Attributes:
        key: What its signatures are checked with.
        sign: May block: an agent is another process.
    """

    key: VerifierKey
    sign: Sign

    def line(self, text: bytes, at: int) -> SignatureLine:
        """Return its line for a checkpoint, at Unix seconds."""
        if self.key.kind is KeyKind.ED25519:
            return NoteSigner(self.key, self.sign).line(text)
        return cosigned(self.key, self.sign, text, at)


def ed25519(name: str, kind: KeyKind, seed: bytes) -> Signer:
    """Return the signer of a seed, as a log (0x01) or as a witness (0x04)."""
    secret = Ed25519PrivateKey.from_private_bytes(seed)
    public = secret.public_key().public_bytes_raw()
    return Signer(VerifierKey(name, kind, public), secret.sign)


def seed_in(path: Path, random_bytes: Callable[[int], bytes] | None) -> bytes:
    """Return the seed in a file: 32 B in base64, for its owner alone.

    Args:
        path: Of the file.
        random_bytes: Makes one where there is no file; None: it must be there.

    Raises:
        LogKeyError: Others may read it, it holds none, or it cannot be had.
    """
    try:
        with open_regular(path) as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(_MAX_FILE_BYTES)
    except FileNotFoundError as error:
        if random_bytes is None:
            raise LogKeyError(f"{path} is not there") from error
        return _made(path, random_bytes(SEED_BYTES))
    except OSError as error:
        raise LogKeyError(f"{path}: {error.strerror}") from error
    if mode & _OTHERS:
        raise LogKeyError(f"{path}: mode {mode & 0o777:o}, wanted 600")
    try:
        seed = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        seed = b""
    if len(seed) != SEED_BYTES:
        raise LogKeyError(f"{path}: holds no key: 32 B in base64 were expected")
    return seed


def _made(path: Path, seed: bytes) -> bytes:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(path, base64.b64encode(seed) + b"\n")
    except OSError as error:
        raise LogKeyError(f"{path}: {error.strerror}") from error
    return seed
