"""The budget of a whole site, from the orders in the table and who has spoken.

How long a source is silent is told by how long its beat has stood still while this
candidate looked, by its own clock. A beat that was never seen to move counts as silent
beyond its lease: its last word may be old.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs
import msgspec
from attrs import define, field

from protocol.units import Seconds, UnixTime, Watts
from proxy.cluster.found import Found
from proxy.config.power import OPERATOR
from proxy.power.control.wall_clock import SteadyClock, WallClock
from proxy.power.orders.budget import Budget, Envelope, decide
from proxy.power.orders.order import Order, Signal
from proxy.power.orders.prune import prune


def body_of(order: Order) -> dict[str, Any]:
    """Return an order as its row has it."""
    return attrs.asdict(order)


def order_of(body: Any) -> Order | None:
    """Return the order of a row; None: it cannot be read, and lowers nothing."""
    try:
        return msgspec.convert(body, Order)
    except (msgspec.ValidationError, TypeError):
        return None


@define(eq=False, repr=False)
class _Beat:
    """A source's beat, and since when it is that."""

    beat: int
    since: Seconds
    moved: bool = False


@define(eq=False, repr=False)
class SiteOrders:
    """What has been said of a site, as one candidate knows it.

    Attributes:
        site: Its name.
        envelope: Its contract.
        leases: Signals of it by name, with how long each may be silent; None: for ever.
    """

    site: str
    envelope: Envelope
    leases: dict[str, Seconds | None]
    wall_clock: SteadyClock
    _wall: WallClock = field(init=False)
    _beats: dict[str, _Beat] = field(factory=dict, init=False)
    _orders: tuple[Order, ...] = field(default=(), init=False)
    _has_read: bool = field(default=False, init=False)
    _heard: dict[str, Mapping[str, float | None]] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._wall = WallClock(self.wall_clock.doubted)

    def read(
        self, bodies: Iterable[Any], spoken: Mapping[str, int], now: Seconds
    ) -> None:
        """Take in what the tables say."""
        found = (order_of(body) for body in bodies)
        self._orders = tuple(order for order in found if order is not None)
        for source, beat in spoken.items():
            known = self._beats.get(source)
            if known is None:
                # one that was not there at the last look has begun to speak
                self._beats[source] = _Beat(beat, now, moved=self._has_read)
            elif known.beat < beat:
                self._beats[source] = _Beat(beat, now, moved=True)
            else:  # a failover has set it back: that is no word of its source
                known.beat = beat
        self._has_read = True

    def heard_by(self, found: Found) -> None:
        """Take note of the signals that members hear, and how long each may be silent.

        Of two that a signal has the shorter counts. One whose row cannot be read hears
        what it did before: not to wait for a signal would raise the budget.
        """
        for name in [name for name in self._heard if name not in found.rows]:
            del self._heard[name]
        for name, figures in found.figures.items():
            if name not in found.faults:
                self._heard[name] = figures.signals
        leases: dict[str, Seconds | None] = {}
        for signals in self._heard.values():
            for source, lease_s in signals.items():
                known = leases.get(source)
                both = [Seconds(one) for one in (known, lease_s) if one is not None]
                leases[source] = min(both, default=None)
        self.leases = leases

    def budget(self, now: Seconds) -> Budget:
        """Return what all halls together may draw."""
        signals = self._signals(now)
        return min(
            (
                decide(self.site, self.envelope, self._orders, signals, at)
                for at in self.moments(now)
            ),
            key=lambda budget: budget.watts,
        )

    def over(self, now: Seconds) -> list[Order]:
        """Return the orders that will never rule again."""
        at = min(self.moments(now))
        kept = set(prune(self._orders, self._signals(now), at))
        return [order for order in self._orders if order not in kept]

    @property
    def standing(self) -> tuple[Order, ...]:
        """All that stand in the table."""
        return self._orders

    def moments(self, now: Seconds) -> tuple[UnixTime, ...]:
        """Return what time it may be, first what the clock says."""
        return tuple(self._wall.moments(now, self.wall_clock()))

    def silent_for(self, name: str, now: Seconds) -> Seconds | None:
        """Return how long a signal is silent; None: it was never heard."""
        lease = self.leases.get(name)
        beat = self._beats.get(name)
        if beat is None:
            return None
        since = now - beat.since
        if beat.moved or lease is None:
            return Seconds(since)
        return Seconds(since + lease)  # it may have been silent all the time

    def _signals(self, now: Seconds) -> tuple[Signal, ...]:
        return tuple(
            Signal(name, lease, self.silent_for(name, now))
            for name, lease in self.leases.items()
        )


def order_by_hand(  # noqa: PLR0913
    site: str,
    watts: Watts,
    seq: int,
    at: UnixTime,
    *,
    for_s: float | None,
    reason: str,
) -> Order:
    """Return an operator's order for a site."""
    return Order(
        site=site,
        watts=watts,
        seq=seq,
        source=OPERATOR,
        not_before=at,
        received_at=at,
        expires=None if for_s is None else UnixTime(at + for_s),
        reason=reason,
    )


Note = Callable[[str, str, dict[str, Any]], None]
"""Puts an event into the logs of this proxy's halls: kind, cause, body."""
