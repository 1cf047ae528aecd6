"""Measure a page of `baseload miners`, and the longest that it holds others up.

python -m tests.bench.miner_page --miners 27000
"""

import argparse

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from protocol.units import Seconds
from protocol.work.extranonce import Layout
from proxy.admin.miner_pages import MinerPages
from tests.bench.measured import RUNS, calibration_ms, report, slices_ms
from tests.fakes.crowd import a_crowd


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--miners", type=int, default=27_000)
    options = parser.parse_args()
    hall = a_crowd(options.miners, Layout(4, 4))
    clock = hall.clock
    pages = MinerPages(
        lambda: {"hall-a": hall.connections},
        lambda: Seconds(clock.seconds()),
        lambda: deferLater(clock, 0),
    )
    last = options.miners // 1000 - 1
    for pattern, number in (
        ("*", 0),
        ("*", last),
        ("rig1*", 0),
        ("nobody", 0),
        ("*no", 0),
        ("n*o", 0),
    ):

        def ask(pattern: str = pattern, number: int = number) -> None:
            _ = Deferred.fromCoroutine(pages.page(pattern, number))

        runs = [slices_ms(clock, ask) for _ in range(RUNS)]
        report(
            miners=options.miners,
            filter=pattern,
            page=number,
            page_ms=min(map(sum, runs)),
            longest_slice_ms=min(map(max, runs)),
            calibration_ms=calibration_ms(),
        )


if __name__ == "__main__":
    main()
