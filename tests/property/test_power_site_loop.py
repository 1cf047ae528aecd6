"""A site under its real control loop: budgets kept whatever goes wrong."""

from pathlib import Path
from typing import Any

import pytest

from proxy.power.link.messages import FailSafe
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


def test_a_budget_is_reached_in_twenty_seconds_kept_and_used(tmp_path: Path) -> None:
    site = settled(tmp_path)

    site.order(HALF)
    power = site.run(300)

    assert max(power[20:]) <= HALF
    assert sum(power[-60:]) / 60 >= 0.92 * HALF


def test_the_first_command_leaves_at_once_when_an_order_is_taken(
    tmp_path: Path,
) -> None:
    site = settled(tmp_path)
    site.devices.calls.clear()
    at = site.now

    site.order(HALF)
    site.clock.advance(0.001)

    sleeps = [t for t, what, _ in site.devices.calls if what == "sleep"]
    assert len(sleeps) > 20
    assert max(sleeps) - at < 0.01


def test_with_parking_alone_a_budget_is_reached_when_the_watchdogs_bite(
    tmp_path: Path,
) -> None:
    site = settled(tmp_path, control="stratum")

    site.order(HALF)
    power = site.run(400)

    assert max(power[180:]) <= HALF
    assert not site.devices.calls


def test_without_a_meter_the_model_keeps_the_budget(tmp_path: Path) -> None:
    site = settled(tmp_path, with_meter=False)

    site.order(HALF)

    assert max(site.run(200)[20:]) <= HALF


def test_the_way_up_keeps_the_ramp(tmp_path: Path) -> None:
    site = settled(tmp_path, ramp_up=500.0)
    site.order(HALF)
    before = site.run(200)[-1]
    site.loop.listener.clear("operator", "test")

    power = site.run(60)

    assert power[-1] > before
    for second, watts in enumerate(power):
        assert watts <= HALF + 500.0 * (second + 6)


def test_what_the_ramp_lets_on_does_not_carry_the_ramp_with_it(
    tmp_path: Path,
) -> None:
    site = settled(tmp_path, count=300, budget_w=1e6, ramp_up=160.0)
    site.order(500_000.0)
    site.run(200)
    site.loop.listener.clear("operator", "test")

    power = site.run(400)

    assert power[-1] > 530_000.0
    for second, watts in enumerate(power):
        assert watts <= 500_000.0 + 160.0 * (second + 6)


def test_nothing_is_raised_while_a_signal_is_silent(tmp_path: Path) -> None:
    grid = FakeSignal(lease_s=600.0)
    site = settled(tmp_path, count=300, budget_w=1e6, ramp_up=400.0, signals=[grid])
    site.order(500_000.0, source="grid")
    site.run(200)
    site.order(1e6, source="grid")
    site.run(31, renew=False)
    while site.state == "normal":
        site.run(1, renew=False)
    before = site.power_w

    power = site.run(200, renew=False)

    assert site.state == "hold"
    assert max(power) <= 1.02 * before


# loss of anything only ever lowers the cap


@pytest.mark.parametrize("silent_s", [10, 60, 600])
def test_a_lost_signal_never_raises_and_its_lapse_brings_the_fail_safe(
    tmp_path: Path, silent_s: int
) -> None:
    grid = FakeSignal(lease_s=30.0)
    site = a_site(tmp_path, signals=[grid])
    site.order(HALF, source="grid")
    site.run(300)

    power = site.run(silent_s, renew=False)

    assert max(power) <= HALF
    assert max(power[30 + 20 :], default=0.0) <= site.power.fail_safe_w
    assert (site.state == "failsafe") is (silent_s > 30)


def test_a_lapse_of_an_order_below_the_fail_safe_keeps_that_order(
    tmp_path: Path,
) -> None:
    grid = FakeSignal(lease_s=30.0)
    site = a_site(tmp_path, signals=[grid], fail_safe_w=60_000.0)
    site.order(40_000.0, source="grid")
    site.run(300)

    power = site.run(300, renew=False)

    assert site.state == "failsafe"
    assert max(power) <= 40_000.0


def test_a_signal_that_speaks_again_brings_the_site_back(tmp_path: Path) -> None:
    grid = FakeSignal(lease_s=30.0)
    site = a_site(tmp_path, signals=[grid])
    site.order(HALF, source="grid")
    site.run(100)
    site.run(120, renew=False)

    power = site.run(600)

    assert site.state == "normal"
    assert 0.9 * HALF <= power[-1] <= HALF


def test_a_signal_never_heard_keeps_the_site_at_its_fail_safe(tmp_path: Path) -> None:
    site = a_site(tmp_path, signals=[FakeSignal(lease_s=30.0)])

    power = site.run(300, renew=False)

    assert max(power[30:]) <= site.power.fail_safe_w


@pytest.mark.parametrize("fault", ["nan", "silent"])
def test_a_lost_meter_shrinks_the_site_then_brings_the_fail_safe(
    tmp_path: Path, fault: str
) -> None:
    site = settled(tmp_path, budget_w=HALF)
    site.meter.fault = fault

    early = site.run(40)
    late = site.run(80)

    assert max(early) <= HALF
    assert early[-1] < 0.9 * HALF
    assert late[-1] <= site.power.fail_safe_w


def test_a_frozen_meter_does_not_hide_machines_that_do_not_go_down(
    tmp_path: Path,
) -> None:
    site = settled(tmp_path)
    site.meter.fault = "frozen"

    site.order(HALF)
    power = site.run(200)

    assert max(power[30:]) <= HALF


# machines that do not do as they are told


def test_devices_that_lie_or_ignore_are_made_up_for(tmp_path: Path) -> None:
    site = settled(tmp_path, count=100, budget_w=400_000.0)
    boxes = list(site.boxes.values())
    boxes[1].lies = boxes[3].lies = True
    boxes[5].ignores = True

    site.order(2 * HALF)
    power = site.run(300)

    assert max(power[20:]) <= 2 * HALF
    told = {e["machine"] for e in site.events("unresponsive")}
    assert {boxes[i].address for i in (1, 3, 5) if boxes[i].told_asleep} <= told


def test_a_device_that_hangs_is_parked_and_counts_at_full_power_meanwhile(
    tmp_path: Path,
) -> None:
    site = settled(tmp_path)
    box = site.boxes["10.0.0.1"]
    box.hangs = True

    site.order(5_000.0)
    site.run(20)
    machine = site.loop.control.table.find(box.address)
    assert machine is not None
    assert not machine.is_responsive
    assert box.is_parked
    site.run(400)

    assert machine.is_responsive, "parked for long, no share seen"
    assert box.watts < 0.2 * box.model.watts


def test_a_machine_that_woke_by_itself_is_put_to_sleep_again(tmp_path: Path) -> None:
    site = settled(tmp_path, budget_w=HALF)
    box = next(b for b in site.boxes.values() if b.asleep)

    box.asleep, box.changed_at = False, site.now
    site.run(40)

    assert box.asleep
    assert [e for e in site.events("read_back") if e["machine"] == box.address]


def test_a_machine_asleep_that_should_run_is_woken(tmp_path: Path) -> None:
    site = settled(tmp_path)
    box = site.boxes["10.0.0.2"]

    box.asleep = True
    site.run(80)

    assert not box.asleep


def test_a_foreign_load_ends_in_a_trip_and_the_relay_is_told(tmp_path: Path) -> None:
    site = settled(tmp_path, budget_w=HALF)
    for box in site.boxes.values():
        box.ignores, box.asleep, box.is_parked = True, False, False
        box.watts = 1.2 * box.model.watts

    for _ in range(120):
        for box in site.boxes.values():
            box.is_parked = False
        site.run(1)

    assert site.state == "trip"
    assert site.relay.beats[-1] is False
    assert [e for e in site.events("state") if e["after"] == "trip"]


# miners come and go


def test_a_cold_start_of_all_miners_at_once_stays_within_the_budget(
    tmp_path: Path,
) -> None:
    site = a_site(tmp_path, budget_w=HALF, hot=False)

    power = site.run(300)

    assert max(power) <= HALF
    assert sum(power[-60:]) / 60 >= 0.9 * HALF


def test_a_site_that_runs_already_is_taken_over_without_a_dip(tmp_path: Path) -> None:
    site = a_site(tmp_path, ramp_up=100.0)
    before = site.power_w

    power = site.run(120)

    assert min(power) >= 0.97 * before


@pytest.mark.parametrize("control", ["pyasic", "stratum"])
def test_all_miners_reconnecting_at_once_never_exceed_the_budget(
    tmp_path: Path, control: str
) -> None:
    site = settled(tmp_path, budget_w=HALF, control=control)
    site.disconnect(list(site.boxes.values()))
    site.run(10)

    site.connect()
    power = site.run(300)

    assert max(power) <= HALF
    assert power[-1] >= 0.85 * HALF


def test_a_miner_that_was_at_work_is_granted_at_once_when_it_is_back(
    tmp_path: Path,
) -> None:
    site = settled(tmp_path)
    box = site.boxes["10.0.0.3"]
    site.disconnect([box])
    site.run(20)

    site.connect([box])

    assert not box.is_parked


def test_an_order_that_overtakes_the_report_of_a_grant_still_parks(
    tmp_path: Path,
) -> None:
    site = a_site(tmp_path, control="stratum")
    site.clock.advance(1.0)
    granted = [b for b in site.boxes.values() if not b.is_parked]

    site.order(5_000.0)
    site.clock.advance(0.01)

    assert len(granted) == 50
    assert all(b.is_parked for b in site.boxes.values())


def test_every_park_and_grant_is_in_the_log_also_of_those_who_come_back(
    tmp_path: Path,
) -> None:
    site = settled(tmp_path)
    runs = site.boxes["10.0.0.3"]
    site.order(HALF)
    site.run(60)
    sleeps = next(b for b in site.boxes.values() if b.is_parked)
    site.disconnect([runs, sleeps])

    site.connect([runs, sleeps])

    told = site.events("admission")[-1]
    assert told["cause"] == "connected"
    assert sleeps.address in told["parked"]
    assert [*told["granted"], *told["parked"]] == [runs.address, sleeps.address]


def test_what_was_parked_without_a_controller_is_in_the_log(tmp_path: Path) -> None:
    site = settled(tmp_path, count=4)
    box = site.boxes["10.0.0.2"]
    assert box.miner is not None

    site.loop.failed_safe(FailSafe("hall-a", 40.0, 8_000.0, [box.miner, 999_999]))

    told = site.events("admission")[-1]
    assert told["parked"] == [box.address]
    assert (told["ago_s"], told["limit_w"]) == (40.0, 8_000.0)
