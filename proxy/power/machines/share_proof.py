"""What shares prove about hashrate: caps kept, machines stopped, no hidden load."""

import math

from attrs import frozen

from protocol.units import HashesPerSecond, Seconds, Watts
from protocol.work.hashrate import HASHES_PER_DIFFICULTY

Z_CAP = 4.3
"""One-sided normal quantile of 1e-5: the false alarms that a cap test allows."""


@frozen
class ShareSum:
    """All that an interval's accepted shares tell: n, sum of d, sum of d squared."""

    shares: int
    work: float  # sum of difficulty
    work2: float  # sum of difficulty squared
    seconds: Seconds

    @property
    def hash_hs(self) -> HashesPerSecond:
        """Hashes per second that this work stands for."""
        if self.seconds <= 0:
            return HashesPerSecond(0.0)
        return HashesPerSecond(self.work * HASHES_PER_DIFFICULTY / self.seconds)

    @property
    def relative_error(self) -> float:
        """One standard deviation of `hash_hs` as a part of it; infinite for none."""
        return math.sqrt(self.work2) / self.work if self.work > 0 else math.inf

    def interval(self, z: float = 1.96) -> tuple[HashesPerSecond, HashesPerSecond]:
        """Return the bounds `z` standard deviations off, the lower at least 0."""
        spread = z * math.sqrt(self.work2) * HASHES_PER_DIFFICULTY
        spread = spread / self.seconds if self.seconds > 0 else 0.0
        low = max(0.0, self.hash_hs - spread)
        return HashesPerSecond(low), HashesPerSecond(self.hash_hs + spread)

    def __add__(self, other: "ShareSum") -> "ShareSum":
        return ShareSum(
            self.shares + other.shares,
            self.work + other.work,
            self.work2 + other.work2,
            Seconds(self.seconds + other.seconds),
        )


NO_SHARES = ShareSum(0, 0.0, 0.0, Seconds(0.0))

SILENCE = -math.log(1e-6)
"""Shares expected, and none seen, that prove a machine to have stopped.

P(no share in T) = exp(-rate T), one in a million: 41 s at 20 a minute, 138 s at 6.
"""


def is_above_cap(
    shares: ShareSum, cap_hs: float, delta: float = 0.01, z: float = Z_CAP
) -> bool:
    """Tell whether the hashrate is surely above the cap, chance left aside.

    Args:
        shares: Of one window.
        cap_hs: The cap over all of that window.
        delta: Part of the cap that is tolerated.
        z: Standard deviations to be sure.
    """
    return shares.interval(z)[0] > cap_hs * (1.0 + delta)


def violates_cap(
    windows: tuple[ShareSum, ...], cap_hs: float, delta: float = 0.01
) -> bool:
    """Tell whether the last two of disjoint `windows` are both above the cap."""
    last = windows[-2:]
    return len(last) == 2 and all(is_above_cap(w, cap_hs, delta) for w in last)  # noqa: PLR2004


@frozen
class Efficiency:
    """Observed J/TH of a site against its fleet model."""

    observed: float  # J/TH; infinite with power and no shares
    expected: float
    error: float  # one standard deviation of the shares as a part of them

    def is_hidden_load(self, share: float = 0.10, z: float = Z_CAP) -> bool:
        """More watts than the work explains: hash sold elsewhere, or dead boards.

        Asks how likely so few shares are if J/TH is just `share` off: by chance
        shares vary with the root of those expected, not of those that came.
        """
        part = self._of_expected(1.0 + share)
        return 1.0 - part > z * self.error * math.sqrt(part) if part else False

    def is_hidden_supply(self, share: float = 0.10, z: float = Z_CAP) -> bool:
        """Fewer watts than the work needs: power that the meter does not see."""
        part = self._of_expected(1.0 - share)
        return part - 1.0 > z * self.error * math.sqrt(part)

    def _of_expected(self, factor: float) -> float:
        """Return shares that came as a part of those at `factor` times the model."""
        if not 0 < self.observed < math.inf or not math.isfinite(self.error):
            return 0.0
        return factor * self.expected / self.observed


def efficiency(
    shares: ShareSum, it_w: Watts, model_w: Watts, model_hs: HashesPerSecond
) -> Efficiency:
    """Return J/TH as seen and as the fleet's model says.

    Args:
        shares: Of the window that the powers are means of.
        it_w: Of the machines, from the meter less the auxiliary load.
        model_w: Of the machines as commanded, bias in.
        model_hs: Of the machines as commanded.
    """
    seen = shares.hash_hs
    observed = it_w / seen * 1e12 if seen > 0 else math.inf
    expected = model_w / model_hs * 1e12 if model_hs > 0 else 0.0
    return Efficiency(observed, expected, shares.relative_error)
