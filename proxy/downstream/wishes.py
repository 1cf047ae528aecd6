"""What difficulty a miner asks for, within what its site allows."""

from attrs import define, field

from protocol.units import Difficulty
from protocol.work.vardiff import VardiffPolicy

LEEWAY = 64.0
"""A proxy below us wants so many shares of each of its miners, and has hundreds."""


@define
class Wishes:
    """The difficulty that one miner wants.

    Attributes:
        is_fixed: It wants one for good: vardiff leaves it alone.
        least: The lowest that it takes; None: whatever the site has.
        leads: It adjusts its difficulty itself: it is given `least`.
        suggested: As it suggested last; None: it did not.
    """

    is_fixed: bool = field(default=False, init=False)
    least: Difficulty | None = field(default=None, init=False)
    leads: bool = field(default=False, init=False)
    suggested: Difficulty | None = field(default=None, init=False)

    def is_news(self, suggestion: Difficulty) -> bool:
        """Take note of a suggestion; return whether it is another than the last.

        Firmware repeats its own twice a minute, to keep the connection. Taken for a
        new one each time, it would undo what vardiff has found out meanwhile.
        """
        is_new = suggestion != self.suggested
        self.suggested = suggestion
        return is_new

    def note(self, fixed: Difficulty | None, minimum: Difficulty | None) -> bool:
        """Take note of what it asks for; return whether its difficulty may change.

        It may not once it is fixed, but to another fixed one. None stands for what
        is not asked for; a minimum stays until there is another.
        """
        self.least = minimum or self.least
        if fixed is None and self.is_fixed:
            return False
        self.is_fixed = fixed is not None
        return True

    def policy(self, site: VardiffPolicy) -> VardiffPolicy:
        """Return the site's policy, its minimum raised to the miner's."""
        if self.least is None:
            return site
        least = site.clamp(self.least)
        leeway = LEEWAY if self.leads else 1.0
        return VardiffPolicy(site.shares_per_minute, least, site.maximum, leeway)

    def is_met_by(self, difficulty: Difficulty, site: VardiffPolicy) -> bool:
        """Tell whether the miner has such a difficulty because it wants it."""
        least = self.policy(site).minimum
        if self.is_fixed or site.minimum < least >= difficulty:
            return True
        return self.suggested is not None and difficulty == site.clamp(self.suggested)
