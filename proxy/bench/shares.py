"""The scenarios of shares: as fast as a server answers, and at a given pace."""

import time

from attrs import frozen

from proxy.bench.figures import ShareFigures
from proxy.bench.native.generator import Load
from proxy.bench.target import BenchError, Target
from proxy.bench.totals import Totals

WARM_UP_S = 0.5
RAMP_LIMIT_S = 60.0
ANSWER_LIMIT_S = 5.0
CONNECTS_PER_S = 5000.0


@frozen
class ShareSettings:
    """A load of shares.

    Attributes:
        window: Shares of each miner in flight, at most.
        pace: Shares per second of all; 0: as fast as they are answered.
        misses: The shares miss the difficulty.
    """

    miners: int
    seconds: float
    window: int
    pace: float = 0.0
    misses: bool = False


def measure_shares(target: Target, settings: ShareSettings) -> ShareFigures:
    """Put a server under a load of shares, and hang up.

    Raises:
        BenchError: Not all miners came to work, or none was answered.
    """
    load = Load(target.address, target.port, settings.miners)
    load.miss(settings.misses)
    load.open(settings.miners, CONNECTS_PER_S)
    await_work(load, target, settings.miners)
    load.submit(settings.window, settings.pace)
    load.run(min(WARM_UP_S, settings.seconds))
    load.forget()
    before, cpu, own_cpu = load.totals(), target.cpu_s(), time.process_time()
    load.run(settings.seconds)
    after, cpu_now, own_cpu_now = load.totals(), target.cpu_s(), time.process_time()
    shares, seconds = after.answered - before.answered, after.at - before.at
    if not shares:
        raise BenchError(f"{target.name} answered none of {after.sent} shares")
    own = own_cpu_now - own_cpu
    p50, p99 = load.within(0.5), load.within(0.99)
    load.submit(0)
    load.run_until_answered(ANSWER_LIMIT_S)
    end = load.totals()
    return ShareFigures(
        shares_per_s=shares / seconds,
        cpu_us=_each(cpu, cpu_now, shares),
        p50_ms=1e3 * p50,
        p99_ms=1e3 * p99,
        load_cpu_us=1e6 * own / shares,
        load_busy=own / seconds,
        sent=end.sent,
        accepted=end.accepted,
        rejected=end.rejected,
        unanswered=end.in_flight + end.lost,
        skipped=end.skipped,
        refusals=end.refusals,
    )


def await_work(load: Load, target: Target, miners: int) -> Totals:
    """Run until all miners have work.

    Raises:
        BenchError: They have not, and why.
    """
    load.run_until_work(RAMP_LIMIT_S)
    totals = load.totals()
    if totals.working < miners:
        why = totals.why_failed or f"{totals.dropped} were hung up on"
        raise BenchError(
            f"{target.name}: {totals.working} of {miners} miners have work: {why}"
        )
    return totals


def _each(before: float | None, after: float | None, shares: int) -> float | None:
    if before is None or after is None:
        return None
    return 1e6 * (after - before) / shares
