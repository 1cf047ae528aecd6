"""What a terahash may cost the machines of a site, by their nameplates."""

from typing import Annotated

import msgspec
from attrs import define, field
from msgspec import Meta

from proxy.verifier.documents import MAX_SITES
from proxy.verifier.reading import Leaf

Joules = Annotated[float, Meta(gt=0)]
Range = tuple[Joules, Joules]
"""Joules a terahash, the least and the most."""

ABOVE = 1.25
"""Of the most: cooling, machines that warm up, nameplates that are off by 5 to 20 %."""

BELOW = 0.8
"""Of the least: nameplates, owners who lowered a limit, cold air."""


class SoftwareBody(msgspec.Struct):
    """What a site says at each start."""

    fleets: dict[str, Range | None] = {}


_decode = msgspec.json.Decoder(SoftwareBody).decode


@define(eq=False, repr=False)
class Fleets:
    """Follows which machines each site says that it has.

    Attributes:
        given: What somebody else knows of them, instead of the site; None: nobody.
        sites: That were ever named: they write minutes of watts and of shares.
        ranges: By site: the widest of all that it said.
    """

    kinds = ("software",)

    given: Range | None = None
    sites: set[str] = field(factory=set, init=False)
    ranges: dict[str, Range] = field(factory=dict, init=False)

    def take(self, leaf: Leaf) -> None:
        """Look at the next start."""
        for site, said in _decode(leaf.body).fleets.items():
            if site not in self.sites and len(self.sites) >= MAX_SITES:
                continue
            self.sites.add(site)
            if said is not None:
                low, high = self.ranges.get(site, said)
                self.ranges[site] = (min(low, said[0]), max(high, said[1]))

    def end(self) -> None:
        """Say nothing."""

    def of(self, site: str) -> Range | None:
        """Return what a terahash may cost there; None: nobody said it."""
        return self.given or self.ranges.get(site)
