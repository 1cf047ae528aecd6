"""Which order rules a site, and what its silence means: a function of the moment.

A site's budget is the lowest of what binds it:

    contract    no order goes above it; it rules while no order is valid
    orders      of each source the valid one with the highest `seq`
    lapses      of each source that is silent beyond its lease: the lowest of what it
                said when the lease ran out, its revert, what has begun since, and the
                fail-safe, until it speaks again

So silence only ever lowers: a lapsed source keeps its last word even where that order
would have ended since, and an order that it gave for later may lower the budget
further, never raise it. At the start a site waits at its fail-safe for each source that
has to keep speaking (UNHEARD), unless an order is valid by then: one of before, or an
operator's. Sources without a lease (schedules, prices, operators) are not waited for.

Two clocks are at work. When orders begin and end is wall time, since people mean that;
how long a source has been silent is a duration of the monotonic clock, so that a
stepped clock neither keeps a dead signal alive nor kills a living one. `decide` is
asked for each moment that it may be (`wall_clock`), and the lowest answer holds.
"""

from enum import Enum
from math import inf

from attrs import frozen

from protocol.units import UnixTime, Watts
from proxy.config.power import TRIP_INPUT
from proxy.power.orders.order import Order, Signal, Voice


@frozen
class Envelope:
    """The contract of a site: no order goes above it."""

    budget_w: Watts
    fail_safe_w: Watts


class Rule(Enum):
    """Why the budget is what it is."""

    ORDER = "order"
    LAPSE = "lapse"
    UNHEARD = "unheard"
    CONTRACT = "contract"


@frozen
class Budget:
    """Watts that a site may draw, and what made them so."""

    site: str
    watts: Watts
    rule: Rule
    reason: str
    order: Order | None = None  # the one that rules, or that lapsed
    lapsed: tuple[str, ...] = ()  # sources whose lease ran out
    next_change: UnixTime | None = None  # when it may change with nothing heard
    silence: float = 0.0  # largest part of a lease that has passed in silence

    @property
    def trips(self) -> bool:
        """A relay contact says that the site stops, at once."""
        return _is_trip(self.order)


@frozen
class _Bound:
    """One upper bound on the site's watts."""

    watts: Watts
    rule: Rule
    order: Order | None
    reason: str


def decide(
    site: str,
    envelope: Envelope,
    orders: tuple[Order, ...],
    signals: tuple[Signal, ...],
    now: UnixTime,
) -> Budget:
    """Return the site's budget: the lowest valid order under the contract.

    A lapsed source counts as the lowest of what it said when its lease ran
    out, its revert and the fail-safe, until it speaks again: even when that
    order would have ended since. With no order valid, the fail-safe holds
    until each leased signal has spoken, then the contract.

    Args:
        site: Orders of other sites are left out.
        envelope: The site's contract.
        orders: All that may still matter; see `orders.prune`.
        signals: All that are configured for the site.
        now: Wall time.
    """
    voices = voices_of(tuple(o for o in orders if o.site == site), signals)
    bounds = [b for voice in voices if (b := _bound(voice, envelope, now))]
    lapsed = tuple(v.name for v in voices if v.has_lapsed(now))
    if not bounds:
        bounds = [_unordered(envelope, signals)]
    # Of equals a trip, since it is more than its watts; else the first, and configured
    # signals come first: whose word it is stays the same from second to second.
    ruling = min(bounds, key=lambda b: (b.watts, not _is_trip(b.order)))
    # The order is kept in it: who asks sees what the contract overrules.
    if envelope.budget_w < ruling.watts:
        reason = f"contract of {envelope.budget_w:.0f} W, under {ruling.reason}"
        ruling = _Bound(envelope.budget_w, Rule.CONTRACT, ruling.order, reason)
    return Budget(
        site,
        ruling.watts,
        ruling.rule,
        ruling.reason,
        ruling.order,
        lapsed,
        _next_change(voices, now),
        max((voice.silence(now) for voice in voices), default=0.0),
    )


def _is_trip(order: Order | None) -> bool:
    return order is not None and order.source == TRIP_INPUT


def voices_of(
    orders: tuple[Order, ...], signals: tuple[Signal, ...]
) -> tuple[Voice, ...]:
    """Return all that each source says, the configured ones first."""
    by_name = {signal.name: signal for signal in signals}
    names = dict.fromkeys([*by_name, *(o.source for o in orders)])
    return tuple(
        Voice(n, tuple(o for o in orders if o.source == n), by_name.get(n))
        for n in names
    )


def _last_word(voice: Voice, now: UnixTime) -> Order | None:
    lapsed_at = voice.lapses_at(now)
    return None if lapsed_at is None else voice.order_at(lapsed_at)


def _bound(voice: Voice, envelope: Envelope, now: UnixTime) -> _Bound | None:
    if voice.has_lapsed(now):
        return _lapse(voice, envelope, now)
    order = voice.order_at(now)
    if order is None:
        return None
    why = f": {order.reason}" if order.reason else ""
    reason = f"order {order.seq} of {order.source}{why}"
    return _Bound(order.watts, Rule.ORDER, order, reason)


def _lapse(voice: Voice, envelope: Envelope, now: UnixTime) -> _Bound:
    order = _last_word(voice, now)
    said = inf if order is None else order.watts
    revert = inf if order is None or order.revert_w is None else order.revert_w
    newest = voice.order_at(now)  # one that began in the silence may still lower
    began = inf if newest is None else newest.watts
    watts = Watts(min(said, revert, began, envelope.fail_safe_w, envelope.budget_w))
    reason = f"{voice.name} fell silent beyond its lease"
    return _Bound(watts, Rule.LAPSE, order, reason)


def _unordered(envelope: Envelope, signals: tuple[Signal, ...]) -> _Bound:
    # Without a lease it need not speak: a schedule that says nothing means the
    # contract.
    waits = [s.name for s in signals if s.lease_s is not None and s.silent_for is None]
    if waits:
        watts = min(envelope.fail_safe_w, envelope.budget_w)
        reason = f"fail-safe: not heard since the start: {', '.join(waits)}"
        return _Bound(watts, Rule.UNHEARD, None, reason)
    reason = "contract: no order is valid"
    return _Bound(envelope.budget_w, Rule.CONTRACT, None, reason)


def _next_change(voices: tuple[Voice, ...], now: UnixTime) -> UnixTime | None:
    moments: list[UnixTime] = []
    for voice in voices:
        if (lapse := voice.lapses_at(now)) is not None:
            moments.append(lapse)
        for order in voice.orders:
            moments.append(order.not_before)
            if order.expires is not None:
                moments.append(order.expires)
    return min((m for m in moments if m > now), default=None)
