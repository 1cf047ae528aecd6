"""How large a hall is, and which pools are told."""

from typing import Any, cast

import msgspec
import pytest
from twisted.internet.task import Clock

from protocol.units import HashesPerSecond, Seconds
from protocol.work.hashrate import HashrateMeter
from proxy.config import Config
from proxy.share_process.sources import tell_sizes
from proxy.shares.totals import ProxyTotals, SiteTotals
from proxy.upstream.pool import Pool

HOUR = 3600
CONFIG = msgspec.convert(
    {
        "pools": [
            {"name": name, "url": "stratum+tcp://x:1", "user": "u"}
            for name in ("main", "spare", "acme")
        ],
        "sites": [
            {
                "name": "hall-a",
                "listen": ["tcp:1"],
                "sources": ["main", "spare"],
                "routes": [{"workers": "acme.*", "sources": ["acme", "main"]}],
            }
        ],
    },
    Config,
)


class Fake:
    """A pool, as far as it is told of sizes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.size_of: Any = None


def mine(book: SiteTotals, difficulty: float, since: int, until: int) -> None:
    """Count a share each ten seconds."""
    for now in range(since, until, 10):
        book.accepted += 1
        book.meter.add(difficulty, Seconds(float(now)))


def test_a_pool_of_the_site_is_told_and_a_tenants_is_not() -> None:
    clock = Clock()
    book = SiteTotals(HashrateMeter(Seconds(0.0)))
    mine(book, 1000, 0, HOUR)
    clock.advance(HOUR)
    pools = [Fake(pool.name) for pool in CONFIG.pools]
    tell_sizes(cast("list[Pool]", pools), CONFIG, ProxyTotals({"hall-a": book}), clock)

    sizes = [pool.size_of("hall-a") / 2**32 for pool in pools]
    assert sizes == pytest.approx([100, 100, 0], rel=0.02)


def test_a_hall_is_as_large_as_it_was_before_it_was_parked() -> None:
    book = SiteTotals(HashrateMeter(Seconds(0.0)))
    mine(book, 1000, 0, 48 * HOUR)
    night = book.size(Seconds(56.0 * HOUR))

    assert 60 < night / 2**32 < 90


def test_a_few_shares_tell_nothing() -> None:
    book = SiteTotals(HashrateMeter(Seconds(0.0)))
    mine(book, 1000, 0, 290)

    assert book.size(Seconds(300.0)) == HashesPerSecond(0.0)
