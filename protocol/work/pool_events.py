"""What a pool's side of the conversation means to us, as values."""

from enum import StrEnum

import msgspec

from protocol.units import Seconds
from protocol.work.job import Work


class ShareRefusal(StrEnum):
    """Why a pool refused a share; the text is the one in ledger and metrics."""

    STALE = "stale"
    DUPLICATE = "duplicate"
    LOW_DIFFICULTY = "low_difficulty"
    UNAUTHORIZED = "unauthorized"
    OTHER = "other"


class Subscribed(msgspec.Struct, frozen=True):
    """The pool has given us a share of its search space: work may follow."""

    extranonce1: bytes
    extranonce2_size: int
    version_mask: int


class Authorized(msgspec.Struct, frozen=True):
    """The pool takes shares for our user."""


class AuthorizationRefused(msgspec.Struct, frozen=True):
    """The pool does not know our user or dislikes the password."""

    text: str


class WorkReceived(msgspec.Struct, frozen=True):
    """The pool wants something hashed."""

    work: Work


class ShareAnswered(msgspec.Struct, frozen=True):
    """The pool's verdict on a share.

    Attributes:
        submit_id: As `ClientSession.submit` returned it. A pool may answer one
            twice, or never.
        refusal: None if the share was accepted.
        text: The pool's own words, printable and short; empty if accepted.
    """

    submit_id: int
    refusal: ShareRefusal | None
    text: str

    @property
    def accepted(self) -> bool:
        """The pool pays for it."""
        return self.refusal is None


class ExtranonceChanged(msgspec.Struct, frozen=True):
    """The work that follows has another extranonce1, or another size of ours."""

    extranonce1: bytes
    extranonce2_size: int


class MaskChanged(msgspec.Struct, frozen=True):
    """Other version bits may be rolled from now on, in running jobs too."""

    version_mask: int


class ReconnectAsked(msgspec.Struct, frozen=True):
    """The pool wants us to connect anew.

    Attributes:
        host: Where to; None means the address we know.
        port: None means the port we know.
        wait: How long to stay away first, as asked: not yet capped.
    """

    host: str | None
    port: int | None
    wait: Seconds


class MessageShown(msgspec.Struct, frozen=True):
    """Text for an operator, printable and short."""

    text: str


PoolEvent = (
    Subscribed
    | Authorized
    | AuthorizationRefused
    | WorkReceived
    | ShareAnswered
    | ExtranonceChanged
    | MaskChanged
    | ReconnectAsked
    | MessageShown
)
