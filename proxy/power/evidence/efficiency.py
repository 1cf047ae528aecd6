"""Joules against hashes: what machines drew and found, and what their model allows."""

from collections import deque
from itertools import accumulate

import numpy as np
from attrs import define, field, frozen

from protocol.units import HashesPerSecond, Seconds, Watts
from proxy.power.machines.fleet import UNMANAGED, Bools, Fleet
from proxy.power.machines.share_proof import NO_SHARES, Efficiency, ShareSum, efficiency

WINDOWS = 16
"""Windows of 30 s that are looked at together at the most: 8 minutes, in
which 12 machines are known to 10 % (20 shares a minute, `Z_CAP`)."""

LOOKS = (1, 4, 16)
"""Over how many of the last windows J/TH is judged: large faults show at once, small
ones once there are shares enough."""

STRANGERS = 0.02
"""Of the watts: beyond this, machines that no row describes leave nothing to say. A
fifth of the 10 % that J/TH is judged to."""

TELLING = 0.2
"""Of the nameplate: what draws less tells of the auxiliary load, not of machines: the
same as `estimate.EstimateParams.telling_share`."""


@frozen
class Expected:
    """What machines draw and find at a moment by the model: the least and the most.

    Attributes:
        is_telling: Much of the site is at work, and all of that is described.
    """

    least_w: Watts
    most_w: Watts
    least_hs: HashesPerSecond
    most_hs: HashesPerSecond
    is_telling: bool


def expected_of(
    fleet: Fleet, at_work: Bools, reference: float, now: Seconds
) -> Expected:
    """Return what machines may draw and find now.

    Of one that is between two levels, does not obey or has no work to do all is
    possible that lies between.

    Args:
        fleet: The machines as commanded.
        at_work: Those that have jobs, whatever they are commanded to.
        reference: Fleet's watts by model's watts, over the long term. The nameplate
            is allowed, too: what a site draws less or more has to be learned first.
        now: The moment.
    """
    level_w = fleet.level_w[fleet.rows, fleet.level]
    level_h = fleet.level_h[fleet.rows, fleet.level]
    top_h = fleet.level_h[fleet.rows, fleet.top]
    # One that does not obey may draw anything up to full power.
    is_sure = fleet.responsive & (at_work | (fleet.level == 0))
    is_steady = is_sure & fleet.settled(now)
    low_w = np.where(is_sure, np.minimum(level_w, fleet.from_w), fleet.level_w[:, 0])
    high_w = np.where(is_sure, np.maximum(level_w, fleet.from_w), fleet.full_w)
    full = float(fleet.full_w.sum())
    strange = float(level_w[fleet.priority == UNMANAGED].sum())
    running = float(level_w.sum())
    return Expected(
        # Down to the nameplate or the reference, whichever is less: both must be
        # contradicted.
        Watts(min(1.0, reference) * float(np.where(is_steady, level_w, low_w).sum())),
        Watts(max(1.0, reference) * float(np.where(is_steady, level_w, high_w).sum())),
        HashesPerSecond(float(np.where(is_steady, level_h, 0.0).sum())),
        HashesPerSecond(float(np.where(is_steady, level_h, top_h).sum())),
        # `> 0` in the middle: an empty site tells nothing.
        is_telling=running >= TELLING * full > 0 and strange <= STRANGERS * running,
    )


@frozen
class Balance:
    """A span of time: J by the meter and by the model, shares and hashes."""

    shares: ShareSum = NO_SHARES
    it_j: float = 0.0
    least_j: float = 0.0
    most_j: float = 0.0
    least_hashes: float = 0.0
    most_hashes: float = 0.0

    def __add__(self, other: "Balance") -> "Balance":
        return Balance(
            self.shares + other.shares,
            self.it_j + other.it_j,
            self.least_j + other.least_j,
            self.most_j + other.most_j,
            self.least_hashes + other.least_hashes,
            self.most_hashes + other.most_hashes,
        )

    @property
    def at_most(self) -> Efficiency:
        """J/TH as seen, against the most that the model can account for."""
        return self._against(self.most_j, self.least_hashes)

    @property
    def at_least(self) -> Efficiency:
        """J/TH as seen, against the least that the model needs."""
        return self._against(self.least_j, self.most_hashes)

    def _against(self, joules: float, hashes: float) -> Efficiency:
        seconds = max(self.shares.seconds, 1e-9)
        return efficiency(
            self.shares,
            Watts(self.it_j / seconds),
            Watts(joules / seconds),
            HashesPerSecond(hashes / seconds),
        )


@define(eq=False, repr=False)
class Balances:
    """The last windows of a site, without a break: one that does not tell ends them."""

    _open: Balance = field(factory=Balance, init=False)
    _is_telling: bool = field(default=True, init=False)
    _closed: deque[Balance] = field(factory=lambda: deque(maxlen=WINDOWS), init=False)

    def sample(self, it_w: Watts | None, seen: Expected, elapsed: Seconds) -> None:
        """Count `elapsed` at these watts; None: nobody knows them."""
        if it_w is None or not seen.is_telling:
            self._is_telling = False
            return
        self._open += Balance(
            NO_SHARES,
            it_w * elapsed,
            seen.least_w * elapsed,
            seen.most_w * elapsed,
            seen.least_hs * elapsed,
            seen.most_hs * elapsed,
        )

    def close(self, shares: ShareSum) -> None:
        """End a window, in which `shares` came."""
        if self._is_telling:
            self._closed.append(self._open + Balance(shares))
        else:
            self._closed.clear()
        # A window is judged whole: one moment that does not tell spoils it.
        self._open, self._is_telling = Balance(), True

    @property
    def looks(self) -> list[Balance]:
        """The sums of the last windows, the shortest first; none without a window."""
        sums = list(accumulate(reversed(self._closed)))
        return [sums[count - 1] for count in LOOKS if count <= len(sums)]
