"""Wall time that may have been stepped, or that a restart found behind.

While a controller runs, a step of the wall clock puts what it says in doubt: what it
would say without the step counts as well (`WallClock`). Over a restart the monotonic
clock does not reach. A host without a clock battery comes up with the time of its last
shutdown or of its image, and orders that were given since then would not have begun:
so time goes on from the newest moment in the database (`SteadyClock`).
"""

import math
from collections.abc import Callable

from attrs import define, field

from protocol.units import Seconds, UnixTime

STEP = Seconds(2.0)
"""A clock that moves further than this against the monotonic one was stepped."""

LONGEST_DOUBT = Seconds(86400.0)
"""Orders for longer than a day are given by date: after it the new clock is right."""


@define(eq=False, repr=False)
class SteadyClock:
    """The host's wall clock, but never behind what is known to be past."""

    _host: Callable[[], UnixTime]
    _monotonic: Callable[[], float]
    _least_offset: float = field(default=-math.inf, init=False)

    def __call__(self) -> UnixTime:
        """Return the time in Unix seconds."""
        return UnixTime(max(self._host(), self._monotonic() + self._least_offset))

    def never_before(self, newest: UnixTime) -> Seconds:
        """Go on from `newest` if the host's clock is behind it.

        Returns by how much it is; 0 if it is not.
        """
        behind = Seconds(max(0.0, newest - self._host()))
        if behind:
            self._least_offset = newest - self._monotonic()
        return behind


@define(eq=False, repr=False)
class WallClock:
    """Says what time it may be.

    After a step of D seconds each order that ends or begins too early or too late
    because of it has ended or begun by either clock D seconds later: for so long
    both are asked, and the lower budget rules.
    """

    _offset: float | None = field(default=None, init=False)
    _doubtful: float = field(default=0.0, init=False)  # offset before the step
    _doubt_until: float = field(default=0.0, init=False)
    _seen: float = field(default=0.0, init=False)

    def moments(self, now: Seconds, at: UnixTime) -> tuple[UnixTime, ...]:
        """Return `at`, and in doubt also what the clock would say without its step.

        Args:
            now: Of the monotonic clock.
            at: What the wall clock says.
        """
        offset = at - now
        if self._offset is None:
            self._offset = self._seen = offset
        step = offset - self._seen
        self._seen = offset
        if abs(step) > STEP:
            if now >= self._doubt_until:
                self._doubtful = offset - step
            doubt = min(abs(offset - self._doubtful), LONGEST_DOUBT)
            self._doubt_until = now + doubt
        if now >= self._doubt_until:
            return (at,)
        return at, UnixTime(now + self._doubtful)
