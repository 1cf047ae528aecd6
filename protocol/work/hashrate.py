"""Hashrate from accepted shares, over several windows, and how sure it is."""

import math

import msgspec
from attrs import define, field

from protocol.units import HashesPerSecond, Seconds

HASHES_PER_DIFFICULTY = 4294967296.0
"""Expected hashes behind one unit of difficulty."""

WINDOWS = (Seconds(60.0), Seconds(300.0), Seconds(3600.0), Seconds(86400.0))

_FOLD_SECONDS = 5.0  # how finely shares are placed in time


class Hashrates(msgspec.Struct, frozen=True):
    """Hashes per second over the windows that status shows."""

    m1: HashesPerSecond = msgspec.field(name="1m")
    m5: HashesPerSecond = msgspec.field(name="5m")
    h1: HashesPerSecond = msgspec.field(name="1h")
    h24: HashesPerSecond = msgspec.field(name="24h")


@define
class HashrateMeter:
    """Exponentially weighted hashrate over `WINDOWS`.

    Each average is divided by the weight that time since the start could have
    given it, so it is unbiased from the first share on.
    """

    _start: Seconds
    _folded: Seconds = field(init=False)
    _pending: float = field(default=0.0, init=False)
    _pending_at: Seconds = field(default=Seconds(0.0), init=False)
    _sums: list[float] = field(factory=lambda: [0.0] * len(WINDOWS), init=False)

    def __attrs_post_init__(self) -> None:
        self._folded = self._start

    def add(self, difficulty: float, now: Seconds) -> None:
        """Count an accepted share."""
        self._pending += difficulty
        self._pending_at = now
        if now - self._folded >= _FOLD_SECONDS:
            self._fold(now)

    def rates(self, now: Seconds) -> Hashrates:
        """Return the hashrate over each window, 0 before any time has passed."""
        self._fold(now)
        age = now - self._start
        if age <= 0:
            return Hashrates(*(HashesPerSecond(0.0) for _ in WINDOWS))
        return Hashrates(
            *(
                HashesPerSecond(s * HASHES_PER_DIFFICULTY / (w * _weight(age, w)))
                for s, w in zip(self._sums, WINDOWS, strict=True)
            )
        )

    def _fold(self, now: Seconds) -> None:
        elapsed = now - self._folded
        since = self._pending_at - now if self._pending else 0.0
        for i, window in enumerate(WINDOWS):
            recent = self._pending * math.exp(since / window)
            self._sums[i] = self._sums[i] * math.exp(-elapsed / window) + recent
        self._pending = 0.0
        self._folded = now


def _weight(age: float, window: float) -> float:
    return -math.expm1(-age / window)


def relative_error(shares: float) -> float:
    """Return one standard deviation of a hashrate from `shares` equal shares.

    Shares are a Poisson process: 1/sqrt(n); infinite for none.
    """
    return 1.0 / math.sqrt(shares) if shares > 0 else math.inf
