"""Whatever is lost, the budget is not exceeded because of it: the real loop."""

from pathlib import Path
from typing import Any

import pytest

from tests.fakes.power_site import PowerSite

HALF = 90_000.0
"""Of what the 50 machines draw, about half."""

SETTLE = 20
"""Seconds that a device API takes until an order shows, by the law."""


def a_site(path: Path, **options: Any) -> PowerSite:
    site = PowerSite(path / "controller.sqlite3", **options)
    site.connect()
    return site


# the upstream


@pytest.mark.parametrize("control", ["pyasic", "stratum"])
@pytest.mark.parametrize("lost_s", [60, 300, 900, 3600])
def test_an_upstream_that_comes_back_finds_the_budget_as_it_was(
    tmp_path: Path, control: str, lost_s: int
) -> None:
    site = a_site(tmp_path, budget_w=HALF, control=control)
    site.run(600)
    site.lose_upstream()
    starved = site.run(lost_s)

    site.regain_upstream()
    power = site.run(600)

    assert max(starved) <= HALF
    assert max(power) <= HALF
    assert power[-1] >= 0.9 * HALF


def test_a_part_of_the_machines_without_a_source_lends_nothing_to_the_others(
    tmp_path: Path,
) -> None:
    """One tenant's pool is away, the others' are not."""
    site = a_site(tmp_path, budget_w=HALF, control="stratum")
    site.run(600)
    granted = [b for b in site.boxes.values() if not b.is_parked]
    for box in granted[:4]:
        box.starved_at = site.now
    site.run(900)

    for box in granted[:4]:
        box.starved_at = float("inf")
    power = site.run(300)

    assert max(power) <= HALF


# the meter


@pytest.mark.parametrize("control", ["pyasic", "stratum"])
@pytest.mark.parametrize("ramp_up", [1e9, 500.0])
def test_a_meter_frozen_low_does_not_let_the_site_rise_above_the_budget(
    tmp_path: Path, control: str, ramp_up: float
) -> None:
    site = a_site(tmp_path, control=control, ramp_up=ramp_up)
    site.order(40_000.0)
    site.run(400)
    site.meter.fault = "frozen"

    site.order(HALF)
    power = site.run(600)

    assert max(power) <= HALF


@pytest.mark.parametrize("fault", ["nan", "silent", "frozen"])
def test_a_meter_lost_with_the_order_does_not_delay_it(
    tmp_path: Path, fault: str
) -> None:
    site = a_site(tmp_path)
    site.run(400)

    site.meter.fault = fault
    site.order(HALF)

    assert max(site.run(200)[SETTLE:]) <= HALF
