"""What requests of operators lead to."""

from msgspec import Struct


class AskError(Exception):
    """A request that is refused; the message says why."""


class OrderResult(Struct):
    """What became of an order of an operator."""

    site: str
    budget_w: float
    ruled_by: str
    text: str


class LeaveResult(Struct):
    """What became of a member that was taken out of the cluster."""

    member: str
    text: str
