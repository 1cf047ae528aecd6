"""The cap: the hashrate that a budget allows, with all that it was made of."""

import numpy as np
from attrs import frozen
from typing_extensions import override

from protocol.units import HashesPerSecond, UnixTime, Watts
from proxy.power.fleet import Fleet


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
    integral_w: Watts
    bias: float
    aux: AuxLoad
    it_w: Watts  # for machines, in meter watts
    hash_hs: HashesPerSecond

    @override
    def __str__(self) -> str:
        return (
            f"{self.hash_hs / 1e12:.1f} TH/s = best machines within "
            f"{self.it_w:.0f} W / bias {self.bias:.3f}; {self.it_w:.0f} W = (min("
            f"{self.allow_w:.0f} {self.integral_w:+.0f}, {self.ramped_w:.0f}) - "
            f"{self.aux.fixed_w:.0f}) / {1 + self.aux.share:.3f}; allowed: "
            f"{self.ramped_w:.0f} W less guard {self.guard:.2%}; budget "
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
    step_h = np.diff(fleet.level_h, axis=1)
    left = model_w - float(fleet.level_w[:, 0].sum())
    if left <= 0 or not step_h.size:
        return HashesPerSecond(0.0)
    price = np.divide(
        step_w, step_h, out=np.full_like(step_w, np.inf), where=step_h > 0
    )
    price = np.maximum.accumulate(price, axis=1)  # a step needs the ones before it
    order = np.argsort(price, axis=None, kind="stable")
    watts = np.cumsum(step_w.ravel()[order])
    hashes = np.cumsum(step_h.ravel()[order])
    bought = np.interp(left, np.append(0.0, watts), np.append(0.0, hashes))
    return HashesPerSecond(float(bought))
