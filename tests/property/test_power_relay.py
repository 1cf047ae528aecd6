"""A site's relay: it hears of the site each second, and of a trip in the end."""

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import deferLater
from twisted.logger import capturedLogs, formatEvent

from proxy.power.ports import MeterError
from tests.conftest import FlushFailures
from tests.fakes.power_site import PowerSite, connected

HALF = 90_000.0


def settled(path: Path, **options: Any) -> PowerSite:
    site = connected(path / "controller.sqlite3", **options)
    site.run(300)
    site.relay.beats.clear()
    return site


def test_a_meter_that_hangs_slows_neither_control_nor_the_beats(
    tmp_path: Path,
) -> None:
    site = settled(tmp_path)

    async def hang() -> float:
        await deferLater(site.clock, 1.05)
        raise MeterError("hung")

    site.meter.read = hang  # type: ignore[method-assign]
    before = len(site.store.history(None, 10_000, None))
    site.run(120)

    assert 119 <= len(site.relay.beats) <= 121
    assert site.state == "failsafe"
    assert len(site.store.history(None, 10_000, None)) > before
    del site.meter.read
    site.run(3)


def test_a_meter_that_breaks_is_a_lost_one(
    tmp_path: Path, flush_failures: FlushFailures
) -> None:
    site = settled(tmp_path)

    async def overflow() -> float:
        raise OverflowError("struct")

    site.meter.read = overflow  # type: ignore[method-assign]
    power = site.run(120)

    assert site.state == "failsafe"
    assert power[-1] <= site.power.fail_safe_w
    assert len(site.relay.beats) == 120
    assert flush_failures(OverflowError) == 120


def test_a_relay_hears_nothing_of_a_site_that_nobody_looks_at(
    tmp_path: Path, flush_failures: FlushFailures
) -> None:
    site = settled(tmp_path)

    site.loop.control.wall = None  # type: ignore[assignment]
    site.run(60)

    assert len(site.relay.beats) <= 5
    assert flush_failures(AttributeError) == 60


@pytest.mark.parametrize("with_meter", [True, False])
def test_machines_asleep_trip_no_relay_whatever_the_budget(
    tmp_path: Path, *, with_meter: bool
) -> None:
    site = settled(tmp_path, with_meter=with_meter)

    site.order(0.0)
    site.run(300)

    assert all(box.asleep for box in site.boxes.values())
    assert all(site.relay.beats)


@pytest.mark.parametrize("with_meter", [True, False])
def test_one_machine_that_does_not_sleep_trips_the_relay_and_it_is_logged(
    tmp_path: Path, *, with_meter: bool
) -> None:
    site = settled(tmp_path, with_meter=with_meter, count=10)
    for box in list(site.boxes.values())[:2]:
        box.ignores, box.watchdog = True, 1e9

    site.order(0.0)
    site.run(300)

    assert site.relay.beats[-1] is False
    (told,) = site.events("relay")
    assert told["may_run"] is False


def test_a_relay_that_takes_no_beats_is_an_alarm_until_it_does(tmp_path: Path) -> None:
    site = settled(tmp_path)

    site.relay.is_lost = True
    site.run(10)
    site.relay.is_lost = False
    site.run(200)

    kinds = [
        (e["kind"], e["at"])
        for kind in ("alarm", "cleared")
        for e in site.events(kind)
        if e["alarm"] == "relay_lost"
    ]
    assert [kind for kind, _ in kinds] == ["alarm", "cleared"]


def test_that_a_relay_is_there_is_logged_once_and_again_after_a_loss(
    tmp_path: Path,
) -> None:
    def lines(seconds: int) -> int:
        with capturedLogs() as logged:
            site.run(seconds)
        texts = [formatEvent(event) for event in logged]
        return sum("relay takes its beats" in text for text in texts)

    site = connected(tmp_path / "controller.sqlite3")

    assert lines(60) == 1
    assert lines(60) == 0
    site.relay.is_lost = True
    assert lines(10) == 0
    site.relay.is_lost = False
    assert lines(30) == 1
