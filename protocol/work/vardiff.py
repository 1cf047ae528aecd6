"""How hard a miner's shares shall be, so that it sends a steady few a minute."""

import math

from attrs import define, field, frozen

from protocol.bitcoin.target import floor_power_of_two
from protocol.units import Difficulty, Seconds

EVALUATE_SHARES = 72
EVALUATE_SECONDS = Seconds(240.0)
WINDOW_SECONDS = Seconds(3600.0)
"""A miner too slow for 72 shares in this time is judged by what there is."""

_HALF_STEP = 0.5  # a power of two is never further than this from the ideal (log2)
_SIGMAS = 3.5  # of the share count, before chance alone moves a miner
_NO_SHARES = 0.5  # stands for none in 240 s: a long way down, never to 0


@frozen
class VardiffPolicy:
    """How often a miner shall submit, and between which difficulties.

    Attributes:
        shares_per_minute: 0 holds the difficulty where it is.
        leeway: A miner at `minimum` may submit so many times more often: it adjusts
            its difficulty itself, and the minimum is what it has chosen.
    """

    shares_per_minute: float
    minimum: Difficulty
    maximum: Difficulty
    leeway: float = 1.0

    def clamp(self, difficulty: Difficulty) -> Difficulty:
        """Return the nearest difficulty that the policy allows."""
        return min(max(difficulty, self.minimum), self.maximum)


@define
class Vardiff:
    """One miner's difficulty, and the shares that it is judged by.

    The dead-band is a power of two, half of one for rounding and more by the
    chance in the count: a steady miner stays where it is.
    """

    policy: VardiffPolicy
    difficulty: Difficulty
    _since: Seconds
    _shares: int = field(default=0, init=False)
    _work: float = field(default=0.0, init=False)
    _looked_at: Seconds = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._looked_at = self._since

    def count(self, work: float, shares: int = 1) -> bool:
        """Count accepted shares of so much difficulty; return if the window is full."""
        self._shares += shares
        self._work += work
        return self._shares >= EVALUATE_SHARES

    @property
    def shares_left(self) -> int:
        """Accepted shares until the window is full; at least 1."""
        return max(EVALUATE_SHARES - self._shares, 1)

    def is_due(self, now: Seconds) -> bool:
        """Return whether `retarget` has enough to go by."""
        return (
            self._shares >= EVALUATE_SHARES or now - self._looked_at >= EVALUATE_SECONDS
        )

    def retarget(self, now: Seconds) -> Difficulty | None:
        """Return a better difficulty and take it on; None while this one will do."""
        elapsed = now - self._since
        self._looked_at = now
        if self.policy.shares_per_minute <= 0 or elapsed <= 0:
            return None
        better = self._better(elapsed)
        if better is None:
            # A full window that asks for nothing is over. One that is not full goes on:
            # a slow miner needs more of it.
            if self._shares >= EVALUATE_SHARES or elapsed >= WINDOW_SECONDS:
                self._restart(now)
            return None
        self.restart_at(better, now)
        return better

    def restart_at(self, difficulty: Difficulty, now: Seconds) -> None:
        """Go on from `difficulty` with an empty window."""
        self.difficulty = difficulty
        self._restart(now)

    def _better(self, elapsed: float) -> Difficulty | None:
        # log2 of no work would be minus infinity.
        work = self._work or _NO_SHARES * self.difficulty
        ideal = work / elapsed * 60.0 / self.policy.shares_per_minute
        least = self.policy.minimum
        if self.difficulty <= least and ideal <= least * self.policy.leeway:
            return None
        # One over the root of the count is a deviation of a Poisson count, here in
        # octaves.
        chance = _SIGMAS / math.sqrt(max(self._shares, 1)) / math.log(2)
        if abs(math.log2(ideal / self.difficulty)) <= _HALF_STEP + chance:
            return None
        better = self.policy.clamp(nearest_step(Difficulty(ideal)))
        # At a bound of the policy the same may come out: no news for the miner.
        return better if better != self.difficulty else None

    def _restart(self, now: Seconds) -> None:
        self._since = self._looked_at = now
        self._shares = 0
        self._work = 0.0


def nearest_step(difficulty: Difficulty) -> Difficulty:
    """Return the power of two nearest to `difficulty` on a logarithmic scale."""
    return floor_power_of_two(Difficulty(difficulty * math.sqrt(2.0)))
