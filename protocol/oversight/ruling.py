"""What becomes of a document: taken, pending or refused, and by whose signatures."""

from enum import Enum

from attrs import frozen

from protocol.oversight.document import Document


class Verdict(Enum):
    """What became of a document."""

    TAKEN = "taken"
    PENDING = "pending"
    REFUSED = "refused"


@frozen
class Heard:
    """A document before its signatures are looked at.

    Attributes:
        moments: Of those that it may be, the ones at which it may be taken.
    """

    id: str
    document: Document
    moments: tuple[float, ...]


@frozen
class Ruling:
    """What becomes of a document.

    Attributes:
        signers: Names of the keys whose signatures count.
        roles: Whose they are.
        needs: Who is missing, where it is pending.
        is_signed: Enough have signed: it waits for parties to be present.
        until: Unix seconds; so long its id is kept.
    """

    verdict: Verdict
    id: str
    document: Document
    signers: frozenset[str]
    roles: frozenset[str]
    needs: tuple[str, ...] = ()
    until: float = 0.0
    is_signed: bool = False
