"""Signed notes: a text, and lines that each sign it; keys as texts (vkeys).

Spec: c2sp.org/signed-note. Types of signatures: 0x01 Ed25519 over the text, 0x04 and
0x06 cosignatures (`cosignature`), which carry the time at which they were made.
"""

from collections.abc import Callable
from enum import IntEnum
from hashlib import sha256

from attrs import frozen
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from protocol.errors import MalformedMessageError
from protocol.tlog.text import decode64, encode64

MAX_NOTE_BYTES = 1 << 18
MAX_SIGNATURES = 64
"""Lines of a note; the spec asks for 16, and one by ML-DSA-44 has 3.3 kB."""

_DASH = "\u2014 "
_ID_BYTES = 4


class KeyKind(IntEnum):
    """How a key signs. Spec: signed-note, Signature types."""

    ED25519 = 1
    COSIGNATURE = 4
    MLDSA44 = 6


PUBLIC_BYTES = {
    KeyKind.ED25519: 32,
    KeyKind.COSIGNATURE: 32,
    KeyKind.MLDSA44: 1312,
}


class SignatureError(MalformedMessageError):
    """A signature that does not verify."""


@frozen
class VerifierKey:
    """A key that signatures are checked against.

    Attributes:
        name: A schema-less URL, no spaces, no plus.
        public: 32 B, or 1,312 B of ML-DSA-44.
    """

    name: str
    kind: KeyKind
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes that tell it from others of its name."""
        head = self.name.encode() + b"\n" + bytes([self.kind])
        return sha256(head + self.public).digest()[:_ID_BYTES]

    @property
    def text(self) -> str:
        """As a vkey."""
        raw = bytes([self.kind]) + self.public
        return f"{self.name}+{self.id.hex()}+{encode64(raw)}"

    @classmethod
    def from_text(cls, text: str) -> "VerifierKey":
        """Read a vkey.

        Raises:
            MalformedMessageError: It is none, or of a kind that is not known here.
        """
        name, _, rest = text.partition("+")
        id_, _, encoded = rest.partition("+")
        check_name(name)
        raw = decode64(encoded, f"the key of {name}")
        try:
            kind = KeyKind(raw[0])
        except (IndexError, ValueError) as error:
            raise MalformedMessageError(f"the key of {name}: unknown kind") from error
        key = cls(name, kind, raw[1:])
        if len(key.public) != PUBLIC_BYTES[kind]:
            wanted = PUBLIC_BYTES[kind]
            raise MalformedMessageError(
                f"the key of {name}: {len(key.public)} B, wanted {wanted}"
            )
        if key.id.hex() != id_:
            raise MalformedMessageError(f"the key of {name}: id {id_}, not its own")
        return key


@frozen
class SignatureLine:
    """One line of a note.

    Attributes:
        key_id: Four bytes; with the name they tell which key.
        value: What follows the id.
    """

    name: str
    key_id: bytes
    value: bytes

    @property
    def text(self) -> str:
        """As it stands in a note, with its line feed."""
        return f"{_DASH}{self.name} {encode64(self.key_id + self.value)}\n"

    @classmethod
    def from_text(cls, line: str) -> "SignatureLine":
        """Read a line, without its line feed.

        Raises:
            MalformedMessageError: It is none.
        """
        if not line.startswith(_DASH):
            raise MalformedMessageError("a signature line that does not begin as one")
        name, _, encoded = line[len(_DASH) :].partition(" ")
        check_name(name)
        raw = decode64(encoded, f"a signature of {name}")
        if len(raw) <= _ID_BYTES:
            raise MalformedMessageError(f"a signature of {name} that is cut off")
        return cls(name, raw[:_ID_BYTES], raw[_ID_BYTES:])

    def is_of(self, key: VerifierKey) -> bool:
        """Tell whether it claims to be by `key`."""
        return self.name == key.name and self.key_id == key.id


@frozen
class Note:
    """A text and who signed it.

    Attributes:
        text: UTF-8, ends in a line feed.
    """

    text: bytes
    signatures: tuple[SignatureLine, ...] = ()

    @property
    def raw(self) -> bytes:
        """As it is sent."""
        lines = "".join(line.text for line in self.signatures)
        return self.text + b"\n" + lines.encode()


def note_of(raw: bytes) -> Note:
    """Read a note; no signature is checked yet.

    Raises:
        MalformedMessageError: It is none.
    """
    if len(raw) > MAX_NOTE_BYTES:
        raise MalformedMessageError(f"a note of {len(raw)} B")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise MalformedMessageError("a note that is not UTF-8") from error
    if any(c < " " and c != "\n" for c in text):
        raise MalformedMessageError("a note with control characters")
    begin = text.rfind("\n\n")
    if begin < 0 or not text.endswith("\n"):
        raise MalformedMessageError("a note without signatures")
    return Note(text[: begin + 1].encode(), lines_of(text[begin + 2 :]))


def lines_of(text: str) -> tuple[SignatureLine, ...]:
    """Read signature lines, each with its line feed.

    Raises:
        MalformedMessageError: One is none; there are none, or too many.
    """
    lines = text.split("\n")
    if lines.pop() or not lines or len(lines) > MAX_SIGNATURES:
        raise MalformedMessageError("no signature lines, or too many")
    return tuple(SignatureLine.from_text(line) for line in lines)


def check_name(name: str) -> None:
    """Refuse what is no name of a key.

    Raises:
        MalformedMessageError: It is empty, or has a space, a plus, a control.
    """
    if not name or "+" in name or any(c.isspace() or c < " " for c in name):
        raise MalformedMessageError("a key's name that is empty or has a space or plus")


def check_text_signature(line: SignatureLine, key: VerifierKey, text: bytes) -> None:
    """Check a signature of type 0x01 over `text`.

    Raises:
        SignatureError: It does not verify, or is of another key or kind.
    """
    if key.kind is not KeyKind.ED25519 or not line.is_of(key):
        raise SignatureError(f"no signature by {key.name}")
    check_ed25519(key, line.value, text)


def check_ed25519(key: VerifierKey, signature: bytes, message: bytes) -> None:
    """Check 64 B of Ed25519.

    Raises:
        SignatureError: They do not verify.
    """
    try:
        public = Ed25519PublicKey.from_public_bytes(key.public)
        public.verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise SignatureError(f"a signature of {key.name} does not verify") from error


Sign = Callable[[bytes], bytes]
"""Returns 64 B of Ed25519; may be another process (an ssh-agent)."""


@frozen
class NoteSigner:
    """Signs texts with Ed25519.

    Attributes:
        key: What its lines are checked with, of type 0x01.
    """

    key: VerifierKey
    sign: Sign

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> "NoteSigner":
        """Return the signer of a seed of 32 B. Source: RFC 8032, 5.1.5."""
        secret = Ed25519PrivateKey.from_private_bytes(seed)
        public = secret.public_key().public_bytes_raw()
        return cls(VerifierKey(name, KeyKind.ED25519, public), secret.sign)

    def line(self, text: bytes) -> SignatureLine:
        """Return the line that signs `text`."""
        return SignatureLine(self.key.name, self.key.id, self.sign(text))
