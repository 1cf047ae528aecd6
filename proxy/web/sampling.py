"""The rows that history writes each second, out of what `status` shows."""

from collections.abc import Iterator

from attrs import define, field

from proxy.admin.operations import Operations
from proxy.admin.running import Running
from proxy.admin.views import SiteView
from proxy.history.history import Key, Row
from proxy.upstream.pool import Pool

_Counts = tuple[float, ...]


@define(eq=False, repr=False)
class Sampler:
    """Looks at all sites and pools, and counts what came since the look before."""

    running: Running
    operations: Operations
    _counted: dict[Key, _Counts] = field(factory=dict, init=False)

    def look(self) -> Iterator[Row]:
        """Yield the row of each, in the order of `history.columns`."""
        seen: dict[Key, _Counts] = {}
        for site in self.operations.sites():
            yield self._of_site(site, seen)
        for name, pool in self.running.pools.items():
            yield self._of_pool(name, pool, seen)
        self._counted = seen  # those that are gone begin anew if they come back

    def _of_site(self, site: SiteView, seen: dict[Key, _Counts]) -> Row:
        key = Key("site", site.name)
        shares, miners = site.shares, site.miners
        totals = (shares.accepted, sum(shares.rejected.values()))
        accepted, rejected = self._since(key, totals, seen)
        figures = (site.power_w, site.budget_w, site.cap_hs, site.hashrate_hs.m1)
        counts = (miners.connected, miners.active, miners.parked)
        return Row(key, (*figures, accepted, rejected, *counts))

    def _of_pool(self, name: str, pool: Pool, seen: dict[Key, _Counts]) -> Row:
        key, times = Key("pool", name), pool.answer_times
        rejected, lost = sum(pool.rejected.values()), sum(pool.lost.values())
        totals = (pool.accepted, rejected, lost, times.histogram.total)
        *counts, answers_s = self._since(key, totals, seen)
        is_up = float(pool.state() == "ready")
        return Row(key, (*counts, answers_s, times.take_slowest(), is_up))

    def _since(
        self, key: Key, totals: _Counts, seen: dict[Key, _Counts]
    ) -> tuple[float, ...]:
        """Return what was counted since the last look."""
        seen[key] = totals
        before = self._counted.get(key, (0.0,) * len(totals))
        if any(now < then for now, then in zip(totals, before, strict=True)):
            before = (0.0,) * len(totals)  # a reload made it anew
        return tuple(now - then for now, then in zip(totals, before, strict=True))
