"""How smooth the hall is: `LONG=1` measures five minutes and holds it to its bounds."""

import os
import time
from collections.abc import Callable
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.looking import Hall, Tab

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession

IS_LONG = os.environ.get("LONG", "0") != "0"
SECONDS = 300 if IS_LONG else 5
LEAST_FRAMES = 50
MOST_UPDATE_S = 0.025
WORK = ("ScriptDuration", "LayoutDuration", "RecalcStyleDuration")
MOST_GROWTH = 1_000_000
"""Bytes of heap after a collection, from the first minute to the end."""

COUNT = """(() => {
  window.measured = { frames: 0, long: 0 };
  new PerformanceObserver((l) => (window.measured.long += l.getEntries().length))
    .observe({ type: "longtask" });
  const beat = () => { window.measured.frames++; requestAnimationFrame(beat); };
  requestAnimationFrame(beat);
})()"""


def _metrics(session: "CDPSession") -> dict[str, float]:
    session.send("HeapProfiler.collectGarbage")
    found: Any = session.send("Performance.getMetrics")["metrics"]
    return {one["name"]: one["value"] for one in found}


def _updates(session: "CDPSession", seconds: int) -> list[float]:
    """Return what scripts, styles and layout took in each of so many seconds.

    A frame comes each second: it is what an update takes, on the wall's clock, and what
    counting frames takes on top.
    """
    sums = []
    for _ in range(seconds + 1):
        metrics: Any = session.send("Performance.getMetrics")["metrics"]
        sums.append(sum(one["value"] for one in metrics if one["name"] in WORK))
        time.sleep(1)
    return [after - before for before, after in pairwise(sums)]


def _p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]


@pytest.mark.parametrize("machines", [200, 20_000])
def test_a_hall_moves_smoothly(
    browser: "Browser", hall_of: Callable[..., Hall], machines: int
) -> None:
    context = browser.new_context(viewport={"width": 1600, "height": 1200})
    tab = Tab.of(context, hall_of(machines).url + "/fleet")
    session = context.new_cdp_session(tab.page)
    session.send("Performance.enable")
    tab.run(COUNT)
    time.sleep(60 if IS_LONG else 1)
    before, counted, began = (
        _metrics(session),
        tab.run("window.measured"),
        time.perf_counter(),
    )
    updates = _updates(session, SECONDS)
    took = time.perf_counter() - began
    now = tab.run("window.measured")
    after = _metrics(session)
    frames = (now["frames"] - counted["frames"]) / took
    busy = (after["TaskDuration"] - before["TaskDuration"]) / took
    grown = after["JSHeapUsedSize"] - before["JSHeapUsedSize"]
    print(  # noqa: T201  (it is what the run is for)
        f"\n{machines} machines, {took:.0f} s: {frames:.1f} frames/s,"
        f" update p50 {median(updates) * 1e3:.1f} ms, p95"
        f" {_p95(updates) * 1e3:.1f} ms, main thread {busy:.1%},"
        f" {now['long'] - counted['long']} long tasks,"
        f" heap {after['JSHeapUsedSize'] / 1e6:.1f} MB ({grown / 1e6:+.2f})"
    )
    assert tab.told == []
    if IS_LONG:
        assert frames >= LEAST_FRAMES
        assert grown < MOST_GROWTH
        assert _p95(updates) < MOST_UPDATE_S
    context.close()
