"""The cap: the hashrate that a budget allows, with all that it was made of."""

import numpy as np
from attrs import frozen
from typing_extensions import override

from protocol.units import HashesPerSecond, UnixTime, Watts
from proxy.power.machines.fleet import Fleet, Floats
from proxy.runtime.quantities import si


@frozen
class AuxLoad:
    """Power beside the machines: P = fixed + (1 + share) * P_IT."""

    fixed_w: Watts
    share: float

    def it_watts(self, site_w: float) -> Watts:
        """Return what is left for machines of `site_w`, never below 0."""
        return Watts(max(0.0, (site_w - self.fixed_w) / (1.0 + self.share)))

    def site_watts(self, it_w: float) -> Watts:
        """Return what the site draws while its machines draw `it_w`."""
        return Watts(self.fixed_w + (1.0 + self.share) * it_w)


@frozen
class Cap:
    """A site's cap and every number that produced it: it can be recomputed."""

    site: str
    epoch: int  # grows with every cap of the site
    at: UnixTime
    budget_w: Watts
    ruled_by: str
    ramped_w: Watts  # the budget as far as ramps let it through
    guard: float  # fraction of ramped_w kept free
    allow_w: Watts  # ramped_w less guard
    integral_w: Watts  # 0 or less
    bias: float
    aux: AuxLoad
    it_w: Watts  # for machines, in meter watts
    hash_hs: HashesPerSecond

    @override
    def __str__(self) -> str:
        return (
            f"{si(self.hash_hs, 'H/s')} = best machines within "
            f"{self.it_w:.0f} W / bias {self.bias:.3f}; {self.it_w:.0f} W = ("
            f"{self.allow_w:.0f} {self.integral_w:+.0f} - "
            f"{self.aux.fixed_w:.0f}) / {1 + self.aux.share:.3f}; allowed: "
            f"{self.ramped_w:.0f} W less a guard of "
            f"{self.ramped_w - self.allow_w:.0f} W ({self.guard:.2%}); budget "
            f"{self.budget_w:.0f} W by {self.ruled_by}"
        )


def best_hashrate(fleet: Fleet, model_w: float) -> HashesPerSecond:
    """Return the most hashes/s that `model_w` can buy: no plan finds more.

    The best steps first, the last one in part. Contracts, minimum times and
    obedience are left out, so it bounds every plan from above.

    Args:
        fleet: Its levels; its state does not matter.
        model_w: Watts by the model, bias divided out.
    """
    step_w = np.diff(fleet.level_w, axis=1)
    left = model_w - float(fleet.level_w[:, 0].sum())
    if left <= 0 or not step_w.size:
        return HashesPerSecond(0.0)
    yield_ = _majorant_slopes(fleet.level_w, fleet.level_h)
    order = np.argsort(-yield_, axis=None, kind="stable")
    watts = np.cumsum(step_w.ravel()[order])
    # By the evened slopes, so that the sum is that of the concave curve.
    step_h = yield_ * step_w
    hashes = np.cumsum(step_h.ravel()[order])
    bought = np.interp(left, np.append(0.0, watts), np.append(0.0, hashes))
    return HashesPerSecond(float(bought))


def _majorant_slopes(level_w: Floats, level_h: Floats) -> Floats:
    """Return hashes per joule of each step, evened out so that they only fall.

    A step that pays only together with the next one is priced with it: the
    slopes of the least concave curve above each machine's levels.
    """
    levels = level_w.shape[1]

    def slope(begin: int, end: int) -> Floats:
        watts = level_w[:, end] - level_w[:, begin]
        hashes = level_h[:, end] - level_h[:, begin]
        return np.divide(hashes, watts, out=np.zeros_like(watts), where=watts > 0)

    def best_over(step: int, begin: int) -> Floats:
        ends = range(step + 1, levels)
        best: Floats = np.stack([slope(begin, end) for end in ends]).max(axis=0)
        return best

    def even(step: int) -> Floats:
        least: Floats = np.stack([best_over(step, b) for b in range(step + 1)]).min(
            axis=0
        )
        return least

    return np.stack([even(step) for step in range(levels - 1)], axis=1)
