"""A page of the connected miners, found and shown without holding up their shares."""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from fnmatch import translate
from functools import lru_cache, partial
from itertools import islice
from operator import eq
from typing import TypeVar

from attrs import frozen

from protocol.units import Seconds
from proxy.admin.views import MinerView
from proxy.downstream.connection import SiteFactory
from proxy.downstream.miner import Miner

T = TypeVar("T")

PAGE = 1000
"""Miners in one answer."""

SHOWN_AT_ONCE = 250
"""Miners in one turn of the reactor, 1.5 ms; as long as it takes to pass over
`PASSED_AT_ONCE` that do not match."""

PASSED_AT_ONCE = 4000

Placed = tuple[str, Miner]
"""A miner and its site's name."""


@frozen
class MinerPages:
    """Shows the miners of all sites, in the order in which they came.

    Attributes:
        factories: Sites by name.
        now: The clock that durations are measured by.
        turn: Lets everything else have its turn.
    """

    factories: Callable[[], Mapping[str, SiteFactory]]
    now: Callable[[], Seconds]
    turn: Callable[[], Awaitable[object]]

    async def page(self, pattern: str, number: int) -> list[MinerView]:
        """Return a page of the miners whose worker matches a glob."""
        found: list[Placed] = []
        skip = max(number, 0) * PAGE
        for name, factory in self.factories().items():
            some, skip = await self._found(factory, pattern, skip, PAGE - len(found))
            found += [(name, miner) for miner in some]
        return await self.shown(found)

    async def _found(
        self, factory: SiteFactory, pattern: str, skip: int, most: int
    ) -> tuple[list[Miner], int]:
        """Return miners that match after `skip` of them, and how many are to skip."""
        miners = factory.roster.miners
        matches = matcher(pattern)
        if matches is None:
            some = list(islice(miners.values(), skip, skip + most))
            return some, max(skip - len(miners), 0)
        some = []
        for part in parts_of(factory):
            hits = [m for m in part if matches(next(iter(m.workers), ""))]
            some += hits[skip : skip + most - len(some)]
            skip = max(skip - len(hits), 0)
            if len(some) == most:
                break
            await self.turn()
        return some, skip

    async def shown(self, found: list[Placed]) -> list[MinerView]:
        """Return what is shown of miners."""
        now = self.now()
        views: list[MinerView] = []
        for part in parts(found, SHOWN_AT_ONCE):
            if views:
                await self.turn()
            views += [view_of(site, miner, now) for site, miner in part]
        return views


@lru_cache(maxsize=64)
def matcher(pattern: str) -> Callable[[str], object] | None:
    """Return what tells whether a worker matches a glob; None: each does."""
    head = re.split(r"[*?[]", pattern, maxsplit=1)[0]
    # All of a hall are asked, and a regular expression takes three times as long.
    if pattern == head:
        return partial(eq, head)
    if pattern != f"{head}*":
        return re.compile(translate(pattern)).match
    return (lambda worker: worker.startswith(head)) if head else None


def view_of(site: str, miner: Miner, now: Seconds) -> MinerView:
    """Return what is shown of `miner`."""
    group, held, share_at = miner.group, miner.held_slot, miner.share_at
    return MinerView(
        miner.id,
        site,
        next(iter(miner.workers), None),
        len(miner.workers),
        miner.address,
        miner.dialect,
        miner.user_agent,
        "active" if miner.is_granted else "parked",
        group.sourcing.source_name if group else None,
        held.extranonce1.hex() if held else None,
        miner.difficulty,
        _mask_text(miner.version_mask),
        miner.meter.rates(now),
        miner.accepted,
        dict(miner.rejected),
        now - miner.connected_at,
        None if share_at is None else now - share_at,
        miner.stale_parked,
    )


@lru_cache(maxsize=64)
def _mask_text(mask: int) -> str:
    """Return a mask as it is shown: miners have few of them, and a page a thousand."""
    return f"{mask:08x}"


def parts_of(factory: SiteFactory) -> Iterator[list[Miner]]:
    """Yield the miners of a site, as many as are passed over in one turn."""
    return parts(list(factory.roster.miners.values()), PASSED_AT_ONCE)


def parts(items: list[T], size: int) -> Iterator[list[T]]:
    """Yield `items`, `size` of them at a time."""
    return (items[begin : begin + size] for begin in range(0, len(items), size))
