"""Running totals of a site, as status shows them."""

from collections import Counter

from attrs import define, field

from protocol.units import HashesPerSecond, Seconds
from protocol.work.hashrate import HashrateMeter
from protocol.work.share import JudgedShare, Verdict
from proxy.shares.counted import CountedBatch

FEWEST_SHARES = 30
"""By which a hashrate is told to a pool: within a fifth of the truth, mostly."""


@define(eq=False, repr=False)
class SiteTotals:
    """What one site's miners have done since the process started.

    Attributes:
        rejected: By verdict: nine at the most.
        lost: By reason: shares that were good but reached no pool.
        meter: The site's hashrate from accepted shares.
        work: Their difficulties, added up.
    """

    meter: HashrateMeter
    accepted: int = field(default=0, init=False)
    work: float = field(default=0.0, init=False)
    rejected: Counter[str] = field(factory=Counter, init=False)
    lost: Counter[str] = field(factory=Counter, init=False)

    def size(self, now: Seconds) -> HashesPerSecond:
        """Return what the site hashes when it runs; 0 while too few shares tell.

        The highest over five minutes, an hour and a day: a site that is parked for
        the night is as large in the morning as it was.
        """
        if self.accepted < FEWEST_SHARES:
            return HashesPerSecond(0.0)
        rates = self.meter.rates(now)
        return max(rates.m5, rates.h1, rates.h24)

    def count(self, share: JudgedShare, now: Seconds) -> None:
        """Count a judged share."""
        if share.verdict is Verdict.ACCEPTED:
            self.accepted += 1
            self.work += share.difficulty
            self.meter.add(share.difficulty, now)
        else:
            self.rejected[share.verdict.value] += 1

    def count_batch(self, batch: CountedBatch, now: Seconds) -> None:
        """Count verdicts that come counted."""
        if batch.accepted:
            self.accepted += batch.accepted
            self.work += batch.work
            self.meter.add(batch.work, now)
        self.rejected.update(batch.rejected)


@define(eq=False, repr=False)
class ProxyTotals:
    """Every site's totals, and the blocks.

    Attributes:
        blocks_unlisted: Blocks that were too many to be logged and stored one by one.
    """

    sites: dict[str, SiteTotals] = field(factory=dict)
    blocks_found: int = field(default=0, init=False)
    blocks_accepted: int = field(default=0, init=False)
    blocks_unlisted: int = field(default=0, init=False)

    def open(self, site: str, now: Seconds) -> SiteTotals:
        """Return the totals of `site`, new ones at its first call."""
        return self.sites.setdefault(site, SiteTotals(HashrateMeter(now)))
