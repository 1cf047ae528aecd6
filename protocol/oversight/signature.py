"""Keys of parties, and the signatures that they make over a document.

What kind a key is says the policy, never a signature.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated

from attrs import frozen
from msgspec import Meta, Struct

from protocol.errors import RemoteError
from protocol.oversight.document import Key, KeyName
from protocol.sign.minisign import MinisignKey
from protocol.sign.ssh_key import SshPublicKey
from protocol.sign.sshsig import verify_sshsig
from protocol.tlog.note import KeyKind, SignatureLine, VerifierKey, check_text_signature

NAMESPACE = b"order@baseload"
"""Of `ssh-keygen -Y sign -n`: what is signed for another purpose counts for nothing."""

MAX_SIGNATURES = 8
"""Of one envelope: twice the parties of the default policy. Each costs 0.3 ms."""


class Signature(Struct, frozen=True, forbid_unknown_fields=True):
    """A signature over a document's bytes.

    Attributes:
        key: Its name in the policy.
        value: As the tool wrote it.
    """

    key: KeyName
    value: Annotated[str, Meta(max_length=2048)]


@frozen
class VerifyingKey:
    """A key of a party, read."""

    _key: SshPublicKey | MinisignKey | VerifierKey

    @classmethod
    def of(cls, key: Key) -> "VerifyingKey":
        """Read a key of a policy.

        Raises:
            RemoteError: It is none, or of a kind that is not taken.
        """
        match key.kind:
            case "sshsig":
                return cls(SshPublicKey.from_text(key.public))
            case "minisign":
                return cls(MinisignKey.from_text(key.public))
            case "note":
                note = VerifierKey.from_text(key.public)
                if note.kind is not KeyKind.ED25519:
                    raise RemoteError(f"vkey of type {note.kind:#04x}, wanted 0x01")
                return cls(note)

    def verify(self, value: str, raw: bytes) -> None:
        """Check a signature over a document's bytes.

        Raises:
            RemoteError: It was not made by this key for them.
        """
        match self._key:
            case SshPublicKey():
                verify_sshsig(value, raw, self._key, NAMESPACE)
            case MinisignKey():
                self._key.verify(value, raw)
            case VerifierKey():
                line = SignatureLine.from_text(value.removesuffix("\n"))
                check_text_signature(line, self._key, raw)


def signers_of(
    raw: bytes, signatures: Sequence[Signature], keys: Mapping[str, Key]
) -> frozenset[str]:
    """Return the names of the keys that signed `raw`.

    Raises:
        RemoteError: A key is not known, or a signature does not verify: then nothing
            of it is taken, so that a slip is seen.
    """
    for signature in signatures:
        key = keys.get(signature.key)
        if key is None:
            raise RemoteError(f"no key {signature.key!r} in the policy")
        try:
            VerifyingKey.of(key).verify(signature.value, raw)
        except RemoteError as error:
            raise RemoteError(f"{signature.key}: {error}") from error
    return frozenset(signature.key for signature in signatures)
