"""Which words of a broker are fresh: what is late, retained or replayed only lowers.

A broker hands over what it has kept: retained messages, queues of a session, and all
that waited while it was frozen. When a word was given, `issued_at`, tells them apart.
"""

from attrs import define, evolve, field

from protocol.units import Seconds, UnixTime
from proxy.power.orders.order import Order
from proxy.power.ports import SignalListener
from proxy.signals.first_word import FirstWord

MAX_AGE = Seconds(60.0)
"""How old a word may be that raises, unless the configuration says otherwise."""

LONG_AGO = UnixTime(0.0)

AHEAD = Seconds(5.0)
"""How far the clock of who speaks may go ahead of ours: clocks that a network sets are
within a second. A word of an hour ahead would look fresh for an hour."""


def aged(issued_at: UnixTime, at: UnixTime, max_age_s: float) -> str:
    """Return why the age of a word is not believed, empty if it is."""
    if at - issued_at > max_age_s:
        return "stale: issued too long ago"
    if issued_at - at > AHEAD:
        return "issued in the future: one of the clocks is wrong"
    return ""


def may_lower(
    watts: float, listener: SignalListener, source: str, at: UnixTime
) -> bool:
    """Tell whether an order of `source` can only lower what the site may draw.

    It does where it is below what rules now, or below what it takes the place of: the
    last order of the same source, while that is valid and has not lapsed.
    """
    in_force = listener.in_force().budget_w
    if in_force is None:
        return False
    if watts < in_force:
        return True
    valid = [o for o in listener.standing(source) if o.is_valid(at)]
    last = max(valid, key=lambda order: order.seq, default=None)
    has_lapsed = listener.points(source).lease_left_s == 0
    return last is not None and watts < last.watts and not has_lapsed


def kept_short(order: Order, listener: SignalListener) -> Order:
    """Return a stale order such that it ends no later than the lease that runs.

    It is no sign of life. Nor does it pass for the order that is given afresh.
    """
    left = listener.points(order.source).lease_left_s
    if not left:
        return evolve(order, told="")
    return evolve(order, told="", lease_s=Seconds(min(left, order.lease_s or left)))


@define
class Freshness:
    """Judges the words that come over one connection.

    Attributes:
        max_age_s: A word that was given longer ago is stale.
        issued_at: Of the newest fresh word; none older than it is fresh.
    """

    max_age_s: Seconds
    issued_at: UnixTime = LONG_AGO
    _first: FirstWord = field(factory=FirstWord, init=False)

    def objection(
        self,
        issued_at: UnixTime | None,
        at: UnixTime,
        now: Seconds,
        lease_s: Seconds,
        *,
        is_retained: bool,
    ) -> str:
        """Return why a word is not fresh; empty: it is, and is taken note of.

        Args:
            issued_at: When it was given; None: it does not say.
            at: What time it is.
            now: Of the monotonic clock.
            lease_s: Of the signal: a word that is older has lapsed on its way.
            is_retained: The broker kept it from before.
        """
        if issued_at is None:
            if is_retained:
                return "retained, without issued_at"
            if not self._first.may_raise(now, lease_s):
                return "a first word after silence, without issued_at"
            return ""
        if why := aged(issued_at, at, min(self.max_age_s, lease_s)):
            return why
        if issued_at <= self.issued_at:
            return "not newer than what was heard"
        self.issued_at = issued_at
        return ""
