"""What devices say of themselves, and that a site without a meter acts on it."""

import numpy as np
import pytest

from protocol.units import Seconds, UnixTime, Watts
from proxy.power.control.cap import AuxLoad
from proxy.power.control.estimate import step
from proxy.power.control.estimate_state import Estimate, EstimateParams, Observation
from proxy.power.control.fleet_evidence import (
    BELIEVED,
    FRESH,
    NO_EVIDENCE,
    FleetEvidence,
    fleet_evidence,
)
from proxy.power.control.meter_state import MeterFault
from proxy.power.control.safety import SafetyState
from proxy.power.journal.effects import Verb
from proxy.power.machines.machine import Machine
from proxy.power.machines.table import Table
from proxy.power.orders.budget import Budget, Rule
from proxy.power.ports import DeviceReport
from tests.unit.power.fleets import fleet, machine
from tests.unit.power.sites import METER, Site, wall
from tests.unit.power.tables import NOW, a_table, join, later

FULL = 3068.0
"""Watts of an Antminer S19j Pro."""

PARAMS = EstimateParams(aux=AuxLoad(Watts(0.0), 0.0))
TEN = fleet(*[machine(100.0, 1.0)] * 10)  # 1000 W


def running(count: int = 2) -> tuple[Table, list[Machine]]:
    """Machines at full speed for long, none of which has said a word."""
    table = a_table()
    machines = [join(table, n, f"lux.{n}", f"10.0.0.{n}") for n in range(count)]
    table.command(np.array([m.top for m in machines]), Seconds(0.0))
    return table, machines


def says(machine: Machine, watts: float | None, at: float = 0.0) -> None:
    machine.heard_at = later(at)
    machine.power_w = None if watts is None else Watts(watts)


def test_what_devices_say_is_held_against_their_models() -> None:
    table, (one, two) = running()
    says(one, 3835.0)
    says(two, None)

    found = fleet_evidence(table, NOW)

    assert (found.told_w, found.model_w) == (3835.0, FULL)
    assert found.ratio == pytest.approx(1.25)
    assert found.share == 0.5


def test_only_what_was_said_lately_and_since_the_last_change_counts() -> None:
    table, (one, two) = running()
    says(one, 3835.0)
    says(two, 3835.0)

    assert fleet_evidence(table, Seconds(NOW + FRESH)).model_w == 0.0
    assert fleet_evidence(a_table(), NOW) is NO_EVIDENCE
    table.command_one(one, 0, later(10))
    says(one, 1500.0, at=30)
    says(two, FULL, at=30)
    assert fleet_evidence(table, later(60)).model_w == FULL, "it was on its way down"


def test_a_device_that_garbles_its_watts_is_believed_up_to_twice_its_model() -> None:
    table, (one, _) = running()
    says(one, 3e9)

    assert fleet_evidence(table, NOW).told_w == BELIEVED * FULL


def test_one_that_does_not_obey_counts_at_full_power_whatever_it_says() -> None:
    table, (one, _) = running()
    says(one, 20.0)
    table.set_responsive(one, is_responsive=False)

    assert fleet_evidence(table, NOW).told_w == FULL
    says(one, 3500.0)
    assert fleet_evidence(table, NOW).told_w == 3500.0


def test_machines_asleep_tell_what_they_draw_but_nothing_of_their_models() -> None:
    table, machines = running()
    table.command(np.array([0, 0]), Seconds(0.0))
    for asleep in machines:
        says(asleep, 60.0)

    found = fleet_evidence(table, NOW)

    assert (found.told_w, found.ratio, found.share) == (120.0, None, 0.0)


# what machines at work must draw


def test_machines_at_work_must_draw_what_they_say_or_their_model_if_that_is_less() -> (
    None
):
    table, (one, two) = running()
    says(one, 2500.0)
    says(two, 3500.0)

    assert fleet_evidence(table, NOW).must_w == 2500.0 + FULL
    says(two, 300.0)
    assert fleet_evidence(table, NOW).must_w == 2500.0, "it has no work"


def test_one_that_says_nothing_must_draw_what_its_shares_prove() -> None:
    table, (one, two) = running()
    one.hashed_at = two.hashed_at = NOW
    one.hashing.proven = 0.8

    assert fleet_evidence(table, NOW).must_w == pytest.approx(0.8 * FULL)
    assert fleet_evidence(table, later(60)).must_w == 0.0


# the bias of a site without a meter


def told(ratio: float, share: float = 1.0) -> FleetEvidence:
    model = 1000.0 * share
    watts = map(Watts, (0.0, ratio * model, model, ratio * model, model, 1000.0))
    return FleetEvidence(*watts)


def live(seconds: int, evidence: FleetEvidence, bias: float = 1.05) -> float:
    """Return the bias after so long of this evidence."""
    known = Estimate(Watts(1000.0), bias=bias)
    order = Budget("hall-a", Watts(1000.0), Rule.ORDER, "order 1 of cli")
    for second in range(0, seconds, 5):
        seen = Observation(
            now=later(second),
            elapsed=Seconds(5.0),
            at=UnixTime(0.0),
            look_w=None,
            evidence=evidence,
            is_metered=False,
        )
        known, _ = step(known, order, TEN, seen, PARAMS)
    return known.bias


def test_devices_are_believed_where_they_say_more_than_their_models() -> None:
    assert live(300, told(1.25)) == pytest.approx(1.25, abs=1e-3)
    assert live(300, told(0.7)) == pytest.approx(1.05, abs=1e-3)
    assert live(300, NO_EVIDENCE) == 1.05


def test_devices_that_speak_for_a_part_raise_it_by_that_part() -> None:
    assert live(300, told(1.25, share=0.5)) == pytest.approx(1.15, abs=1e-3)


def test_silence_does_not_lower_what_is_believed_and_a_few_do_not_for_all() -> None:
    assert live(3600, NO_EVIDENCE, bias=1.25) == 1.25
    assert live(3600, told(1.0, share=0.5), bias=1.25) == 1.25
    assert live(3600, told(1.0, share=0.6), bias=1.25) == pytest.approx(1.05, abs=1e-3)


# a site without a meter


def tuned(
    site: Site, seconds: range, ratio: float, reading: float | None = None
) -> None:
    """Live on; each machine obeys, and says that it draws so much of its model."""
    for second in seconds:
        site.live([second], reading)
        calls, site.done.calls = site.done.calls, []
        for call in calls:
            if call.verb is not Verb.READ:
                site.control.answered(call, None, later(second), wall(second))
        asked = {call.key for call in calls if call.verb is Verb.READ}
        for found in site.control.table.machines:
            if found.key in asked:
                report = report_of(site, found, ratio)
                site.control.reported(found.key, report, later(second), wall(second))


def report_of(site: Site, of: Machine, ratio: float) -> DeviceReport:
    fleet = site.control.table.fleet
    asleep = bool(fleet.level[of.row] == 0)
    watts = 25.0 if asleep else float(fleet.target_w[of.row]) * ratio
    return DeviceReport(is_asleep=asleep, power_w=Watts(watts))


def test_without_a_meter_what_devices_say_keeps_the_budget_and_is_an_alarm() -> None:
    site = Site(*[f"lux.{n}" for n in range(20)], budget_w=40_000)

    tuned(site, range(1, 600), 1.25)

    running_w = float(site.control.table.fleet.target_w.sum())
    assert 0.8 * 40_000 < 1.25 * running_w <= 40_000
    ((cause, body),) = site.events("alarm")
    assert cause == "devices say that they draw 1.25 of what their models have"
    assert body["alarm"] == "models_wrong"


def test_devices_that_say_what_their_models_have_are_no_alarm() -> None:
    site = Site(*[f"lux.{n}" for n in range(20)], budget_w=40_000)

    tuned(site, range(1, 300), 1.05)

    assert site.events("alarm") == []


def test_a_word_beyond_the_budget_is_acted_on_once_it_is_said() -> None:
    site = Site(*[f"lux.{n}" for n in range(10)], budget_w=33_000)
    tuned(site, range(1, 240), 1.0)
    before = site.control.table.fleet.target_w.sum()

    tuned(site, range(240, 312), 1.3)

    assert 1.3 * before > 33_000
    assert 1.3 * site.control.table.fleet.target_w.sum() <= 33_000


def test_a_meter_that_says_half_of_what_devices_draw_is_not_believed() -> None:
    site = Site(*[f"lux.{n}" for n in range(10)], budget_w=100_000, meter=METER)

    tuned(site, range(1, 400), 1.0, reading=5 * FULL)

    found = site.control.sensed
    assert found is not None
    assert found.state.meter.fault is MeterFault.LOW
    assert found.state.safety.state is SafetyState.FAILSAFE
    assert "far below" in found.state.safety.reason
