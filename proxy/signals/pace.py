"""How many words of a signal are taken in a second: each is written to disk."""

from collections import deque

from attrs import define, field

from protocol.units import Seconds

MAX_A_SECOND = 20
"""New words in any one second: each is written to disk before it is answered."""

TOO_MANY = f"> {MAX_A_SECOND} a second"


@define
class Pace:
    """Tells a flood from a plant."""

    _times: deque[Seconds] = field(
        factory=lambda: deque[Seconds](maxlen=MAX_A_SECOND), init=False
    )

    def is_flood(self, now: Seconds) -> bool:
        """Take note of a word, unless it is one too many; tell whether it is."""
        # The deque holds the last twenty that were taken: the oldest of them less than
        # a second ago is a flood.
        if len(self._times) == MAX_A_SECOND and now - self._times[0] < 1.0:
            return True
        self._times.append(now)
        return False
