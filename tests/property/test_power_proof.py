"""What shares prove against a site under its real control loop, on a virtual clock."""

import math
from pathlib import Path
from typing import Any

import pytest

from protocol.units import Seconds
from proxy.power.journal.alarms import MAX_NAMED
from proxy.power.views.show import machines, show
from proxy.power.views.views import PowerView
from tests.fakes.power_adapters import FakeSignal
from tests.fakes.power_site import PowerSite, connected

FULL = 180_000.0
"""More than all 50 machines draw."""


def a_site(path: Path, **options: Any) -> PowerSite:
    return connected(path / "controller.sqlite3", **options)


def settled(path: Path, **options: Any) -> PowerSite:
    """Return a site after ten minutes without an alarm."""
    site = a_site(path, **options)
    site.run(700)
    assert not alarms(site)
    return site


def alarms(site: PowerSite, name: str | None = None) -> list[dict[str, Any]]:
    """Return what was raised and cleared, oldest first."""
    told = [e for e in site.events() if e["kind"] in {"alarm", "cleared", "mark"}]
    return [e for e in told if name in {None, e["alarm"]}]


def kinds(site: PowerSite, name: str) -> list[str]:
    return [e["kind"] for e in alarms(site, name)]


def shown(site: PowerSite) -> PowerView:
    view = show(site.loop.control, Seconds(site.now))
    assert view is not None
    return view


# what is shown of machines


def test_each_machine_is_shown_as_it_is_told_and_as_its_shares_prove(
    tmp_path: Path,
) -> None:
    site = settled(tmp_path)
    control, now = site.loop.control, Seconds(site.now)
    level_h = control.table.fleet.level_h

    (one,) = machines(control, now, "m1.7", 0)
    every = machines(control, now, "m1.*", 0)
    expected = float(level_h[control.table.machines[7].row].max())

    assert (one.worker, one.model, one.state) == ("m1.7", "Antminer S21", "running")
    assert {m.model for m in every} == {"Antminer S21"}
    assert len(every) == len(site.boxes) // 2
    assert one.hashrate.low_hs < expected < one.hashrate.high_hs
    assert machines(control, now, "*", 1) == []


def test_a_machine_that_was_told_to_stop_is_shown_stopped(tmp_path: Path) -> None:
    site = settled(tmp_path)
    site.order(20_000.0)
    site.run(300)

    states = [m.state for m in machines(site.loop.control, Seconds(site.now), "*", 0)]

    assert 2 <= states.count("running") <= 6
    assert states.count("stopped") == len(site.boxes) - states.count("running")


# the site's cap


def test_more_hashes_than_the_cap_allows_raise_one_alarm_with_the_figures(
    tmp_path: Path,
) -> None:
    site = settled(tmp_path)
    for box in site.boxes.values():
        box.boards = 1.5

    site.run(300)
    (alarm,) = alarms(site, "cap_exceeded")
    assert alarm["windows"][0]["low_hs"] > 1.01 * alarm["cap_hs"]
    assert len(alarm["windows"]) == 2
    assert "cap_exceeded" in [a.alarm for a in shown(site).alarms]

    for box in site.boxes.values():
        box.boards = 1.0
    site.run(300)
    assert kinds(site, "cap_exceeded") == ["alarm", "cleared"]
    assert "cap_exceeded" not in [a.alarm for a in shown(site).alarms]


def test_the_shares_of_machines_that_were_just_parked_exceed_no_cap(
    tmp_path: Path,
) -> None:
    site = settled(tmp_path, control="stratum")

    site.order(0.3 * FULL)
    site.run(600)

    assert alarms(site) == []
    assert shown(site).parked_work > 0


# machines


def test_a_machine_at_work_that_falls_silent_is_named_and_cleared_once(
    tmp_path: Path,
) -> None:
    site = settled(tmp_path)
    box = site.boxes["10.0.0.3"]
    before = site.now
    box.boards = 0.0

    site.run(120)
    (alarm,) = alarms(site, "silent")
    assert alarm["machine"] == "10.0.0.3"
    assert alarm["expected_shares"] >= 13.8
    assert 40.0 <= alarm["at"] - before <= 75.0
    assert shown(site).machines.silent == 1

    box.boards = 1.0
    site.run(120)
    assert kinds(site, "silent") == ["alarm", "cleared"]
    assert shown(site).machines.silent == 0


def test_a_slow_machine_is_not_a_silent_one(tmp_path: Path) -> None:
    site = settled(tmp_path)
    site.boxes["10.0.0.3"].boards = 0.34  # one board of three
    site.run(1200)
    site.retarget(3.0)

    site.run(1800)

    assert alarms(site, "silent") == []


def test_a_machine_that_hashes_on_though_told_to_stop_is_named_and_cleared_once(
    tmp_path: Path,
) -> None:
    site = settled(tmp_path)
    box = site.boxes["10.0.0.1"]  # an S19j Pro: of the first to go
    box.lies, box.watchdog = True, math.inf
    site.order(0.3 * FULL)

    site.run(140)
    assert alarms(site, "hashes_on") == []  # it may be its last job
    site.run(260)
    (alarm,) = alarms(site, "hashes_on")
    assert alarm["machine"] == "10.0.0.1"
    assert alarm["told_s_ago"] >= 150
    assert shown(site).machines.hashing_on == 1
    assert shown(site).unauthorised_work > 0

    box.asleep = True
    site.run(400)
    assert kinds(site, "hashes_on") == ["alarm", "cleared"]


def test_many_machines_that_fall_silent_at_once_are_no_flood(tmp_path: Path) -> None:
    site = settled(tmp_path)
    for box in site.boxes.values():
        box.boards = 0.0

    site.run(200)
    raised = [e for e in alarms(site, "silent") if e["kind"] == "alarm"]
    assert len(raised) == MAX_NAMED + 1
    assert "machine" not in raised[-1]
    assert shown(site).machines.silent == 50

    for box in site.boxes.values():
        box.boards = 1.0
    site.run(200)
    cleared = [e for e in alarms(site, "silent") if e["kind"] == "cleared"]
    assert len(cleared) == MAX_NAMED + 1


# J/TH


def test_boards_that_die_by_and_by_raise_the_alarm_once(tmp_path: Path) -> None:
    site = settled(tmp_path)
    for box in site.boxes.values():
        box.boards = 0.8

    site.run(600)
    (alarm,) = alarms(site, "hash_missing")
    ratio = alarm["joules_per_terahash"] / alarm["model_joules_per_terahash"]
    assert 1.1 < ratio < 1.5

    for box in site.boxes.values():
        box.boards = 1.0
    site.run(900)
    assert kinds(site, "hash_missing") == ["alarm", "cleared"]


def test_a_load_that_no_machine_explains_raises_the_alarm_once(tmp_path: Path) -> None:
    site = settled(tmp_path, count=50, budget_w=2 * FULL)
    site.extra_w = 0.25 * site.power_w

    site.run(60)
    (alarm,) = alarms(site, "hidden_load")
    assert alarm["meter_w"] > 1.1 * alarm["model_w"]
    site.run(300)
    site.extra_w = 0.0
    site.run(1200)

    assert kinds(site, "hidden_load") == ["alarm", "cleared"]
    assert kinds(site, "hash_missing") == ["alarm", "cleared"]


def test_power_that_the_meter_does_not_see_raises_the_alarm_once(
    tmp_path: Path,
) -> None:
    site = settled(tmp_path)
    site.extra_w = -0.25 * site.power_w

    site.run(600)

    assert kinds(site, "unmetered_power") == ["alarm"]


@pytest.mark.parametrize("off", [-0.05, 0.03])
def test_a_few_percent_more_or_less_are_no_alarm(tmp_path: Path, off: float) -> None:
    site = settled(tmp_path)
    site.extra_w = off * site.power_w

    site.run(1800)

    assert alarms(site) == []


# the ordinary life of a site


@pytest.mark.parametrize("with_meter", [True, False])
@pytest.mark.parametrize("control", ["pyasic", "stratum"])
def test_orders_up_and_down_and_ramps_raise_no_alarm(
    tmp_path: Path, control: str, *, with_meter: bool
) -> None:
    site = a_site(tmp_path, control=control, with_meter=with_meter, ramp_up=500.0)
    for part in (1.0, 0.5, 0.9, 0.3, 1.0, 0.7, 0.05, 0.8):
        site.order(part * FULL)
        site.run(350)

    assert alarms(site) == []


@pytest.mark.parametrize("pace", [2.0, 60.0, 300.0])
def test_a_retarget_raises_no_alarm(tmp_path: Path, pace: float) -> None:
    site = settled(tmp_path)

    site.retarget(pace)
    site.run(900)

    assert alarms(site) == []


@pytest.mark.parametrize("pace", [1.0, 6.0])
def test_few_machines_with_few_shares_raise_no_alarm(
    tmp_path: Path, pace: float
) -> None:
    site = a_site(tmp_path, count=3, budget_w=12_000.0, fail_safe_w=1_000.0)
    site.retarget(pace)

    site.run(3600)

    assert alarms(site) == []


@pytest.mark.parametrize("lost_s", [60, 300, 900])
def test_a_lost_upstream_raises_no_alarm(tmp_path: Path, lost_s: int) -> None:
    site = settled(tmp_path)

    site.lose_upstream()
    site.run(lost_s)
    site.regain_upstream()
    site.run(600)

    assert alarms(site) == []


def test_a_lapse_and_all_miners_reconnecting_raise_no_alarm(tmp_path: Path) -> None:
    site = settled(tmp_path, signals=[FakeSignal(lease_s=30.0)])
    site.run(120, renew=False)
    site.run(300)
    site.connect()

    site.run(600)

    assert alarms(site) == []


def test_a_restart_raises_no_alarm(tmp_path: Path) -> None:
    site = settled(tmp_path, budget_w=0.5 * FULL)

    site.restart()
    site.run(900)

    assert alarms(site) == []
