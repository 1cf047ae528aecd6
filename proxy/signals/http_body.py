"""What an order over HTTP is, as JSON, and the order that it makes."""

import hmac
from datetime import datetime
from hashlib import sha256
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from protocol.units import LAST, Seconds, UnixTime, Watts
from protocol.unreadable import UNREADABLE
from proxy.power.orders.order import Order
from proxy.power.orders.receipt import InForce
from proxy.power.views.views import OrderView, order_view

MAX_SECONDS = 1e9

MAX_SEQ = 1 << 52
"""Of a caller: those that are drawn for it go on above, up to what JSON is sure of."""

MAX_LISTED = 1000
"""Orders that one answer lists."""

OrderWatts = Annotated[float, Meta(ge=0, le=1e12)]
OrderSeconds = Annotated[float, Meta(gt=0, le=MAX_SECONDS)]
Moment = Annotated[datetime, Meta(tz=True)] | Annotated[float, Meta(ge=0, le=1e11)]
"""ISO 8601 with an offset, or Unix seconds."""


class OrderBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An order as a caller gives it.

    Attributes:
        seq: Grows with every order; the highest valid one rules. None: the next.
        id: The caller's name for it: told twice, it is taken once.
        for_s: It ends by itself after so long; or `expires`.
        lease_s: The caller has to speak again within so long.
        revert_w: A ceiling once it has not.
        issued_at: When it was given: an old one may only lower. None: it does not say.
    """

    watts: OrderWatts
    seq: Annotated[int, Meta(ge=0, le=MAX_SEQ)] | None = None
    id: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    not_before: Moment | None = None
    expires: Moment | None = None
    for_s: OrderSeconds | None = None
    lease_s: OrderSeconds | None = None
    revert_w: OrderWatts | None = None
    reason: Annotated[str, Meta(max_length=256)] = ""
    issued_at: Moment | None = None

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if self.for_s is not None and self.expires is not None:
            raise ValueError("for_s and expires: one of them")
        if not self.reason.isprintable():
            raise ValueError("reason: printable characters only")

    @property
    def digest(self) -> str:
        """What tells it from any other body."""
        # Of what was understood and not of the bytes: a caller may spell it differently
        # when it repeats itself.
        # And not of when it was given: said again later it is the same order.
        said = {name: getattr(self, name) for name in _SAID}
        return sha256(msgspec.json.encode(said)).hexdigest()[:32]

    @property
    def issued_unix(self) -> UnixTime | None:
        """When it was given, None if it does not say."""
        return None if self.issued_at is None else unix_of(self.issued_at)

    def ends_at(self, now: UnixTime) -> UnixTime | None:
        """Return when it ends by itself, given now; None: it does not."""
        if self.for_s is not None:
            # for_s counts from when it begins to hold.
            begins = 0.0 if self.not_before is None else unix_of(self.not_before)
            return _within(max(now, begins) + self.for_s)
        return None if self.expires is None else unix_of(self.expires)


_SAID = tuple(n for n in OrderBody.__struct_fields__ if n != "issued_at")


class HttpReply(Struct, frozen=True, kw_only=True):
    """What became of a request."""

    taken: bool
    seq: int | None = None
    reason: str = ""


class InForceView(Struct, frozen=True):
    """What rules the site; moments are Unix seconds."""

    budget_w: float | None
    ruled_by: str
    next_change: float | None
    orders: list[OrderView]
    more: int


def in_force_view(found: InForce) -> InForceView:
    """Return what rules a site as callers are told it."""
    listed = [order_view(order) for order in found.orders[:MAX_LISTED]]
    more = len(found.orders) - len(listed)
    return InForceView(found.budget_w, found.ruled_by, found.next_change, listed, more)


_decode = msgspec.json.Decoder(OrderBody).decode


def read_body(data: bytes) -> OrderBody:
    """Return the order in a request.

    Raises:
        ValueError: It is none; the message names the key.
    """
    try:
        return _decode(data)
    except UNREADABLE as error:
        raise ValueError(str(error)) from error


def order_of(body: OrderBody, site: str, source: str, seq: int, now: UnixTime) -> Order:
    """Return the order that a request makes.

    Raises:
        ValueError: It would end before it begins.
    """
    # 0: since ever, so that a clock that is set back cannot put it into the future.
    begins = UnixTime(0.0) if body.not_before is None else unix_of(body.not_before)
    expires = body.ends_at(now)
    if expires is not None and expires <= begins:
        raise ValueError("expires is not after not_before")
    return Order(
        site=site,
        watts=Watts(body.watts),
        seq=seq,
        source=source,
        not_before=begins,
        received_at=now,
        expires=expires,
        lease_s=None if body.lease_s is None else Seconds(body.lease_s),
        revert_w=None if body.revert_w is None else Watts(body.revert_w),
        reason=body.reason,
        id=body.id or "",
        told=body.digest,
    )


def is_bearer(header: str | None, token: str) -> bool:
    """Tell whether an Authorization header holds `token`, in constant time."""
    scheme, _, shown = (header or "").partition(" ")
    # Digests are of one length: the time tells nothing of the token's.
    same = hmac.compare_digest(_digest(shown.strip()), _digest(token))
    return same and scheme.lower() == "bearer"


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogateescape")).digest()


def unix_of(moment: datetime | float) -> UnixTime:
    """Return a moment, in whichever form, as Unix seconds."""
    if isinstance(moment, datetime):
        return _within(moment.timestamp())
    return UnixTime(moment)


def _within(moment: float) -> UnixTime:
    """Return a moment that can be shown: by an offset a year may be 0 or 10000."""
    return UnixTime(min(max(moment, 0.0), LAST))
