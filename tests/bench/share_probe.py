"""A miner that submits at a steady pace, and how long its answers take.

Its shares are really hashed and meet the difficulty: each goes the whole way, to its
judge, to the ledger, and back. It runs on the calling thread.
"""

from collections import Counter

from attrs import frozen
from typing_extensions import override

from proxy.bench.native.generator import Load
from proxy.bench.shares import await_work
from proxy.bench.target import Target
from proxy.bench.totals import Totals

WINDOW = 64
"""Shares in flight, at most: those that are due then are skipped, and counted."""
WARM_UP_S = 1.0


@frozen
class Answers:
    """What came of the shares of a stretch of time.

    Attributes:
        refusals: Shares that were rejected, by the code of the error.
        p50_s: Half of the answers came within so many seconds; p99_s, longest_s alike.
        skipped: Due, but WINDOW waited for their answers.
    """

    accepted: int
    refusals: dict[int, int]
    skipped: int
    p50_s: float
    p99_s: float
    longest_s: float

    @override
    def __str__(self) -> str:
        return (
            f"{self.accepted} shares accepted, {self.refusals or 'none'} rejected, "
            f"{self.skipped} skipped; answers within p50 {1e3 * self.p50_s:.2f} ms, "
            f"p99 {1e3 * self.p99_s:.2f} ms, max {1e3 * self.longest_s:.2f} ms"
        )


class ShareProbe:
    """A miner at work; it must be run without a pause, or what is owed piles up.

    Args:
        pace: Shares per second.

    Raises:
        BenchError: It got no work.
    """

    def __init__(self, port: int, pace: float = 100.0) -> None:
        target = Target("the proxy", "127.0.0.1", port)
        self._load = Load(target.address, target.port, 1)
        self._load.open(1)
        await_work(self._load, target, 1)
        self._load.submit(WINDOW, pace)
        self._load.run(WARM_UP_S)

    def run(self, seconds: float) -> Answers:
        """Submit for so long, and say what came of it."""
        self._load.forget()
        before = self._load.totals()
        self._load.run(seconds)
        return self._since(before)

    def _since(self, before: Totals) -> Answers:
        now, within = self._load.totals(), self._load.within
        return Answers(
            now.accepted - before.accepted,
            dict(Counter(now.refusals) - Counter(before.refusals)),
            now.skipped - before.skipped,
            within(0.5),
            within(0.99),
            within(1.0),
        )
