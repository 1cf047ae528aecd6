"""Orders, and all that one source says: which count, and how long it is silent."""

from math import inf

from attrs import frozen

from protocol.units import Seconds, UnixTime, Watts


@frozen
class Order:
    """An instruction to keep a site at or under `watts`.

    Of one source the valid order with the highest `seq` counts; of several
    sources the lowest one. An order ends by itself at `expires`; one with a
    `lease_s` lapses when its source stays silent for longer.
    """

    site: str
    watts: Watts
    seq: int  # grows with every order of its source
    source: str  # the signal's name, or who gave it
    not_before: UnixTime
    received_at: UnixTime
    expires: UnixTime | None = None  # None: until replaced or cleared
    lease_s: Seconds | None = None  # None: its signal's, if that has one
    revert_w: Watts | None = None  # a ceiling after a lapse; None: fail-safe alone
    reason: str = ""
    id: str = ""  # its caller's name for it, empty if it has none
    told: str = ""  # digest of the request that made it; empty: none did

    def is_valid(self, now: UnixTime) -> bool:
        """It has begun and has not ended."""
        return self.not_before <= now and not self.has_ended(now)

    def has_ended(self, now: UnixTime) -> bool:
        """It will never be valid again."""
        return self.expires is not None and now >= self.expires


@frozen
class Signal:
    """What is known of a place that orders come from.

    Silence is a duration of the monotonic clock, so that a stepped wall clock
    neither keeps a dead signal alive nor kills a living one.
    """

    name: str
    lease_s: Seconds | None = None  # None: it need not keep speaking
    silent_for: Seconds | None = None  # None: not heard since the start


@frozen
class Voice:
    """All that one source says."""

    name: str
    orders: tuple[Order, ...]
    signal: Signal | None

    def that_count(self, now: UnixTime) -> frozenset[Order]:
        """Return the orders that rule, may yet, or may have when it lapsed.

        One is outruled for good by a newer one that ends no sooner and had begun
        when the source last spoke: no lapse is from before that.
        """
        spoken = self._spoken_at(now)
        # Not beyond now: an order that begins later has not outruled anything yet.
        by = -inf if spoken is None else min(spoken, now)
        found: list[Order] = []
        until = -inf  # newer orders that have begun hold
        for order in sorted(self.orders, key=lambda o: o.seq, reverse=True):
            end = inf if order.expires is None else order.expires
            if end > until:
                found.append(order)
            if order.not_before <= by:
                until = max(until, end)
        return frozenset(found)

    def lapses_at(self, now: UnixTime) -> UnixTime | None:
        """Return when its first lease runs or ran out, None if it has none."""
        ends = (UnixTime(since + lease) for since, lease in self._leases(now))
        return min(ends, default=None)

    def silence(self, now: UnixTime) -> float:
        """Return the largest part of a lease that has passed, 0 if none has."""
        parts = ((now - since) / lease for since, lease in self._leases(now))
        return max(0.0, max(parts, default=0.0))

    def _leases(self, now: UnixTime) -> list[tuple[UnixTime, Seconds]]:
        """Return since when each lease runs, and for how long."""
        spoken = self._spoken_at(now)
        if spoken is None:
            return []
        # Only where an order has a lease of its own: sorting all is not free, and most
        # have none.
        counting = self.that_count(now) if any(o.lease_s for o in self.orders) else ()
        found = [
            (since, o.lease_s)
            for o in counting
            if o.lease_s is not None
            and not o.has_ended(
                UnixTime((since := max(spoken, o.not_before)) + o.lease_s)
            )
        ]
        if self.signal is not None and self.signal.lease_s is not None:
            found.append((spoken, self.signal.lease_s))
        return found

    def has_lapsed(self, now: UnixTime) -> bool:
        """It is silent beyond its lease."""
        lapses_at = self.lapses_at(now)
        return lapses_at is not None and lapses_at <= now

    @property
    def newest(self) -> Order | None:
        """The order with the highest `seq`, None if it has none."""
        return max(self.orders, key=lambda o: o.seq, default=None)

    @property
    def only_trace(self) -> Order | None:
        """The order that alone tells when this source spoke, None if not needed."""
        if self.signal is not None and self.signal.silent_for is not None:
            return None
        return max(self.orders, key=lambda o: o.received_at, default=None)

    def _spoken_at(self, now: UnixTime) -> UnixTime | None:
        if self.signal is not None and self.signal.silent_for is not None:
            return UnixTime(now - self.signal.silent_for)
        newest = self.only_trace
        return None if newest is None else newest.received_at

    def order_at(self, moment: UnixTime) -> Order | None:
        """Return the order that counted at `moment`."""
        valid = [o for o in self.orders if o.is_valid(moment)]
        return max(valid, key=lambda o: o.seq, default=None)
