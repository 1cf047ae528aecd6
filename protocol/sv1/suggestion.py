"""What difficulty a pool is told to be of our size, and when."""

import math

from attrs import define, field

from protocol.bitcoin.target import floor_power_of_two
from protocol.units import Difficulty, HashesPerSecond, Seconds
from protocol.work.hashrate import HASHES_PER_DIFFICULTY

SHARES_PER_SECOND = 1.0
"""What all our miners together would send at what we suggest. Three times what pools
aim for themselves (ckpool: 0.3): they take a suggestion for the lowest that they may
choose from then on, and it should not be in their way."""

SPACING = Seconds(60.0)
"""Between two suggestions. ESP-Miner and NerdMiner repeat theirs each 30 s."""

TOO_LOW, TOO_HIGH = 2.0, 4.0
"""By which factor the pool's difficulty, or what was suggested, is wrong by now. A
hashrate between two powers of two must not swing from one to the other."""


def difficulty_for(hashrate: HashesPerSecond) -> Difficulty | None:
    """Return what to suggest for `hashrate`: a power of two; None for no hashrate."""
    exact = hashrate / HASHES_PER_DIFFICULTY / SHARES_PER_SECOND
    if not (exact > 0 and math.isfinite(exact)):
        return None
    return floor_power_of_two(Difficulty(exact))


@define
class Suggestion:
    """What one connection's pool was told last."""

    _told: Difficulty | None = field(default=None, init=False)
    _told_at: Seconds = field(default=Seconds(0.0), init=False)

    def due(
        self, hashrate: HashesPerSecond, asked: Difficulty, now: Seconds
    ) -> Difficulty | None:
        """Return what to suggest now; None if the pool need not be told.

        Args:
            hashrate: Of our miners; 0 while it is not known.
            asked: The pool's difficulty at present.
            now: On a clock that does not jump.
        """
        wanted = difficulty_for(hashrate)
        if wanted is None or not self._is_news(wanted, asked, now):
            return None
        self._told, self._told_at = wanted, now
        return wanted

    def _is_news(self, wanted: Difficulty, asked: Difficulty, now: Seconds) -> bool:
        if self._told is None:
            return True
        if now - self._told_at < SPACING:
            return False
        return wanted >= TOO_LOW * asked or wanted * TOO_HIGH <= self._told
