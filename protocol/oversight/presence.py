"""Whether a party is there: its witness cosigned the log not long ago.

There is no heartbeat beside it: whoever cosigns has seen what was ordered. Never seen
is away; a cosignature from the future proves nothing.
"""

from collections.abc import Collection, Mapping
from math import inf

from attrs import frozen

PRESENT_S = 600.0
"""Ten times what a log with a witness takes to be cosigned at the latest."""

AHEAD_S = 60.0
"""How far the clock of a witness may be ahead. Chosen: as `skew_s` of documents."""


@frozen
class PresenceRule:
    """How many parties must be there.

    Attributes:
        raise_needs: For an allow or a lift to be acted on; 0: none.
        present_s: How old a party's newest cosignature may be.
        absent_s: Fewer for so long end every allow; 0: never.
    """

    raise_needs: int = 0
    present_s: float = PRESENT_S
    absent_s: float = 0.0

    def present(
        self, seen: Mapping[str, float], paused: Collection[str], moment: float
    ) -> frozenset[str]:
        """Return the roles that are there, or need not be.

        Args:
            seen: When each role's witness last cosigned, Unix seconds.
            paused: Roles that need not be present.
            moment: Now.
        """
        there = {r for r, at in seen.items() if self._is_fresh(at, moment)}
        return frozenset(there | set(paused))

    def short(self, present: Collection[str]) -> int:
        """Return how many more must be there for anything to be raised."""
        return max(0, self.raise_needs - len(present))

    def is_over(
        self, seen: Mapping[str, float], paused: Collection[str], moment: float
    ) -> bool:
        """Tell whether too few have been there for too long."""
        if not self.raise_needs or not self.absent_s:
            return False
        known = {r: at for r, at in seen.items() if at <= moment + AHEAD_S}
        known |= dict.fromkeys(paused, inf)
        latest = sorted(known.values(), reverse=True)
        # There were enough until the last one that was needed was there last.
        needed = latest[self.raise_needs - 1] if len(latest) >= self.raise_needs else 0
        return moment >= needed + self.present_s + self.absent_s

    def _is_fresh(self, at: float, moment: float) -> bool:
        return moment - self.present_s < at <= moment + AHEAD_S
