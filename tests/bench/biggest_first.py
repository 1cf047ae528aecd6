"""Measure how long a hash waits for a new tip's job, and how long the last miner does.

A fleet of S21, S19j Pro and S9 in no order, served in order of arrival (all of one
class of hashrate) and the biggest first: from the pool's work to each miner's line,
in CPU time of this process to the end of the slice in which it is, best of 5.

    python -m tests.bench.biggest_first --miners 10000
"""

import argparse
import random
from collections.abc import Callable
from functools import partial
from typing import Any

from protocol.units import HashesPerSecond
from protocol.work.extranonce import Layout
from proxy.downstream.miner import Miner
from proxy.jobs.members import hashrate_class
from tests.bench.measured import RUNS, calibration_ms, cpu_ms, report, turn_of
from tests.fakes.crowd import a_crowd
from tests.fakes.hall import Hall

FLEET_TH = {200.0: 0.3, 104.0: 0.3, 13.5: 0.4}
"""TH/s of an S21, an S19j Pro and an S9, and their shares of a hall that grew."""


class Fleet:
    """Miners of one site, and when each was told of the newest job."""

    def __init__(self, count: int, layout: Layout) -> None:
        self.hall: Hall = a_crowd(count, layout)
        parts = FLEET_TH.items()
        rates = [r * 1e12 for r, part in parts for _ in range(round(part * count))]
        random.Random(7).shuffle(rates)  # noqa: S311
        miners = self.hall.connections.roster.miners.values()
        self.rates = dict(zip(miners, rates, strict=False))
        self.told: list[Miner] = []
        self.blocks = 0
        for miner in self.rates:
            way: Any = miner
            way.outbox.on_job = partial(self.told.append, miner)

    def weigh(self, *, is_known: bool) -> None:
        for miner, rate in self.rates.items():
            miner.hashrate_class = (
                hashrate_class(HashesPerSecond(rate)) if is_known else 0
            )
            if miner.group is not None:
                self.hall.board.reorder(miner, miner.group)

    def block(self) -> tuple[float, float]:
        """Return the mean delay of a hash and the last miner's, in ms."""
        self.blocks += 1
        self.told.clear()
        self.hall.clock.rightNow += 60
        tip, clock = self.blocks.to_bytes(32, "big"), self.hall.clock
        action: Callable[[], object] = lambda: self.hall.sources[0].post(prev_hash=tip)  # noqa: E731
        passed, waits = 0.0, dict[Miner, float]()
        while True:
            passed += cpu_ms(action)
            waits |= dict.fromkeys(self.told[len(waits) :], passed)
            if not any(call.getTime() <= clock.seconds() for call in clock.calls):
                break
            action = turn_of(clock)
        work = sum(self.rates[m] * wait for m, wait in waits.items())
        return work / sum(self.rates.values()), passed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--miners", type=int, default=10_000)
    options = parser.parse_args()
    for layout in (Layout(1, 3), Layout(4, 4)):
        compare(options.miners, layout)


def compare(miners: int, layout: Layout) -> None:
    """Report what both orders come to; groups of 1+3 are 256 miners each."""
    fleet = Fleet(miners, layout)
    runs: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    for is_known in (False, True) * RUNS:  # in turn: the machine's pace changes
        fleet.weigh(is_known=is_known)
        runs[is_known].append(fleet.block())
    (arrival, arrival_last), (biggest, biggest_last) = (
        (min(mean for mean, _ in some), min(last for _, last in some))
        for some in runs.values()
    )
    report(
        miners=miners,
        layout=layout.name,
        arrival_mean_ms=arrival,
        arrival_last_ms=arrival_last,
        biggest_first_mean_ms=biggest,
        biggest_first_last_ms=biggest_last,
        ratio=biggest / arrival,
        last_ratio=biggest_last / arrival_last,
        calibration_ms=calibration_ms(),
    )


if __name__ == "__main__":
    main()
