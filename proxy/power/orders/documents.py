"""Signed documents as they are kept for a restart."""

from enum import Enum

from attrs import frozen

FOR_EVER = 1e15
"""Unix seconds: when a row of a policy or a revocation may go."""


class Kept(Enum):
    """What is known of a document.

    Attributes:
        TRUSTED: A policy that the configuration names by its id.
        TAKEN: It has its effect.
        ENDED: Its effect was ended before its time; its id may not come again.
        PENDING: It waits for signatures, or for parties to be present.
    """

    TRUSTED = "trusted"
    TAKEN = "taken"
    ENDED = "ended"
    PENDING = "pending"


@frozen
class DocumentRow:
    """A document of a site.

    Attributes:
        id: Of the document.
        body: The very text that is signed.
        signatures: JSON: a list of {"key", "value"}.
        at: When it was written down, Unix seconds.
        until: From then on it may be forgotten, Unix seconds.
        leaf: Number of the event that tells of it; 0: the one it is written with.
    """

    id: str
    body: str
    signatures: str
    kept: Kept
    at: float
    until: float
    leaf: int = 0


@frozen
class Recorded:
    """An event that is durable.

    Attributes:
        row: Its number among the events.
        at: When it was written down, Unix seconds.
        origin: Of the log that others see; empty: none is published.
        leaf: Its place in that log, counted from 0.
    """

    row: int
    at: float
    origin: str = ""
    leaf: int | None = None
