"""The scenario of endurance: whether memory stays flat while everything changes."""

from statistics import median

from attrs import define, field

from proxy.bench.figures import SoakFigures
from proxy.bench.native.generator import Load
from proxy.bench.shares import CONNECTS_PER_S, await_work
from proxy.bench.target import BenchError, Target
from proxy.bench.totals import Totals

MAX_SHARES = 50_000_000
WARM_SHARES = 20_000_000
"""A site remembers 2^24 shares: only then is its table of them as large as it gets."""

SHARES_PER_S = 100_000.0
WINDOW = 16
"""A steady pace, since tables of a job's shares have sizes of powers of two: at a pace
that wanders, so does the memory."""

TURN_S = 1.0
LEAVERS = 0.01
"""Part of the miners that hang up in each turn, and come back as others."""

MIB = 1 << 20
LEAST_SAMPLES = 5
MOST_GROWTH = 0.02


@define(eq=False, repr=False)
class Watch:
    """Memory over time: bytes of resident set, one reading a turn, once it is warm."""

    warm: list[int] = field(factory=list)

    def growth(self) -> float:
        """Return by what part the last fifth lies above the first.

        Raises:
            BenchError: There are too few readings.
        """
        fifth = len(self.warm) // LEAST_SAMPLES
        if not fifth:
            raise BenchError("too short to see memory grow: --seconds 60 or more")
        return median(self.warm[-fifth:]) / median(self.warm[:fifth]) - 1


def measure_soak(target: Target, miners: int, seconds: float) -> SoakFigures:
    """Run a server hard for `seconds` or 50 million shares, whichever is first.

    Memory is watched after 20 million shares or half the time.

    Raises:
        BenchError: The memory of `target` cannot be seen, or it broke down.
    """
    load, watch = Load(target.address, target.port, miners), Watch()
    load.open(miners, CONNECTS_PER_S)
    begun = now = await_work(load, target, miners)
    load.submit(WINDOW, SHARES_PER_S)
    while now.at - begun.at < seconds and now.answered < MAX_SHARES:
        now = _turn(load, target, miners)
        if now.answered >= WARM_SHARES or now.at - begun.at >= seconds / 2:
            watch.warm.append(_rss(target))
    return SoakFigures(
        shares_per_s=now.answered / (now.at - begun.at),
        seconds=now.at - begun.at,
        shares=now.answered,
        rejected=now.rejected,
        connects=now.opened,
        retargets=now.retargets,
        rss_mib=_rss(target) / MIB,
        growth=watch.growth(),
    )


def refuse_growth(figures: object) -> None:
    """Look at the figures of a soak; of others there is nothing to say.

    Raises:
        BenchError: Memory grew by more than 2 %.
    """
    if isinstance(figures, SoakFigures) and figures.growth > MOST_GROWTH:
        raise BenchError(
            f"memory grew by {figures.growth:.1%}, {MOST_GROWTH:.0%} is allowed"
        )


def _turn(load: Load, target: Target, miners: int) -> Totals:
    leavers = max(1, int(miners * LEAVERS))
    load.close(leavers)
    load.open(leavers)
    load.run(TURN_S)
    totals = load.totals()
    if totals.dropped or totals.failed:
        raise BenchError(
            f"{target.name} hung up on {totals.dropped} miners, "
            f"and {totals.failed} never had work"
        )
    return totals


def _rss(target: Target) -> int:
    rss = target.rss()
    if rss is None:
        raise BenchError(f"whose memory? name the process of {target.name} by its pid")
    return rss
