"""Signs with an Ed25519 key that an ssh-agent holds: the key is in another process.

An agent signs any bytes with a plain key, so it signs checkpoints; a key on a token
makes another kind of signature, which notes cannot carry.
Spec: draft-ietf-sshm-ssh-agent-13, sections 3.5 and 3.6.
"""

import os
import socket
from base64 import b64encode
from functools import partial
from hashlib import sha256

from protocol.sign.ssh_wire import SshReader, SshWireError, ssh_string
from protocol.tlog.note import KeyKind, VerifierKey
from proxy.oversight.signing import LogKeyError, Signer

SOCKET = "SSH_AUTH_SOCK"
"""In the environment: where the agent listens."""

WITHIN_S = 5.0
"""An agent signs in 2 ms; one that asks a person for leave is none for a log."""

MAX_ANSWER_BYTES = 262_144

_ED25519 = b"ssh-ed25519"
_IDENTITIES, _IDENTITIES_ANSWER = 11, 12
_SIGN, _SIGNED = 13, 14


def agent_signer(name: str, fingerprint: str) -> Signer:
    """Return the key of an agent. It blocks, and so does its `sign`.

    Args:
        name: Of the log.
        fingerprint: As `ssh-add -l` shows it, with SHA256: before it.

    Raises:
        LogKeyError: There is no agent, or it has no such Ed25519 key.
    """
    for blob in _identities():
        digest = b64encode(sha256(blob).digest()).decode().rstrip("=")
        if f"SHA256:{digest}" == fingerprint:
            public = _public_of(blob, fingerprint)
            key = VerifierKey(name, KeyKind.ED25519, public)
            return Signer(key, partial(_signed, blob))
    raise LogKeyError(f"the ssh-agent has no key {fingerprint}: see `ssh-add -l`")


def _identities() -> list[bytes]:
    reader = _asked(bytes([_IDENTITIES]), _IDENTITIES_ANSWER)
    try:
        count = reader.number()
        found = []
        for _ in range(min(count, MAX_ANSWER_BYTES // 8)):
            found.append(reader.string())
            reader.string()  # a comment
    except SshWireError as error:
        raise LogKeyError(f"the ssh-agent answered with no keys: {error}") from error
    return found


def _public_of(blob: bytes, fingerprint: str) -> bytes:
    reader = SshReader(blob)
    try:
        kind, public = reader.string(), reader.string()
    except SshWireError:
        kind, public = b"", b""
    if kind != _ED25519:
        raise LogKeyError(f"{fingerprint} is no Ed25519 key, which a log needs")
    return public


def _signed(blob: bytes, message: bytes) -> bytes:
    request = bytes([_SIGN]) + ssh_string(blob) + ssh_string(message) + bytes(4)
    reader = _asked(request, _SIGNED)
    try:
        inner = SshReader(reader.string())
        kind, signature = inner.string(), inner.string()
    except SshWireError as error:
        raise LogKeyError(f"the ssh-agent made no signature: {error}") from error
    if kind != _ED25519:
        raise LogKeyError("the ssh-agent made a signature of another kind")
    return signature


def _asked(request: bytes, wanted: int) -> SshReader:
    where = os.environ.get(SOCKET)
    if not where:
        raise LogKeyError(f"no ssh-agent: the environment has no {SOCKET}")
    try:
        with socket.socket(socket.AF_UNIX) as agent:
            agent.settimeout(WITHIN_S)
            agent.connect(where)
            agent.sendall(ssh_string(request))
            size = int.from_bytes(_exactly(agent, 4), "big")
            if not 1 <= size <= MAX_ANSWER_BYTES:
                raise LogKeyError(f"the ssh-agent answered with {size} B")
            answer = _exactly(agent, size)
    except OSError as error:
        raise LogKeyError(f"the ssh-agent at {where}: {error}") from error
    if answer[0] != wanted:
        raise LogKeyError("the ssh-agent refused")
    return SshReader(answer[1:])


def _exactly(agent: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = agent.recv(size - len(found))
        if not part:
            raise LogKeyError("the ssh-agent hung up")
        found += part
    return found
