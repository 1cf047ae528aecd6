"""What became of the shares that a pool was sent lately, and what follows from it."""

from collections import deque
from enum import StrEnum

from attrs import define, field

from protocol.units import Seconds

JUDGED_BY = 50
"""Outcomes by which a pool is known."""

MOST = 40
"""Of those that were refused or not answered: from here on a pool is doubted."""

A_SECOND = 5
"""Outcomes of one second that count, the first ones. More, and a burst (every share of
the second in which a block was found elsewhere is stale) would be all the evidence."""

LEFT_FOR = Seconds(600.0)
LONGEST_LEFT_FOR = Seconds(3600.0)
"""Doubled from one to the other each time a pool has not mended."""


class Outcome(StrEnum):
    """What became of a share that a pool was sent."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNANSWERED = "unanswered"


@define(eq=False, repr=False)
class Standing:
    """Outcomes of the last shares: a pool that takes few is doubted for a while.

    Not to answer is no better than to refuse.
    """

    _outcomes: deque[Outcome] = field(
        factory=lambda: deque(maxlen=JUDGED_BY), init=False
    )
    _second: int = field(default=0, init=False)
    _counted: int = field(default=0, init=False)
    _until: float = field(default=0.0, init=False)
    _next_for: Seconds = field(default=LEFT_FOR, init=False)
    _why: str = field(default="", init=False)

    def note(self, outcome: Outcome, now: Seconds) -> bool:
        """Count `outcome`; return whether the pool is doubted from now on."""
        if not self._counts(now):
            return False
        self._outcomes.append(outcome)
        good = self._outcomes.count(Outcome.ACCEPTED)
        if len(self._outcomes) - good >= MOST:
            self._doubt_from(now)
            return True
        if len(self._outcomes) == JUDGED_BY:
            self._next_for = LEFT_FOR  # it has mended
        return False

    def doubt(self, now: Seconds) -> str:
        """Return why the pool is doubted; empty if it is not, or not any more."""
        return self._why if now < self._until else ""

    def _counts(self, now: Seconds) -> bool:
        if int(now) != self._second:
            self._second, self._counted = int(now), 0
        self._counted += 1
        return self._counted <= A_SECOND

    def _doubt_from(self, now: Seconds) -> None:
        self._why = self._told()
        # It is judged anew when it is tried again, by what it does then.
        self._outcomes.clear()
        self._until = now + self._next_for
        self._next_for = min(Seconds(2 * self._next_for), LONGEST_LEFT_FOR)

    def _told(self) -> str:
        counts = (
            ("refused", self._outcomes.count(Outcome.REFUSED)),
            ("did not answer", self._outcomes.count(Outcome.UNANSWERED)),
        )
        told = " and ".join(f"{what} {count}" for what, count in counts if count)
        return f"{told} of the last {len(self._outcomes)} shares"
