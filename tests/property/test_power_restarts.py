"""A controller that is killed, a clock that is stepped: the budget stands."""

from pathlib import Path
from typing import Any

import pytest

from protocol.units import UnixTime
from proxy.power.orders.order import Order
from proxy.power.planner.reasons import REASONS
from proxy.power.planner.steps import Reason
from tests.fakes.power_adapters import FakeSignal
from tests.fakes.power_site import PowerSite

HALF = 90_000.0
"""Of what the 50 machines draw, about half."""


def a_site(path: Path, **options: Any) -> PowerSite:
    site = PowerSite(path / "controller.sqlite3", **options)
    site.connect()
    return site


def settled(path: Path, **options: Any) -> PowerSite:
    site = a_site(path, **options)
    site.run(400)
    return site


@pytest.mark.parametrize("control", ["pyasic", "stratum"])
@pytest.mark.parametrize("after_s", [0, 1, 3, 8])
def test_a_controller_killed_on_a_ramp_never_exceeds_the_budget(
    tmp_path: Path, control: str, after_s: int
) -> None:
    site = settled(tmp_path, control=control)
    site.order(HALF)
    site.run(after_s)

    site.restart()
    power = site.run(400)

    assert max(power[180 if control == "stratum" else 25 :]) <= HALF
    assert power[-1] >= 0.85 * HALF
    assert [e["watts"] for e in site.events("budget")][-1] == HALF


def test_a_restart_neither_wakes_nor_sleeps_a_settled_site(tmp_path: Path) -> None:
    site = settled(tmp_path, budget_w=HALF)
    before = site.power_w
    commands = len(site.events("command"))

    site.restart()
    site.run(30)

    assert abs(site.power_w - before) < 0.06 * before
    told = site.events("command")[commands:]
    assert not [e for e in told if e["level"] == 0]
    # those at a slower level are taken to be at their top until they say so
    assert len(told) <= 25


def test_rotation_goes_on_over_a_restart_where_it_was(tmp_path: Path) -> None:
    site = a_site(tmp_path, count=20, models=["Antminer S21+"], bias=1.0)
    site.run(200)
    site.order(0.92 * site.power_w)
    site.run(1500)
    before = debts(site)
    assert max(before.values()) > 0.3
    assert not rotations(site)

    site.restart()  # less than a minute is forgotten
    assert debts(site) == pytest.approx(before, abs=61 / 3600)
    site.run(900)  # half an hour of debts, of which these are the last 15 minutes

    assert rotations(site)


def debts(site: PowerSite) -> dict[str, float]:
    table = site.loop.control.table
    return {m.key: float(table.fleet.debt_h[m.row]) for m in table.machines}


def rotations(site: PowerSite) -> list[dict[str, Any]]:
    return [e for e in site.events("command") if e["cause"] == REASONS[Reason.ROTATE]]


def test_a_leased_order_survives_a_restart_and_its_silence_counts(
    tmp_path: Path,
) -> None:
    site = a_site(tmp_path, signals=[FakeSignal(lease_s=30.0)])
    site.order(HALF, source="grid")
    site.run(300)

    site.restart()
    site.run(5, renew=False)
    assert site.state == "normal"
    site.run(60, renew=False)

    assert site.state == "failsafe"


def test_an_order_that_ended_while_nobody_looked_does_not_come_back(
    tmp_path: Path,
) -> None:
    site = settled(tmp_path)
    site.order(HALF, for_s=60.0)
    site.run(10)
    site.kill()
    site.clock.advance(120.0)

    site.open()
    site.run(10)

    assert site.events("budget")[-1]["rule"] == "contract"


def test_orders_that_were_replaced_by_none_do_not_come_back(tmp_path: Path) -> None:
    site = a_site(tmp_path)
    site.order(HALF, source="plan")
    site.run(10)
    receipt = site.loop.listener.take([], instead_of="plan")

    site.restart()
    site.run(10)

    assert receipt.is_taken
    gone = site.events("withdraw")[-1]
    assert (gone["source"], gone["orders"]) == ("plan", 1)
    assert site.loop.listener.standing("plan") == []
    assert site.events("budget")[-1]["rule"] == "contract"


def test_a_clock_stepped_forward_does_not_end_an_order_early(tmp_path: Path) -> None:
    site = settled(tmp_path)
    site.order(HALF, for_s=500.0)
    site.run(100)

    site.step = 3600.0
    power = site.run(350)

    assert max(power) <= HALF
    assert site.run(400)[-1] > HALF, "it ends when it should have"


def test_a_clock_stepped_back_does_not_delay_a_lower_order(tmp_path: Path) -> None:
    site = settled(tmp_path)
    site.order(HALF)
    at = site.wall()
    later = UnixTime(at + 100.0)
    lower = Order("hall-a", 40_000.0, 1, "plan", later, at)  # type: ignore[arg-type]
    site.loop.listener.take([lower])
    site.run(10)

    site.step = -3600.0
    site.run(90)

    assert max(site.run(60)[25:]) <= 40_000.0
