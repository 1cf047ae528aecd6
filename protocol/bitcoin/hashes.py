"""Double SHA-256, the hash of headers, transactions and merkle nodes."""

from hashlib import sha256


def sha256d(data: bytes) -> bytes:
    """Return SHA-256 of SHA-256 of `data`: 32 bytes in internal order."""
    return sha256(sha256(data).digest()).digest()
