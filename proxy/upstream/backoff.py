"""How long a link waits before it dials again."""

from collections.abc import Callable

from attrs import define, field

from protocol.units import Seconds

MIN_BACKOFF = Seconds(1.0)
MAX_BACKOFF = Seconds(60.0)
MAX_WAIT = Seconds(300.0)
"""The longest that a pool may have us wait by its own wish."""


@define(eq=False, repr=False)
class Backoff:
    """A pause that doubles until somebody says that all is well.

    Attributes:
        random: Spreads the pauses, so that not all links come at once.
    """

    random: Callable[[], float]
    _next: Seconds = field(default=MIN_BACKOFF, init=False)
    _asked: Seconds = field(default=Seconds(0.0), init=False)

    def take(self) -> Seconds:
        """Return the next pause."""
        # Half to one and a half times: all links of a pool are lost in one moment.
        pause = Seconds(self._next * (0.5 + self.random()))
        self._next = min(Seconds(self._next * 2), MAX_BACKOFF)
        # For one pause alone: the pool has asked for this time.
        asked, self._asked = self._asked, Seconds(0.0)
        return max(pause, asked)

    def ask(self, wait: Seconds) -> None:
        """Have the next pause last `wait` at least, within reason."""
        self._asked = min(wait, MAX_WAIT)

    def lengthen(self) -> None:
        """Make the next pause as long as they get."""
        self._next = MAX_BACKOFF

    def reset(self) -> None:
        """Begin again with the shortest."""
        self._next = MIN_BACKOFF
