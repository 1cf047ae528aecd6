"""Miners asked for by what they are, in an order, a page at a time.

All that match are counted, so each miner is looked at; in slices, with everything else
having its turn between them. Each slice is sorted by itself, and the page is merged out
of them: no turn grows with the number of miners.
"""

from collections.abc import Callable, Iterator, Mapping
from heapq import merge
from itertools import islice
from math import inf
from typing import Any, Literal

from attrs import field, frozen
from msgspec import Struct

from protocol.units import Seconds
from proxy.admin.miner_pages import PAGE, PASSED_AT_ONCE, MinerPages, Placed, matcher
from proxy.admin.refused import Refused
from proxy.admin.views import MinerView
from proxy.downstream.miner import Miner

MAX_FILTER_CHARS = 256

SORTED_AT_ONCE = 1000
"""Miners in one turn of the reactor where they are sorted: 4 ms."""

State = Literal["active", "parked"]
Order = Literal[
    "worker", "address", "hashrate", "difficulty", "accepted", "rejected", "silent"
]
"""Names rise; of figures the largest come first; `silent`: who has sent no share for
the longest."""

_Key = Callable[[Miner, Seconds], Any]

_KEYS: Mapping[Order, _Key] = {
    "worker": lambda miner, _: next(iter(miner.workers), ""),
    "address": lambda miner, _: _address_key(miner.address),
    "hashrate": lambda miner, now: -miner.meter.rates(now).m5,
    "difficulty": lambda miner, _: -miner.difficulty,
    "accepted": lambda miner, _: -miner.accepted,
    "rejected": lambda miner, _: -sum(miner.rejected.values()),
    "silent": lambda miner, _: -inf if miner.share_at is None else miner.share_at,
}


class MinerPage(Struct):
    """A page of miners, counted from 0.

    Attributes:
        pages: How many there are; at least one, which may be empty.
        total: Miners on all of them.
    """

    miners: list[MinerView]
    page: int
    pages: int
    total: int


@frozen
class MinerQuery:
    """Which miners, in which order.

    Attributes:
        pattern: Glob on the worker.
        text: In worker, address or user agent, in any case; empty: all.
        state: None: in either.
        site: None: of each.
        order: None: as they came.
    """

    pattern: str = "*"
    text: str = ""
    state: State | None = None
    site: str | None = None
    order: Order | None = None
    _matches: Callable[[str], object] | None = field(init=False)
    _needle: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_matches", matcher(self.pattern))
        object.__setattr__(self, "_needle", self.text.casefold())

    def fits(self, miner: Miner) -> bool:
        """Return whether `miner` is asked for."""
        worker = next(iter(miner.workers), "")
        if self._matches is not None and not self._matches(worker):
            return False
        if self.state is not None and (self.state == "active") != miner.is_granted:
            return False
        texts = (worker, miner.address, miner.user_agent) if self._needle else ()
        return not texts or any(self._needle in t.casefold() for t in texts)

    async def run(self, pages: MinerPages, number: int) -> MinerPage:
        """Return the page with this number."""
        runs = await self._runs(pages)
        total = sum(map(len, runs))
        begin = max(number, 0) * PAGE
        end = min(begin + PAGE, total)
        found: list[Placed] = []
        merged = merge(*runs, key=lambda row: row[0])
        for start in range(0, end, PASSED_AT_ONCE):
            stop = min(start + PASSED_AT_ONCE, end)
            part = list(islice(merged, stop - start))
            found += [row[1] for row in part[max(begin - start, 0) :]]
            await pages.turn()
        count = max(1, -(-total // PAGE))
        return MinerPage(await pages.shown(found), max(number, 0), count, total)

    async def _runs(self, pages: MinerPages) -> list[list[tuple[Any, Placed]]]:
        """Return those that fit with their keys, in slices that are sorted."""
        now = pages.now()
        runs: list[list[tuple[Any, Placed]]] = []
        size = PASSED_AT_ONCE if self.order is None else SORTED_AT_ONCE
        key = None if self.order is None else _KEYS[self.order]
        for name, factory in pages.factories().items():
            if self.site not in {None, name}:
                continue
            for part in _slices(list(factory.roster.miners.values()), size):
                place = len(runs)
                hits = [m for m in part if self.fits(m)]
                run = [(key(m, now) if key else place, (name, m)) for m in hits]
                run.sort(key=lambda row: row[0])
                runs.append(run)
                await pages.turn()
        return runs


def _slices(miners: list[Miner], size: int) -> Iterator[list[Miner]]:
    return (miners[begin : begin + size] for begin in range(0, len(miners), size))


def _address_key(address: str) -> tuple[tuple[int, str], ...]:
    """Return a key that sorts 10.0.0.9 before 10.0.0.10."""
    parts = address.replace(":", ".").split(".")
    return tuple((int(p) if p.isdecimal() else -1, p) for p in parts)


def refuse_long(*filters: str) -> None:
    """Refuse what is too long to be looked for in every miner.

    Raises:
        Refused: One is longer than `MAX_FILTER_CHARS`.
    """
    for text in filters:
        if len(text) > MAX_FILTER_CHARS:
            raise Refused(f"filter of {len(text)} characters > {MAX_FILTER_CHARS}")
