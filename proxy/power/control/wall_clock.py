"""Wall time that may have been stepped, or that a restart found behind.

While a controller runs, a step of the wall clock puts what it says in doubt: what it
would say without the step counts as well (`WallClock`). Over a restart the monotonic
clock does not reach. A host without a clock battery comes up with the time of its last
shutdown or of its image, and orders that were given since then would not have begun:
so time goes on from the newest moment in the database (`SteadyClock`). But a row may as
well be from a clock that was wrong, and has been mended: while the two differ orders
are asked for at both moments, so that neither a clock that is behind nor a row from the
future raises the budget. Which of the two is told, and so stamped on new orders and
rows, is a matter of how far they are apart.
"""

import math
from collections.abc import Callable

from attrs import define, field

from protocol.units import Seconds, UnixTime

STEP = Seconds(2.0)
"""A clock that moves further than this against the monotonic one was stepped. NTP
slews by 0.5 ms a second and steps from 0.128 s on; a look may be late. Chosen."""

LONGEST_DOUBT = Seconds(86400.0)
"""Orders for longer than a day are given by date: after it the new clock is right."""

MOST_BEHIND = Seconds(3600.0)
"""fake-hwclock keeps the time each hour: a host that has it comes up behind by no more.
Beyond it a row from the future is as likely, and the host's clock is what is told."""


@define(eq=False, repr=False)
class SteadyClock:
    """The host's wall clock, but not behind what is known to be past."""

    _host: Callable[[], UnixTime]
    _monotonic: Callable[[], float]
    _least_offset: float = field(default=-math.inf, init=False)

    def __call__(self) -> UnixTime:
        """Return the time in Unix seconds."""
        host, least = self._host(), self._least()
        return least if host < least <= host + MOST_BEHIND else host

    def doubted(self) -> UnixTime | None:
        """Return what time it may be as well, None if the host is not behind."""
        host, least = self._host(), self._least()
        if least <= host:
            return None
        return host if least <= host + MOST_BEHIND else least

    def never_before(self, newest: UnixTime) -> Seconds:
        """Go on from `newest` if the host's clock is behind it.

        Returns by how much it is; 0 if it is not.
        """
        behind = Seconds(max(0.0, newest - self._host()))
        if behind:
            # On the monotonic clock, so that the least time goes on from there.
            self._least_offset = newest - self._monotonic()
        return behind

    def _least(self) -> UnixTime:
        return UnixTime(self._monotonic() + self._least_offset)


def _not_doubted() -> None:
    """See `SteadyClock.doubted`: time is as it is told."""


@define(eq=False, repr=False)
class WallClock:
    """Says what time it may be.

    After a step of D seconds each order that ends or begins too early or too late
    because of it has ended or begun by either clock D seconds later: for so long
    both are asked, and the lower budget rules. So is what a restart left in doubt, for
    as long as that lasts (`SteadyClock.doubted`).
    """

    _doubted: Callable[[], UnixTime | None] = _not_doubted
    _offset: float | None = field(default=None, init=False)
    _doubtful: float = field(default=0.0, init=False)  # offset before the step
    _doubt_until: float = field(default=0.0, init=False)
    _seen: float = field(default=0.0, init=False)

    def moments(self, now: Seconds, at: UnixTime) -> tuple[UnixTime, ...]:
        """Return `at`, and in doubt also what else it may be.

        Args:
            now: Of the monotonic clock.
            at: What the wall clock says.
        """
        found, also = self._stepped(now, at), self._doubted()
        return found if also is None else (*found, also)

    def _stepped(self, now: Seconds, at: UnixTime) -> tuple[UnixTime, ...]:
        """Return `at`, and what the clock would say without its last step."""
        offset = at - now
        if self._offset is None:
            self._offset = self._seen = offset
        step = offset - self._seen
        self._seen = offset
        if abs(step) > STEP:
            # Within a doubt the first offset is kept: two steps may have brought the
            # clock back.
            if now >= self._doubt_until:
                self._doubtful = offset - step
            doubt = min(abs(offset - self._doubtful), LONGEST_DOUBT)
            self._doubt_until = now + doubt
        if now >= self._doubt_until:
            return (at,)
        return at, UnixTime(now + self._doubtful)
