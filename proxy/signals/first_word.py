"""A first word after silence may be an old one: it may only lower.

Words without a time stamp wait in queues: of a network, of a broker, of a gateway. A
second one within the lease, and not in the same breath, shows that its giver is there.
"""

from attrs import define, field

from protocol.units import Seconds

SAME_BREATH = Seconds(1.0)
"""Words that come closer together may have waited in one queue."""


@define
class FirstWord:
    """Tells which words may raise what a site draws."""

    _first_at: Seconds | None = field(default=None, init=False)
    _last_at: Seconds | None = field(default=None, init=False)

    def may_raise(self, now: Seconds, lease_s: Seconds) -> bool:
        """Take note of a word; tell whether it may raise.

        Args:
            now: Of the monotonic clock.
            lease_s: Of the word before: a longer silence makes this one a first one.
        """
        last, self._last_at = self._last_at, now
        is_first = last is None or now - last >= lease_s
        if is_first or self._first_at is None:
            self._first_at = now
            return False
        return now - self._first_at >= SAME_BREATH
