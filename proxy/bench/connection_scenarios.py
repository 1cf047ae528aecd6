"""The scenarios of connections: held, told of a new job, and all come at once."""

from statistics import median

from proxy.bench.figures import FanoutFigures, IdleFigures, StormFigures
from proxy.bench.native.generator import Load
from proxy.bench.shares import CONNECTS_PER_S, await_work
from proxy.bench.target import BenchError, Target

ESTABLISHED = 1000
ESTABLISHED_PER_S = 5000.0
ESTABLISHED_WINDOW = 16
"""Miners that work on while others come: 5 shares a second each, 3 s of them in flight
at most."""

QUIET_S = 1.0


def measure_idle(target: Target, miners: int, seconds: float) -> IdleFigures:
    """Connect miners that do nothing but take jobs, and hold them.

    The memory of a server that has had a crowd before is no measure of what it needs:
    `target` should be fresh.

    Raises:
        BenchError: Not all of them had work.
    """
    before = target.rss()
    load = Load(target.address, target.port, miners)
    begun = load.totals().at
    load.open(miners, CONNECTS_PER_S, submit=False)
    ramp_s = await_work(load, target, miners).working_at - begun
    load.run(seconds)
    after, end = target.rss(), load.totals()
    each = None
    if before is not None and after is not None:
        each = (after - before) / 1024 / miners
    return IdleFigures(
        ramp_s=ramp_s, rss_kib=each, held=end.working, dropped=end.dropped
    )


def measure_fanout(target: Target, miners: int, seconds: float) -> FanoutFigures:
    """Hold idle miners while jobs come, and time those that all of them got.

    Raises:
        BenchError: No job came to all.
    """
    load = Load(target.address, target.port, miners)
    load.open(miners, CONNECTS_PER_S, submit=False)
    await_work(load, target, miners)
    load.run(QUIET_S)
    load.forget()
    load.run(seconds)
    # the last may still be on its way; what came to a part began before we looked
    jobs = [job for job in load.notices() if job.count >= miners]
    if not jobs:
        raise BenchError(f"{target.name} brought no job to all of {miners} miners")
    spreads = [1e3 * (job.last - job.first) for job in jobs]
    return FanoutFigures(
        spread_ms=median(spreads), worst_ms=max(spreads), jobs=len(jobs)
    )


def measure_storm(target: Target, miners: int) -> StormFigures:
    """Let miners come all at once while others work.

    Raises:
        BenchError: Not all of them had work within a minute.
    """
    load = Load(target.address, target.port, ESTABLISHED + miners)
    load.open(ESTABLISHED, CONNECTS_PER_S)
    await_work(load, target, ESTABLISHED)
    load.submit(ESTABLISHED_WINDOW, ESTABLISHED_PER_S)
    load.run(QUIET_S)
    load.forget()
    load.run(QUIET_S)
    quiet, begun = load.within(0.99), load.totals()
    load.forget()
    load.open(miners, submit=False)
    end = await_work(load, target, ESTABLISHED + miners)
    stormy = load.within(0.99)
    return StormFigures(
        all_work_s=end.working_at - begun.at,
        p99_ms=1e3 * stormy,
        quiet_p99_ms=1e3 * quiet,
        answered=end.answered - begun.answered,
        skipped=end.skipped - begun.skipped,
    )
