"""Says a line of limits to a site as orders, and only what has changed of it.

What stands is read from the site each time, so that a restart forgets nothing. A word
that may not raise is joined with what stands: at each moment the lower of both. One
that is late renews no lease either: its orders last as long as the lease that runs.
"""

from collections.abc import Sequence

from attrs import define, field

from protocol.openadr.timeline import Span, cut, lowest
from protocol.units import Seconds, UnixTime, Watts
from proxy.power.orders.order import Order
from proxy.power.orders.receipt import Receipt
from proxy.power.ports import SignalListener
from proxy.signals.numbering import Numbering

TAKEN = Receipt(is_taken=True)


@define
class LineOrders:
    """The orders of one signal."""

    _site: str
    _name: str
    _fail_safe_w: Watts  # what a site draws at most while it has heard nobody
    _numbers: Numbering = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._numbers = Numbering(self._site, self._name)

    def say(
        self, listener: SignalListener, line: Sequence[Span], now: UnixTime
    ) -> Receipt:
        """Say a fresh word: `line`, and nothing else, rules from now on."""
        return self._say(listener, cut(line, now), now)

    def say_lower(
        self, listener: SignalListener, line: Sequence[Span], now: UnixTime
    ) -> Receipt:
        """Say a word that may not raise, of somebody who is there: it renews."""
        wanted = self._no_higher(listener, line, now)
        return self._say(listener, wanted, now)

    def say_late(
        self, listener: SignalListener, line: Sequence[Span], now: UnixTime
    ) -> Receipt:
        """Say a word that may not raise and does not renew."""
        before = _spans(listener.standing(self._name), now)
        wanted = self._no_higher(listener, line, now)
        left = listener.points(self._name).lease_left_s
        if wanted == before or (not left and not _lowers(listener, wanted, now)):
            return TAKEN
        orders = self._numbers.orders(wanted, now, Seconds(left) if left else None)
        return listener.take(orders, instead_of=self._name)

    def _no_higher(
        self, listener: SignalListener, line: Sequence[Span], now: UnixTime
    ) -> tuple[Span, ...]:
        """Return a line that is nowhere above what stands, nor above what rules now.

        The latter where nothing stands: the source was not heard, or has lapsed.
        """
        lines = [_spans(listener.standing(self._name), now), cut(line, now)]
        if not listener.points(self._name).lease_left_s:
            rules = listener.in_force().budget_w
            most = self._fail_safe_w if rules is None else rules
            lines.append((Span(now, None, most, "as before it fell silent"),))
        return cut(lowest(*lines), now)

    def _say(
        self, listener: SignalListener, wanted: tuple[Span, ...], now: UnixTime
    ) -> Receipt:
        standing = [o for o in listener.standing(self._name) if not o.has_ended(now)]
        is_lasting = all(order.lease_s is None for order in standing)
        if not (is_lasting and _spans(standing, now) == wanted):
            orders = self._numbers.orders(wanted, now)
            receipt = listener.take(orders, instead_of=self._name)
            if not receipt.is_taken:
                return receipt
        listener.renew(self._name)
        return TAKEN


def _spans(orders: Sequence[Order], now: UnixTime) -> tuple[Span, ...]:
    found = sorted(orders, key=lambda order: order.not_before)
    return tuple(
        Span(order.not_before, order.expires, order.watts, order.reason)
        for order in found
        if not order.has_ended(now)
    )


def _lowers(listener: SignalListener, line: Sequence[Span], now: UnixTime) -> bool:
    rules = listener.in_force().budget_w
    at_now = [span.watts for span in line if span.start <= now]
    return rules is not None and bool(at_now) and min(at_now) < rules
