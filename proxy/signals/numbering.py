"""The numbers of a signal's orders: each above all before, over a restart too."""

from collections.abc import Sequence
from typing import Protocol

from attrs import define, field

from protocol.units import Seconds, UnixTime, Watts
from proxy.power.orders.order import Order

MAX_REASON = 256
"""Characters of an order's reason, as of one over HTTP."""

PER_SECOND = 1000
"""Numbers that a second has: who gives no more orders than that stays, by the wall
clock, above those of an earlier run without any file."""


class Stretch(Protocol):
    """A time and the watts that hold in it; its end None: they go on."""

    @property
    def start(self) -> UnixTime:
        """Return when it begins."""

    @property
    def end(self) -> UnixTime | None:
        """Return when it ends."""

    @property
    def watts(self) -> Watts:
        """Return what holds."""

    @property
    def reason(self) -> str:
        """Return why, for people."""


@define
class Numbering:
    """Makes the orders of one signal out of stretches of time."""

    _site: str
    _source: str
    _per_second: int = PER_SECOND
    _last_seq: int = field(default=0, init=False)

    def orders(
        self,
        stretches: Sequence[Stretch],
        now: UnixTime,
        lease_s: Seconds | None = None,
    ) -> list[Order]:
        """Return an order for each stretch, in their sequence."""
        first = next_seq(self._last_seq, now, self._per_second)
        orders = [
            Order(
                site=self._site,
                watts=one.watts,
                seq=first + at,
                source=self._source,
                not_before=one.start,
                received_at=now,
                expires=one.end,
                lease_s=lease_s,
                reason=one.reason[:MAX_REASON],
            )
            for at, one in enumerate(stretches)
        ]
        self._last_seq = orders[-1].seq if orders else self._last_seq
        return orders


def next_seq(last: int, now: UnixTime, per_second: int = PER_SECOND) -> int:
    """Return the number of an order that has none of its own, above `last`."""
    return max(last + 1, int(now * per_second))
