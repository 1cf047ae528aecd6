"""Which orders of a site may still matter."""

from protocol.units import UnixTime
from proxy.power.orders.budget import voices_of
from proxy.power.orders.order import Order, Signal


def prune(
    orders: tuple[Order, ...], signals: tuple[Signal, ...], now: UnixTime
) -> tuple[Order, ...]:
    """Return the orders that can still matter now or later.

    An ended order is kept while its source has lapsed and it was valid then. One that
    cannot rule again is kept while it is all that tells when its source last spoke,
    or what `seq` it has used.
    """
    kept: list[Order] = []
    for voice in voices_of(orders, signals):
        since = voice.lapses_at(now) if voice.has_lapsed(now) else None
        needed = {voice.only_trace, voice.newest} | {
            o
            for o in voice.that_count(now)
            if not o.has_ended(now) or (since is not None and o.is_valid(since))
        }
        kept += (o for o in voice.orders if o in needed)
    return tuple(kept)
