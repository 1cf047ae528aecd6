"""Wall time that may have been stepped: both the old and the new one count."""

from attrs import define, field

from protocol.units import Seconds, UnixTime

STEP = Seconds(2.0)
"""A clock that moves further than this against the monotonic one was stepped."""

LONGEST_DOUBT = Seconds(86400.0)


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
