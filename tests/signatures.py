"""Signatures of people's tools over documents, recorded and made anew."""

import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.sign.ssh_wire import ssh_string

NAMESPACE = b"order@baseload"

_FOLDER = Path(__file__).parent / "vectors" / "oversight"


def order_vectors() -> Any:
    """Return documents with signatures by OpenSSH, minisign and a C2SP note."""
    return json.loads((_FOLDER / "order.json").read_text())


def policy_vectors() -> Any:
    """Return two policies, and a story with its verdicts and budgets."""
    return json.loads((_FOLDER / "policy.json").read_text())


def armored(blob: bytes) -> str:
    """Return a signature as ssh-keygen writes it."""
    text = b64encode(blob).decode()
    lines = [text[at : at + 70] for at in range(0, len(text), 70)]
    begin, end = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
    return "\n".join([begin, *lines, end, ""])


class TokenKey:
    """A key on a token, whose flags the test sets."""

    KIND = b"sk-ssh-ed25519@openssh.com"

    def __init__(self, seed: bytes = bytes(32), application: bytes = b"ssh:") -> None:
        self._secret = Ed25519PrivateKey.from_private_bytes(seed)
        self._application = application
        raw = self._secret.public_key().public_bytes_raw()
        parts = (self.KIND, raw, application)
        self.blob = b"".join(ssh_string(part) for part in parts)

    @property
    def public(self) -> str:
        """As a line of authorized_keys."""
        return f"{self.KIND.decode()} {b64encode(self.blob).decode()}"

    def sign(self, message: bytes, flags: int) -> str:
        """Return an armored signature in our namespace."""
        digest = sha256(message).digest()
        head = b"".join(ssh_string(p) for p in (NAMESPACE, b"", b"sha256", digest))
        tail = bytes([flags]) + (7).to_bytes(4, "big")
        over = sha256(self._application).digest() + tail
        made = self._secret.sign(over + sha256(b"SSHSIG" + head).digest())
        signature = ssh_string(self.KIND) + ssh_string(made) + tail
        parts = (self.blob, NAMESPACE, b"", b"sha256", signature)
        body = b"".join(ssh_string(part) for part in parts)
        return armored(b"SSHSIG" + (1).to_bytes(4, "big") + body)
