"""The orders of a site: taken, renewed, withdrawn, and the budget they make."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from attrs import define, evolve, field, frozen

from protocol.units import Seconds, UnixTime
from proxy.power.orders.budget import Budget, Envelope, decide
from proxy.power.orders.order import Order, Signal
from proxy.power.orders.prune import prune
from proxy.power.orders.receipt import Receipt

MAX_ORDERS = 10_000
"""Orders of one source that may yet rule: a quarter of an hour each for 100 days."""


@frozen
class OrderBookState:
    """All that an order book held at one moment."""

    orders: tuple[Order, ...]
    spoke_at: Mapping[str, Seconds]


@define(eq=False, repr=False)
class OrderBook:
    """What everybody has said about one site's budget.

    Attributes:
        leases: Signals by name, with how long each may be silent; None: for ever.
        orders: All that may still matter.
    """

    site: str
    envelope: Envelope
    leases: Mapping[str, Seconds | None]
    orders: tuple[Order, ...] = field(default=(), init=False)
    _spoke_at: dict[str, Seconds] = field(factory=dict, init=False)

    def restore(
        self, orders: Iterable[Order], silent_for: Mapping[str, float], now: Seconds
    ) -> None:
        """Take in what was said before a restart.

        Args:
            orders: As they were.
            silent_for: Of each source, how long ago it spoke; by the wall clock, so
                that what is in the future counts as now.
            now: The moment.
        """
        self.orders = tuple(o for o in orders if o.site == self.site)
        for source, silence in silent_for.items():
            self._spoke_at[source] = Seconds(now - max(0.0, silence))

    def take(
        self,
        orders: Sequence[Order],
        now: Seconds,
        moments: Sequence[UnixTime],
        instead_of: str | None = None,
    ) -> Receipt:
        """Take in orders, all or none; see `ports.SignalListener`.

        Args:
            orders: Of any sources.
            now: Of the monotonic clock.
            moments: What the wall clock may say; see `wall.WallClock`.
            instead_of: A source that says this and nothing else; None: they add.
        """
        before = self.orders
        if instead_of is not None:
            self.withdraw(instead_of)
        receipt = self._add(orders, now, moments)
        if not receipt.is_taken:
            self.orders = before
        return receipt

    def _add(
        self, orders: Sequence[Order], now: Seconds, moments: Sequence[UnixTime]
    ) -> Receipt:
        standing = {_without_receipt(o) for o in self.orders}
        new = [o for o in orders if _without_receipt(o) not in standing]
        last = {source: self.next_seq(source) - 1 for source in {o.source for o in new}}
        for order in new:
            if reason := self._objection(order, min(moments), last[order.source]):
                return Receipt(is_taken=False, reason=reason)
        heard = self._spoke_at | {o.source: now for o in orders}
        kept = prune(
            (*self.orders, *new), _signals(self.leases, heard, now), min(moments)
        )
        for source, count in Counter(o.source for o in kept).items():
            if count > MAX_ORDERS and source in last:
                reason = f"more than {MAX_ORDERS} orders of {source}"
                return Receipt(is_taken=False, reason=reason)
        self.orders, self._spoke_at = kept, heard
        return Receipt(is_taken=True)

    def renew(self, source: str, now: Seconds) -> None:
        """Note that `source` is there."""
        if source in self.leases:
            self._spoke_at[source] = now

    def withdraw(self, source: str) -> int:
        """Forget the orders of `source`; return how many there were."""
        kept = tuple(o for o in self.orders if o.source != source)
        count = len(self.orders) - len(kept)
        self.orders = kept
        return count

    def budget(
        self, now: Seconds, moments: Sequence[UnixTime], without: str | None = None
    ) -> Budget:
        """Return the budget in force, the lowest of what `moments` make of it.

        Args:
            now: Of the monotonic clock.
            moments: What the wall clock may say; see `wall.WallClock`.
            without: A source whose orders are left out: as if they were withdrawn.
        """
        signals = self.signals(now)
        orders = tuple(o for o in self.orders if o.source != without)
        return min(
            (decide(self.site, self.envelope, orders, signals, at) for at in moments),
            key=lambda budget: budget.watts,
        )

    def said(self) -> OrderBookState:
        """Return all that was said, to be put back if more cannot be kept."""
        return OrderBookState(self.orders, dict(self._spoke_at))

    def put_back(
        self, said: OrderBookState, now: Seconds, moments: Sequence[UnixTime]
    ) -> bool:
        """Forget what was taken or withdrawn since `said`, unless it lowers the budget.

        Returns whether it is forgotten.
        """
        new, watts = self.said(), self.budget(now, moments).watts
        self.orders, self._spoke_at = said.orders, dict(said.spoke_at)
        if watts >= self.budget(now, moments).watts:
            return True
        self.orders, self._spoke_at = new.orders, dict(new.spoke_at)
        return False

    def next_seq(self, source: str) -> int:
        """Return a `seq` above all that `source` has used."""
        return 1 + max((o.seq for o in self.orders if o.source == source), default=0)

    def _objection(self, order: Order, at: UnixTime, last: int) -> str:
        """Return why a new order is not taken; empty if it is.

        Args:
            order: Not one that stands.
            at: The earliest that it may be: no order is over before.
            last: The highest `seq` that its source has used.
        """
        if order.site != self.site:
            return f"the order is for {order.site!r}, this is {self.site!r}"
        if not 0 <= order.watts < float("inf"):
            return f"{order.watts} W is not a power"
        if order.has_ended(at):
            return "the order has ended already"
        if order.seq <= last:
            return f"seq {order.seq} is used: {order.source} has given up to {last}"
        return ""

    def signals(self, now: Seconds) -> tuple[Signal, ...]:
        """Return every configured signal and how long it has been silent."""
        return _signals(self.leases, self._spoke_at, now)


def _signals(
    leases: Mapping[str, Seconds | None],
    spoke_at: Mapping[str, Seconds],
    now: Seconds,
) -> tuple[Signal, ...]:
    def silent_for(name: str) -> Seconds | None:
        spoke = spoke_at.get(name)
        return None if spoke is None else Seconds(now - spoke)

    return tuple(
        Signal(name, lease, silent_for(name)) for name, lease in leases.items()
    )


def _without_receipt(order: Order) -> Order:
    return evolve(order, received_at=UnixTime(0.0))
