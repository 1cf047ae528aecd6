"""What a message over MQTT says: an order, Proto Fleet's target, a renewed lease."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from protocol.setpoint.registers import MOST
from protocol.units import UnixTime, Watts
from protocol.unreadable import UNREADABLE
from proxy.signals.http_body import Moment, OrderBody, OrderWatts, read_body, unix_of

MAX_BYTES = 8192
"""Of one message, as over HTTP."""


class TargetBody(Struct, frozen=True):
    """`{"target": 0..100, "timestamp": s}`: Proto Fleet's; other keys are theirs."""

    target: Annotated[float, Meta(ge=0, le=100)]
    timestamp: Annotated[float, Meta(ge=0, le=1e11)]


class LeaseBody(Struct, frozen=True, forbid_unknown_fields=True):
    """`{"issued_at": s}`, or an empty message."""

    issued_at: Moment | None = None


class OrderAck(Struct, frozen=True, kw_only=True):
    """What became of an order, for who gave it."""

    taken: bool
    seq: int | None = None
    id: str | None = None
    issued_at: float | None = None
    reason: str = ""


_target = msgspec.json.Decoder(TargetBody).decode
_lease = msgspec.json.Decoder(LeaseBody).decode


def read_order(payload: bytes, budget_w: Watts) -> OrderBody:
    """Return the order in a message, at most the contract.

    Raises:
        ValueError: It is none; the message names the key.
    """
    _check(payload)
    body = read_body(payload)
    most = MOST * budget_w
    if body.watts > most:
        raise ValueError(f"{body.watts:.0f} W, wanted 0..{most:.0f} W")
    if body.watts > budget_w:
        what = f"{body.watts:.0f} W, more than the contract"
        reason = f"{what}: {body.reason}"[:256] if body.reason else what
        return replace(body, watts=float(budget_w), reason=reason)
    return body


def read_target(payload: bytes, budget_w: Watts) -> OrderBody:
    """Return the order that a target is: a percentage of the contract.

    Raises:
        ValueError: It is none.
    """
    _check(payload)
    try:
        body = _target(payload)
    except UNREADABLE as error:
        raise ValueError(str(error)) from error
    watts: OrderWatts = budget_w * body.target / 100.0
    reason = f"target {body.target:g} %"
    return OrderBody(watts=watts, issued_at=body.timestamp, reason=reason)


def read_lease(payload: bytes) -> UnixTime | None:
    """Return when a lease was renewed, None if the message does not say.

    Raises:
        ValueError: It is no such message.
    """
    _check(payload)
    if not payload:
        return None
    try:
        body = _lease(payload)
    except UNREADABLE as error:
        raise ValueError(str(error)) from error
    return None if body.issued_at is None else unix_of(body.issued_at)


def _check(payload: bytes) -> None:
    if len(payload) > MAX_BYTES:
        raise ValueError(f"{len(payload)} B > {MAX_BYTES} B")
