"""Measure what a second costs a site whose miners are connected and say nothing.

All that a site does each second, the reports to its controller with it; not the job
that each miner is sent every 30 s. In the process's own CPU time, best of 5.

    python -m tests.bench.idle_site --miners 27000
"""

import argparse

from protocol.units import Seconds
from protocol.work.extranonce import Layout
from tests.bench.measured import best, calibration_ms, cpu_ms, report
from tests.fakes.crowd import a_crowd, settle
from tests.fakes.hall import Hall

LAYOUTS = (Layout(1, 3), Layout(2, 4), Layout(4, 4))
HOLD = Seconds(600.0)
SECONDS = 5
"""In a row: sweeps look at some of the miners in each."""


def a_second(hall: Hall) -> None:
    """Do what share_process/sites.py and supervisor/child_link.py do each second."""
    hall.clock.rightNow += 1
    site, now = hall.connections, hall.context.now()
    hall.board.tick()
    site.hold(HOLD)
    hall.context.parking.let_return(Seconds(1.0))
    site.roster.sweep(now)
    list(hall.context.parking.reports("hall-a", is_whole=False))


def some_seconds(hall: Hall) -> None:
    for _ in range(SECONDS):
        a_second(hall)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--miners", type=int, default=27_000)
    options = parser.parse_args()
    for layout in LAYOUTS:
        hall = a_crowd(options.miners, layout)
        list(hall.context.parking.reports("hall-a", is_whole=True))
        some_seconds(hall)

        def measure(hall: Hall = hall) -> float:
            hall.sources[0].post(ntime=int(hall.clock.seconds()) + 1_700_000_000)
            settle(hall)  # no job falls due meanwhile
            some_seconds(hall)  # newcomers and what the job changed are seen to
            return cpu_ms(lambda: some_seconds(hall)) / SECONDS

        report(
            miners=options.miners,
            layout=layout.name,
            ms_of_each_second=best(measure),
            calibration_ms=calibration_ms(),
        )


if __name__ == "__main__":
    main()
