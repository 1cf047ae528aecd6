"""Measure a look at a hall's map, and the longest that it holds others up.

The first look describes every machine, the next ones only look; then the map is made
for who asks for it. A slice is a turn of the reactor, CPU time.

    python -m tests.bench.map_look --miners 20000
"""

import argparse
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from protocol.units import Seconds
from protocol.work.extranonce import Layout
from proxy.config import Config
from proxy.config.model import SiteConfig
from proxy.runtime.collector import calm_collector
from proxy.web.described import describing
from proxy.web.site_map import SiteMap
from tests.bench.measured import calibration_ms, report, slices_ms
from tests.fakes.crowd import a_crowd


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--miners", type=int, default=20_000)
    options = parser.parse_args()
    hall = a_crowd(options.miners, Layout(4, 4))
    clock = hall.clock
    site = SiteConfig(name="hall-a", listen=("tcp:3333",), sources=["pool"])
    site_map = SiteMap("hall-a", hall.connections)
    site_map.describe = describing(Config(sites=[site]), "hall-a")
    calm_collector()

    def turn() -> Deferred[None]:
        return deferLater(clock, 0)

    def look() -> None:
        _ = Deferred.fromCoroutine(site_map.look(Seconds(clock.seconds()), turn))

    def view() -> None:
        _ = Deferred.fromCoroutine(site_map.view(turn))

    steps: tuple[tuple[str, Callable[[], Any]], ...] = (
        ("first", look),
        ("next", look),
        ("next", look),
        ("view", view),
    )
    for what, action in steps:
        slices = sorted(slices_ms(clock, action))
        report(
            miners=options.miners,
            what=what,
            sum_ms=sum(slices),
            slices=len(slices),
            median_ms=slices[len(slices) // 2],
            longest_ms=slices[-1],
            calibration_ms=calibration_ms(),
        )


if __name__ == "__main__":
    main()
