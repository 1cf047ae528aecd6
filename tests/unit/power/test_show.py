"""A site as operators see it, figure by figure, and what a plan would do."""

import math
from typing import Any

import pytest
from attrs import evolve
from msgspec.structs import replace

from protocol.units import HashesPerSecond, Seconds, Watts
from protocol.work.hashrate import HASHES_PER_DIFFICULTY
from proxy.power.journal.alarms import AlarmName
from proxy.power.journal.effects import Learned
from proxy.power.link.messages import Joined, MinerWork
from proxy.power.machines.kinds import Mode
from proxy.power.machines.machine import ABSENT_AFTER
from proxy.power.views.show import (
    MACHINES_A_PAGE,
    MAX_HEADLINES,
    consequence,
    dry_run,
    figures,
    machines,
    show,
)
from proxy.power.views.views import (
    AlarmView,
    HashView,
    MachineCounts,
    MachineView,
    MeterView,
    OrderView,
    PlanView,
    PowerView,
    SignalView,
)
from tests.unit.power.sites import AT, METER, Site, wall
from tests.unit.power.tables import later

EACH = 200e12 / HASHES_PER_DIFFICULTY
"""Difficulty at which an S21 finds a share a second."""


def running(*workers: str, **power: Any) -> Site:
    """Return a site whose machines were granted work ten seconds ago."""
    site = Site(*workers, **power)
    site.live(range(1, 11))
    return site


def shown(site: Site, at: float = 10.0) -> PowerView:
    view = show(site.control, later(at))
    assert view is not None
    return view


def listed(site: Site, at: float = 10.0, workers: str = "*") -> list[MachineView]:
    return machines(site.control, later(at), workers, 0)


def state(site: Site, at: float = 10.0) -> str:
    return listed(site, at)[0].state


def share(site: Site, at: float, *miners: int, shares: int = 1, **of: float) -> None:
    work = shares * EACH
    parked, refused = of.get("parked", 0.0), of.get("refused", 0.0)
    site.report(
        at,
        work=[MinerWork(m, shares, work, work * EACH, parked, refused) for m in miners],
    )


# before the first look


def test_there_is_nothing_to_show_before_the_first_look() -> None:
    site = Site("park.1")

    assert figures(site.control, later(0)) is None
    assert show(site.control, later(0)) is None
    assert dry_run(site.control, Watts(9000.0), later(0)) is None


# at a glance


def test_the_figures_are_those_of_the_last_look() -> None:
    site = running("park.1", aux_w=100)

    seen = figures(site.control, later(10))

    assert seen is not None
    assert site.control.cap is not None
    assert (seen.site, seen.budget_w, seen.state) == ("hall-a", 100_000, "normal")
    assert (seen.power_w, seen.power_source) == (100 + 1.05 * 3500.0, "model")
    assert seen.cap_hs == site.control.cap.hash_hs > 0
    assert seen.ruled_by == "contract: no order is valid"
    assert seen.alarms == []
    assert seen.top_ratio == 1.0

    site.control.table.machines[0].top_w = Watts(1.2 * 3500.0)
    seen = figures(site.control, later(10))
    assert seen is not None
    assert seen.top_ratio == 1.2


def test_headlines_name_machines_and_are_few() -> None:
    site = running("park.1")
    alarms = site.control.alarms
    alarms.holds(AlarmName.CAP, "too much", {}, later(8))
    for n in range(9):
        alarms.holds(AlarmName.SILENT, "quiet", {}, later(9), f"m{n}")

    seen = figures(site.control, later(10))

    assert seen is not None
    assert seen.alarms[:2] == ["too much", "m0: quiet"]
    assert len(seen.alarms) == MAX_HEADLINES == 8
    assert len(shown(site).alarms) == 10


# all there is


def test_a_site_is_shown_with_what_rules_it() -> None:
    site = running("park.1", "park.2")
    site.order(5000.0, at=11, reason="peak")
    site.live(range(11, 14))

    view = shown(site, 13)

    assert site.control.cap is not None
    assert (view.site, view.budget_w, view.rule) == ("hall-a", 5000.0, "order")
    assert view.ruled_by == "order 1 of operator: peak"
    assert view.next_change is None
    assert (view.state, view.state_reason) == ("normal", "all that should speak does")
    assert view.cap_text == str(site.control.cap)
    assert view.cap["budget_w"] == 5000.0
    assert view.cap_hs == site.control.cap.hash_hs
    assert view.meter is None
    assert view.orders == [
        OrderView("operator", 1, 5000.0, AT, None, None, None, "peak")
    ]
    assert view.is_hidden_load is False


def test_a_signal_is_shown_with_its_silence_and_whether_it_has_lapsed() -> None:
    leases = {"grid": Seconds(5.0), "plan": None}
    site = Site(leases=leases)
    site.control.orders.renew("grid", later(4))
    site.live(range(4, 9))

    early = shown(site, 8).signals
    site.live(range(9, 12))

    plan = SignalView("plan", None, None, has_lapsed=False)
    assert early == [SignalView("grid", 5.0, 4.0, False, 1.0), plan]
    late = SignalView("grid", 5.0, 7.0, True, 0.0, is_ruling=True)
    assert shown(site, 11).signals == [late, plan]
    assert shown(site, 11).state == "failsafe"


@pytest.mark.parametrize(
    ("reading", "meter"),
    [
        (3600.0, MeterView(3600.0, None, 3.0)),
        (math.nan, MeterView(None, "not a number", 13.0)),
    ],
)
def test_a_meter_is_shown_with_its_fault(reading: float, meter: MeterView) -> None:
    site = Site("park.1", meter=METER)

    site.tick(10, reading)

    assert shown(site, 13).meter == meter


def test_a_hidden_load_is_shown() -> None:
    site = Site("park.1", meter=METER)
    site.live(range(1, 40), reading=20_000.0)

    view = shown(site, 39)

    assert view.is_hidden_load is True
    assert view.power_source == "meter"
    (alarm,) = view.alarms
    assert isinstance(alarm, AlarmView)
    assert (alarm.alarm, alarm.machine) == ("hidden_load", "")
    assert alarm.cause == "the meter sees a load that no machine explains"
    assert alarm.figures["model_w"] == pytest.approx(3500.0, rel=0.3)


def test_an_alarm_is_shown_with_how_long_it_has_stood() -> None:
    site = running("park.1")
    site.control.alarms.holds(AlarmName.SILENT, "quiet", {"n": 1}, later(4), "m0")

    assert shown(site, 10).alarms == [AlarmView("silent", "m0", "quiet", 6.0, {"n": 1})]


# what shares prove


def test_the_hashrate_of_five_minutes_is_shown_with_its_bounds() -> None:
    site = running("park.1", "who.1")
    for s in range(11, 421):
        share(site, s, 1, 2, shares=1 if s <= 90 else 3)
        site.tick(s)

    view = shown(site, 420)

    spread = 1.96 / math.sqrt(900)
    assert view.hashrate.shares == 900, "none of the first 120 s"
    assert view.hashrate.hash_hs == pytest.approx(3 * 200e12)
    assert view.hashrate.low_hs == pytest.approx(3 * 200e12 * (1 - spread))
    assert view.hashrate.high_hs == pytest.approx(3 * 200e12 * (1 + spread))
    assert view.strangers == view.hashrate
    assert view.tenants == {}


def test_the_work_of_parked_machines_is_shown() -> None:
    site = running("park.1")
    share(site, 11, 1, parked=2.0, refused=3.0)

    assert (shown(site).parked_work, shown(site).unauthorised_work) == (2.0, 3.0)


def test_joules_per_terahash_are_shown_by_shares_and_by_model() -> None:
    site = running("park.1", learned=Learned(1.0, 1.1))

    early = shown(site)
    for s in range(11, 121):
        share(site, s, 1)
        site.tick(s)
    view = shown(site, 120)

    assert early.joules_per_terahash is None
    assert early.expected_joules_per_terahash == pytest.approx(1.1 * 3500.0 / 200.0)
    looks = site.control.share_checks.balances.looks
    assert view.joules_per_terahash == looks[-1].at_most.observed
    assert len(looks) == 2
    assert looks[0].at_most.observed != looks[1].at_most.observed


def test_without_a_share_or_a_machine_at_work_there_are_no_joules_per_terahash() -> (
    None
):
    silent = running("park.1")
    silent.live(range(11, 61))
    stopped = Site("park.1", budget_w=400, fail_safe_w=0)
    stopped.live(range(1, 11))

    assert silent.control.share_checks.balances.looks[-1].at_most.observed == math.inf
    assert shown(silent, 60).joules_per_terahash is None
    assert shown(stopped).expected_joules_per_terahash is None


# machines


def test_machines_are_counted_by_how_they_are() -> None:
    site = Site("lux.1", "park.1", "park.2", "who.1", "who.2")
    site.live(range(1, 3))
    control = site.control
    control.table.command_one(site.machine(3), 0, later(3))
    control.table.set_responsive(site.machine(4), is_responsive=False)
    control.alarms.holds(AlarmName.HASHES_ON, "test", {}, later(3), "a")
    for key in "bc":
        control.alarms.holds(AlarmName.SILENT, "test", {}, later(3), key)
    site.report(3, left=[5])

    late = shown(site, 3 + ABSENT_AFTER).machines

    assert late == MachineCounts(
        total=5,
        connected=4,
        running=4,
        unknown=2,
        unresponsive=1,
        parked_only=4,
        absent=1,
        under_way=len(control.actuations),
        silent=2,
        hashing_on=1,
    )
    assert late.under_way > 0
    assert shown(site, 3).machines.absent == 0


def test_a_machine_at_a_lower_level_runs() -> None:
    site = running("lux.1")
    site.control.table.command_one(site.machine(1), 1, later(10))

    assert shown(site).machines.running == 1
    assert listed(site)[0].told_w == 2023.0


def test_a_machine_is_shown_as_it_is_told_says_and_proves() -> None:
    site = running("lux.1")
    machine = site.machine(1)
    machine.power_w = Watts(3100.0)
    site.control.table.fleet.debt_h[0] = 2.5
    machine.hashing.owe(HashesPerSecond(104e12), Seconds(10.0))
    share(site, 10, 1, shares=4)

    (view,) = listed(site)

    assert (view.machine, view.worker) == ("10.0.0.1", "lux.1")
    assert (view.model, view.tenant) == ("Antminer S19j Pro", None)
    assert (view.held_by, view.told_w, view.power_w) == ("tuned", 3068.0, 3100.0)
    assert (view.api, view.fault) == ("obeys", "")
    assert view.debt_h == 2.5
    assert isinstance(view.hashrate, HashView)
    assert view.hashrate.shares == 4


def test_machines_are_found_by_worker_and_a_page_at_a_time() -> None:
    site = Site()
    count = 2 * MACHINES_A_PAGE + 1
    site.report(
        0,
        joined=[
            Joined(n, f"park.{n % 2}.{n}", f"10.{n >> 8}.{n & 255}.1", is_parked=True)
            for n in range(count)
        ],
    )
    site.tick(1)

    def page(number: int, workers: str = "*") -> list[str]:
        return [m.worker for m in machines(site.control, later(1), workers, number)]

    assert MACHINES_A_PAGE == 1000
    assert page(0) == [f"park.{n % 2}.{n}" for n in range(1000)]
    assert page(1) == [f"park.{n % 2}.{n}" for n in range(1000, 2000)]
    assert page(2) == ["park.0.2000"]
    assert page(3) == []
    assert page(0, "park.1.*") == [f"park.1.{n}" for n in range(1, 2000, 2)]


# the state of a machine: the first that is true


def settled() -> Site:
    """Return a machine that runs, no command under way."""
    site = running("park.1")
    site.live(range(11, 100))
    return site


def test_a_machine_whose_command_is_not_over_is_under_way_else_it_runs() -> None:
    site = Site("park.1")
    site.live(range(1, 3))

    assert state(site, 2) == "under way"
    assert state(settled(), 99) == "running"


def test_a_machine_that_was_told_to_stop_and_did_is_stopped() -> None:
    site = settled()
    site.order(400.0, at=99)

    site.live(range(100, 300))

    assert state(site, 299) == "stopped"


def test_a_machine_at_work_of_which_no_share_came_is_silent() -> None:
    site = settled()
    site.machine(1).hashing.missed = 14.0

    assert state(site, 99) == "silent"
    site.control.table.command_one(site.machine(1), 0, later(99))
    assert state(site, 99) == "stopped", "none is expected"


def test_a_stopped_machine_of_which_shares_come_hashes_on() -> None:
    site = settled()
    site.machine(1).hashing.strays = 2

    assert state(site, 99) == "running"
    site.control.table.command_one(site.machine(1), 0, later(99))
    assert state(site, 99) == "hashes on"


def test_a_machine_that_is_gone_is_absent_and_one_that_failed_is_unresponsive() -> None:
    site = settled()
    machine = site.machine(1)
    site.report(99, left=[1])

    assert state(site, 99 + ABSENT_AFTER - 1) == "running"
    assert state(site, 99 + ABSENT_AFTER) == "absent"
    site.control.table.set_responsive(machine, is_responsive=False)
    assert state(site, 99 + ABSENT_AFTER) == "unresponsive"


# what a plan would do


def dry(site: Site, watts: float, at: float) -> PlanView:
    view = dry_run(site.control, Watts(watts), later(at))
    assert view is not None
    return view


def test_a_dry_run_lists_each_step_and_their_sum_and_does_nothing() -> None:
    site = running(*(f"park.{n}" for n in range(20)))
    site.live(range(11, 1000))
    events, level = len(site.done.events), site.control.table.fleet.level.copy()

    view = dry(site, 68_000.0, 999)

    count = len(view.steps)
    assert count > 0
    assert (view.site, view.budget_w, view.more) == ("hall-a", 68_000.0, 0)
    assert view.watts == pytest.approx(-3150.0 * count)
    assert view.hash_hs == pytest.approx(-200e12 * count)
    assert view.cap_hs == pytest.approx(200e12 * (20 - count))
    (first, *_) = view.steps
    assert (first.worker[:5], first.model) == ("park.", "Antminer S21")
    assert first.machine.endswith(first.worker)
    assert (first.before_w, first.after_w, first.hash_hs) == (3500.0, 350.0, -200e12)
    assert first.reason == "the lowest class that runs goes first, worst J/TH in it"
    site.control.drain()
    assert len(site.done.events) == events
    assert site.control.table.fleet.level.tolist() == level.tolist()


def test_a_dry_run_keeps_the_guard_and_the_auxiliary_load_as_the_site_would() -> None:
    site = running(*(f"park.{n}" for n in range(20)), aux_w=2000, aux_share=0.1)
    site.live(range(11, 1000))

    view = dry(site, 60_000.0, 999)
    site.order(60_000.0, at=999.5)
    site.tick(1000)

    fleet, cap = site.control.table.fleet, site.control.cap
    assert cap is not None
    assert cap.guard == pytest.approx(3500.0 / 60_000.0)
    allowed = (60_000.0 * (1.0 - cap.guard) - 2000.0) / 1.1 / cap.bias
    left_w = 20 * 3500.0 + view.watts
    assert allowed - 3150.0 < left_w <= allowed
    assert left_w == pytest.approx(fleet.target_w.sum())


def test_a_dry_run_keeps_a_hundredth_of_a_large_site_free_that_nothing_measures() -> (
    None
):
    site = running(*(f"park.{n}" for n in range(200)), budget_w=700_000)
    site.live(range(11, 1000))
    before_w = site.control.table.fleet.target_w.sum()

    view = dry(site, 600_000.0, 999)
    site.order(600_000.0, at=999.5)
    site.tick(1000)

    fleet, cap = site.control.table.fleet, site.control.cap
    assert cap is not None
    assert cap.guard == pytest.approx(0.01)
    assert view.watts == pytest.approx(fleet.target_w.sum() - before_w)


def test_a_dry_run_of_more_than_the_contract_is_one_of_the_contract() -> None:
    site = running("park.1", budget_w=5000)

    assert dry(site, 9000.0, 10).budget_w == 5000


def test_an_order_says_what_it_does_in_the_units_that_suit() -> None:
    site = running(*(f"park.{n}" for n in range(20)))
    site.live(range(11, 1000))
    view = dry(site, 68_000.0, 999)
    one = replace(view, steps=view.steps[:1], hash_hs=-2.3e5)

    assert consequence(one, Watts(68_000.0)) == ", it takes 1 machine and 230 kH/s"
    assert consequence(replace(one, more=1_499), Watts(1e10)) == (
        ", it takes 1,500 machines and 230 kH/s;"
        " no more than the contract's 68 kW is drawn"
    )
    assert consequence(replace(one, steps=[]), Watts(1.0)) == ", no machine changes"
    assert consequence(None, Watts(1.0)) == ""


def test_a_dry_run_lists_a_thousand_steps_and_counts_the_rest() -> None:
    site = Site(budget_w=9e6)
    joined = [
        Joined(n, f"park.{n}", f"10.{n >> 8}.{n & 255}.1", is_parked=False)
        for n in range(1003)
    ]
    site.report(0, joined=joined)
    site.live(range(1, 4))

    view = dry(site, 0.0, 999)

    assert len(view.steps) == 1000
    assert view.more == 3
    assert view.hash_hs == pytest.approx(-1003 * 200e12)


def test_what_the_meter_shows_is_in_the_bias_of_a_dry_run() -> None:
    site = running(*(f"park.{n}" for n in range(20)))
    site.live(range(11, 1000))
    estimate = evolve(site.control.state.estimate, bias=1.2)
    plain = dry(site, 60_000.0, 999)

    site.control.state = evolve(site.control.state, estimate=estimate)

    assert len(dry(site, 60_000.0, 999).steps) > len(plain.steps)
    assert site.machine(1).mode is Mode.PARKED
    assert wall(0) == AT
