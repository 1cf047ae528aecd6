r"""Documents that parties sign, each with one spelling.

A document is a line of JSON as RFC 8785 writes it and a line feed: keys in order, no
spaces, integers only. Whatever has another spelling is refused, so that no two readers
see two things in the bytes that were signed. Its id is SHA-256 of the bytes.

| kind     | says                                                                     |
|----------|--------------------------------------------------------------------------|
| `limit`  | at most `watts` from `not_before` to `expires`                           |
| `allow`  | up to `watts` from `not_before` to `expires`; with none, the default     |
| `lift`   | these limits end now                                                     |
| `pause`  | `role` need not be present for a time; meanwhile at most `watts`         |
| `revoke` | these keys count no more                                                 |
| `policy` | whose signatures count from now on (`policy`)                            |
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from protocol.errors import RemoteError
from protocol.unreadable import UNREADABLE

MAX_DOCUMENT_BYTES = 4096

VERSION = 1
"""Of the form of documents, their `v`."""

MAX_LIFTS = 32
"""Limits that one document ends."""

DAY_S = 86_400
YEAR_S = 366 * DAY_S

Int = Annotated[int, Meta(ge=0, lt=1 << 53)]
"""What every reader of JSON has as an integer. Source: RFC 8785, appendix D."""

Nonce = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
DocumentId = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
KeyName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")]
Role = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,31}\Z")]
Site = Annotated[str, Meta(min_length=1, max_length=64)]
Reason = Annotated[str, Meta(max_length=256)]
PublicKey = Annotated[str, Meta(min_length=1, max_length=1024)]


class DocumentError(RemoteError):
    """Bytes that are no document; the message says why."""


class Signable(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"
):
    """What every document has.

    Attributes:
        v: Of the form of documents: 1.
    """

    site: Site
    v: Int


class Word(Signable, frozen=True, kw_only=True):
    """What parties say under a policy.

    Attributes:
        policy: Version of the policy that it is made under.
        issued_at: Unix seconds.
        nonce: Drawn, so that the same may be said twice.
        reason: For people.
    """

    policy: Int
    issued_at: Int
    nonce: Nonce
    reason: Reason


class Bound(Word, frozen=True, kw_only=True):
    """Watts for a time.

    Attributes:
        not_before: Unix seconds; it holds from then on.
        expires: Unix seconds; from then on it does not.
    """

    watts: Int
    not_before: Int
    expires: Int

    def holds_at(self, moment: float) -> bool:
        """Tell whether it has begun and has not ended."""
        return self.not_before <= moment < self.expires


class Limit(Bound, frozen=True, kw_only=True, tag="limit"):
    """An upper bound."""


class Allow(Bound, frozen=True, kw_only=True, tag="allow"):
    """Leave to draw more than the default."""


class Pause(Bound, frozen=True, kw_only=True, tag="pause"):
    """Leave for a party to be away, and an upper bound meanwhile."""

    role: Role


class Lift(Word, frozen=True, kw_only=True, tag="lift"):
    """The end of limits."""

    lifts: Annotated[tuple[DocumentId, ...], Meta(min_length=1, max_length=MAX_LIFTS)]


class Revoke(Word, frozen=True, kw_only=True, tag="revoke"):
    """The end of keys."""

    keys: Annotated[tuple[KeyName, ...], Meta(min_length=1, max_length=32)]


class Key(Struct, frozen=True, forbid_unknown_fields=True):
    """A key of a party.

    Attributes:
        kind: How it signs: `sshsig`, `minisign`, or `note` (C2SP signed note).
        public: As `signature.VerifyingKey` reads it.
        role: Whose it is.
    """

    kind: Literal["sshsig", "minisign", "note"]
    public: PublicKey
    role: Role


class Clause(Struct, frozen=True, forbid_unknown_fields=True):
    """At least `n` of these roles."""

    n: Int
    of: Annotated[tuple[Role, ...], Meta(min_length=1, max_length=32)]


Period = Annotated[int, Meta(ge=0, le=YEAR_S)]


class Policy(Signable, frozen=True, kw_only=True, tag="policy"):
    """Whose signatures count, and what holds without any.

    Attributes:
        version: Counts up by one.
        expires: Unix seconds; from then on only limits and revocations are taken, and
            the policy that follows.
        delay_s: Until the policy that follows is in force.
        envelope_w: No document goes above it.
        default_w: What the site may draw while no allow holds.
        max_order_s: The longest that a limit or an allow may hold.
        max_age_s: How old a document may be when it comes: signing takes time.
        max_pause_s: The longest pause.
        skew_s: How far the clock of who signs may be ahead.
        keys: By name; a name is never used again.
        rules: By kind of document: clauses, every one of which must be met.
    """

    version: Annotated[int, Meta(ge=1, lt=1 << 53)]
    expires: Int
    delay_s: Period
    envelope_w: Int
    default_w: Int
    max_order_s: Period
    max_age_s: Period
    max_pause_s: Period
    skew_s: Annotated[int, Meta(ge=0, le=3600)]
    keys: Annotated[dict[KeyName, Key], Meta(min_length=1, max_length=32)]
    rules: dict[str, tuple[Clause, ...]]

    @property
    def roles(self) -> frozenset[str]:
        """Return all that have a key."""
        return frozenset(key.role for key in self.keys.values())


Document = Limit | Allow | Lift | Pause | Revoke | Policy

KINDS = ("limit", "allow", "lift", "pause", "revoke", "policy")

_decode = msgspec.json.Decoder(Document).decode
_encode = msgspec.json.Encoder(order="sorted").encode


def kind_of(document: Signable) -> str:
    """Return the document's kind."""
    return str(document.__struct_config__.tag)


def written(document: Signable) -> bytes:
    """Return the bytes that are signed."""
    return _encode(document) + b"\n"


def document_id(raw: bytes) -> str:
    """Return the id of a document, 64 hexadecimal digits."""
    return sha256(raw).hexdigest()


def read_document(raw: bytes) -> Document:
    """Return the document whose one spelling `raw` is.

    Raises:
        DocumentError: It is none.
    """
    if len(raw) > MAX_DOCUMENT_BYTES:
        raise DocumentError(f"document of {len(raw)} B > {MAX_DOCUMENT_BYTES} B")
    try:
        document = _decode(raw)
    except UNREADABLE as error:
        raise DocumentError(f"no document: {error}") from error
    if written(document) != raw:
        raise DocumentError("not in its one spelling: RFC 8785, then a line feed")
    if not all(text.isprintable() for text in _texts(document)):
        raise DocumentError("a text that cannot be printed")
    return document


def _texts(document: Document) -> Iterator[str]:
    yield document.site
    if isinstance(document, Policy):
        for key in document.keys.values():
            yield key.public
        yield from document.rules
    else:
        yield document.reason
