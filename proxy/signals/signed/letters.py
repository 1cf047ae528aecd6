"""What comes with a document and what is answered, as JSON.

| answer | means                                                                     |
|--------|---------------------------------------------------------------------------|
| 200    | taken: it is in the log, and has its effect                               |
| 202    | kept until others have signed, or are present                             |
| 409    | refused; the reason says why                                              |
| 400    | no document, or no envelope                                               |
| 429    | too much from one address                                                 |
"""

from typing import Annotated

import msgspec
from attrs import frozen
from msgspec import Meta, Struct

from protocol.oversight.document import MAX_DOCUMENT_BYTES
from protocol.oversight.signature import MAX_SIGNATURES, Signature
from protocol.unreadable import UNREADABLE

TAKEN, WAITS, BAD, REFUSED, TOO_MANY = 200, 202, 400, 409, 429


class Envelope(Struct, frozen=True, forbid_unknown_fields=True):
    """A document and signatures over its bytes.

    Attributes:
        document: The very bytes, as text: a line of JSON and its line feed.
    """

    document: Annotated[str, Meta(max_length=MAX_DOCUMENT_BYTES)]
    signatures: Annotated[
        tuple[Signature, ...], Meta(min_length=1, max_length=MAX_SIGNATURES)
    ]


class Reply(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a document.

    Attributes:
        id: Of the document; empty where there is none.
        leaf: Where it is in the log, counted from 0.
        origin: Of the log; empty where none is published.
        needs: Who is missing.
    """

    taken: bool
    id: str = ""
    leaf: int | None = None
    origin: str = ""
    needs: tuple[str, ...] = ()
    reason: str = ""


@frozen
class Answer:
    """A reply, and its status in HTTP.

    Attributes:
        is_signed: A key of an accepted policy signed it now, and had not before.
    """

    status: int
    reply: Reply
    is_signed: bool = False


_decode = msgspec.json.Decoder(Envelope).decode


def read_envelope(data: bytes) -> tuple[bytes, tuple[Signature, ...]]:
    """Return the document's bytes and the signatures.

    Raises:
        ValueError: It is no envelope; the message names the key.
    """
    try:
        envelope = _decode(data)
    except UNREADABLE as error:
        raise ValueError(str(error)) from error
    return envelope.document.encode(), envelope.signatures
