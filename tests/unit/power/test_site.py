"""What a site's control makes of what it hears: written down, told, commanded."""

import math

import pytest

from protocol.units import Watts
from proxy.power.control.estimate_state import CONTROL_PERIOD
from proxy.power.control.step import GUARD_BACK
from proxy.power.journal.alarms import AlarmName
from proxy.power.journal.effects import Call, Learned, Verb
from proxy.power.link.messages import MinerWork
from proxy.power.machines.absence import FORGOTTEN_AFTER
from proxy.power.machines.machine import ABSENT_AFTER
from proxy.power.machines.rows import MachineRow
from proxy.power.ports import DeviceError, DeviceReport
from proxy.power.site import ROOM_FOR_NEW
from tests.unit.power.sites import AT, METER, Site, wall
from tests.unit.power.tables import later

PARK = "10.0.0.1 park.1"
"""Key of the first machine, if that is an S21 without a device API."""


def work(miner: int, shares: int = 1) -> MinerWork:
    return MinerWork(miner, shares, float(shares), float(shares), 0.0, 0.0)


# the start


def test_a_site_without_machines_starts_from_nothing_drawn() -> None:
    site = Site(aux_w=500)

    assert site.control.state.estimate.ramped_w == 0.0
    assert site.events("start") == [
        ("the controller starts", {"machines": 0, "orders": 0})
    ]
    assert site.done.events[0].at == AT
    assert site.done.events[0].site == "hall-a"


def test_what_was_learned_before_a_restart_holds_on() -> None:
    estimate = Site(learned=Learned(1.11, 1.07)).control.state.estimate

    assert (estimate.bias, estimate.reference) == (1.11, 1.07)


# orders


def test_an_order_is_written_down_and_looked_at_at_once() -> None:
    site = Site("park.1")
    site.live(range(1, 3))

    assert site.order(9000.0, at=2.5).is_taken

    ((cause, body),) = site.events("order")
    assert cause == "an order"
    assert (body["watts"], body["source"], body["seq"]) == (9000.0, "operator", 1)
    assert site.done.has_orders
    assert site.control.is_urgent
    site.tick(2.6)
    assert not site.control.is_urgent
    assert site.control.cap is not None
    assert site.control.cap.budget_w == 9000.0


def test_the_reason_of_an_order_is_its_cause() -> None:
    site = Site()

    site.order(9000.0, reason="peak")

    assert site.events("order")[0][0] == "peak"


def test_an_order_that_stands_already_changes_nothing() -> None:
    site = Site()
    site.order(9000.0)
    site.tick(1)
    site.done.has_orders = False

    assert site.order(9000.0, at=2).is_taken

    assert len(site.events("order")) == 1
    assert not site.done.has_orders
    assert not site.control.is_urgent


def test_an_order_that_is_refused_is_logged_with_why_and_nothing_else() -> None:
    site = Site()

    assert not site.order(-1.0).is_taken

    ((cause, body),) = site.events("refused")
    assert cause == "-1.0 W is not a power"
    assert body["watts"] == -1.0
    assert not site.done.has_orders
    assert not site.control.is_urgent


def test_orders_that_are_withdrawn_are_counted_written_down_and_looked_at() -> None:
    site = Site()
    site.order(9000.0)
    site.tick(1)
    site.done.has_orders = False

    assert site.control.withdraw("operator", "test", wall(2)) == 1

    site.tick(2)
    assert site.events("withdraw") == [("test", {"source": "operator", "orders": 1})]
    assert site.done.has_orders
    assert site.done.events[-2].at == wall(2), "before the new budget"


def test_a_withdrawal_of_nothing_is_none() -> None:
    site = Site()
    site.tick(1)

    assert site.control.withdraw("operator", "test", wall(2)) == 0

    assert site.events("withdraw") == []
    assert not site.control.is_urgent
    assert not site.control.drain().has_orders


# miners


def test_a_machine_is_written_down_when_it_is_first_seen() -> None:
    site = Site("park.1")
    site.join("park.2", at=5)

    assert site.events("machine") == [
        ("first seen: Antminer S21", {"machine": PARK, "worker": "park.1"}),
        (
            "first seen: Antminer S21",
            {"machine": "10.0.0.2 park.2", "worker": "park.2"},
        ),
    ]
    assert site.done.machines == [
        MachineRow(PARK, "10.0.0.1", "park.1", is_running=False),
        MachineRow("10.0.0.2 park.2", "10.0.0.2", "park.2", is_running=False),
    ]
    assert site.done.park == [1, 2]
    assert site.done.events[-1].at == wall(5)


def test_what_is_reported_of_miners_that_nobody_knows_is_dropped() -> None:
    site = Site("park.1")

    site.report(1, left=[8], parked=[(9, True)], difficulty=[(9, 4.0)], work=[work(9)])
    site.report(1, parked=[(1, False)], difficulty=[(1, 4.0)])

    assert site.machine(1).miners == {1: False}
    assert site.machine(1).hashing.difficulty == 4.0


def test_a_whole_report_ends_every_connection_before() -> None:
    site = Site("park.1", "park.2")
    first = site.machine(1)

    site.report(7, is_whole=True)

    assert first.miners == {}
    assert first.gone_at == later(7)


@pytest.mark.parametrize("runs", [True, False])
def test_a_share_shows_that_a_machine_works_whatever_it_was_told(*, runs: bool) -> None:
    site = Site("park.1")
    site.live(range(1, 3))
    if not runs:
        site.order(0.0, at=2.5)
        site.live([3])

    site.report(400, work=[work(1)])

    assert site.machine(1).hashed_at == later(400)
    assert site.machine(1).is_responsive is runs, "it should have stopped long ago"
    assert len(site.events("unresponsive")) == (0 if runs else 1)


def test_a_machine_that_stays_away_is_set_aside_then_forgotten() -> None:
    site = Site("park.1", "park.2")
    site.live(range(1, 3))
    site.control.alarms.holds(AlarmName.FOREIGN_POOL, "test", {}, later(3), PARK)
    site.report(3, left=[1])
    site.done.machines.clear()

    site.tick(3 + ABSENT_AFTER)
    assert site.events("machine")[-1] == ("absent: not connected", {"machine": PARK})
    assert site.done.machines == [
        MachineRow(PARK, "10.0.0.1", "park.1", is_running=False)
    ]
    assert site.done.forgotten == []
    site.tick(3 + FORGOTTEN_AFTER)

    assert site.events("machine")[-1] == ("forgotten", {"machine": PARK})
    assert site.done.forgotten == [PARK]
    assert site.control.alarms.of_machine(PARK) == []
    assert [m.worker for m in site.control.table.machines] == ["park.2"]


def test_the_command_to_a_machine_that_is_forgotten_is_forgotten_too() -> None:
    site = Site("park.1")
    site.live(range(1, 3))
    site.report(3, left=[1])
    machine = site.control.table.machines[0]

    site.tick(3 + FORGOTTEN_AFTER)

    assert not site.control.actuations.is_under_way(machine)


# devices


def test_what_a_device_says_is_taken_in_and_dated() -> None:
    site = Site("lux.1")
    site.live(range(1, 3))
    awake = DeviceReport(is_asleep=False, limit_w=Watts(3068.0), power_w=Watts(3000.0))
    site.control.reported("10.0.0.1", awake, later(4), wall(4))
    assert site.machine(1).power_w == 3000.0
    report = DeviceReport(is_asleep=True, limit_w=Watts(3068.0), power_w=Watts(25.0))

    site.control.reported("10.0.0.1", report, later(60), wall(60))
    site.tick(60)

    assert site.machine(1).power_w == 25.0
    calls = [c.verb for c in site.done.calls if c.verb is not Verb.READ]
    assert calls == [Verb.WAKE]
    event = [e for e in site.done.events if e.kind == "read_back"][-1]
    assert (event.at, event.cause) == (wall(60), "it is not as it was told")


def test_how_a_call_ended_is_taken_in_and_dated() -> None:
    site = Site("lux.1")
    site.live(range(1, 3))
    site.order(0.0, at=2.5)
    site.tick(3)
    (sleep,) = [c for c in site.done.calls if c.verb is Verb.SLEEP]

    site.control.answered(sleep, DeviceError("busy"), later(4), wall(4))
    site.tick(4.5)

    (event,) = [e for e in site.done.events if e.kind == "acknowledgement"]
    assert (event.at, event.cause) == (wall(4), "busy")


def test_devices_are_asked_how_they_are() -> None:
    site = Site("lux.1", "park.2")

    asked = site.tick(1).calls

    assert asked[:1] == [Call("10.0.0.1", "10.0.0.1", Verb.READ)]


# looks


def acted(site: Site, seconds: range) -> list[int]:
    """Return when the cap was made anew."""
    found, before = [], site.control.cap
    for s in seconds:
        site.tick(s)
        if site.control.cap is not before:
            found.append(s)
        before = site.control.cap
    return found


def test_a_site_is_acted_on_each_five_seconds_and_at_the_first_look() -> None:
    assert CONTROL_PERIOD == 5.0
    assert acted(Site(), range(17)) == [0, 5, 10, 15]


def test_a_site_with_machines_never_seen_is_acted_on_within_a_second() -> None:
    site = Site()
    assert acted(site, range(3)) == [0]
    site.join("park.1", at=2)

    assert acted(site, range(3, 15)) == [3, 8, 13]


def test_another_budget_is_acted_on_at_once() -> None:
    site = Site()
    acted(site, range(2))
    site.order(9000.0, at=1)
    site.control.is_urgent = False

    assert acted(site, range(2, 9)) == [2, 7]


def test_a_budget_is_logged_when_it_or_its_reason_is_another() -> None:
    site = Site()
    site.live(range(1, 4))
    site.order(9000.0, at=4)
    site.live(range(5, 8))
    site.order(9000.0, seq=2, at=8)
    site.live(range(9, 12))

    assert site.events("budget") == [
        ("contract: no order is valid", {"watts": 100_000, "rule": "contract"}),
        ("order 1 of operator", {"watts": 9000.0, "rule": "order"}),
        ("order 2 of operator", {"watts": 9000.0, "rule": "order"}),
    ]


def test_another_state_is_logged_with_both_and_why() -> None:
    site = Site()

    site.live(range(1, 9))

    body = {"before": "failsafe", "after": "normal"}
    assert site.events("state") == [("all that should speak does", body)]


# commands


def test_a_machine_is_granted_work_and_written_down_if_there_is_room() -> None:
    site = Site("park.1")
    site.done.machines.clear()

    told = site.tick(1)

    assert told.grant == [1]
    assert told.machines == [MachineRow(PARK, "10.0.0.1", "park.1", is_running=True)]
    ((cause, body),) = site.events("command")
    assert cause == ROOM_FOR_NEW
    assert (body["machine"], body["level"]) == (PARK, 1)
    assert site.events("cap") == [], "the plan changes nothing"


def test_a_machine_is_told_to_stop_if_there_is_none_and_told_why_once() -> None:
    site = Site("park.1", budget_w=3000, fail_safe_w=0)
    site.done.machines.clear()

    told = site.tick(1)

    assert told.park == [1]
    assert told.machines == [MachineRow(PARK, "10.0.0.1", "park.1", is_running=False)]
    ((cause, _),) = site.events("command")
    assert cause == "the lowest class that runs goes first, worst J/TH in it"
    ((text, cap),) = site.events("cap")
    assert text == str(site.control.cap)
    assert (cap["site"], cap["budget_w"], cap["at"]) == ("hall-a", 3000, wall(1))


def test_those_that_go_down_are_commanded_first() -> None:
    site = Site("park.1")
    site.live(range(1, 3))
    site.join("park.2", "who.1", at=3)

    site.order(12_000.0, at=3)
    site.tick(3.5)

    told = [body["level"] for _, body in site.events("command")[1:]]
    assert told == sorted(told)
    assert len(told) == 2


# what is drawn already


@pytest.mark.parametrize(
    ("budget_w", "ramped_w"), [(100_000, 50_000.0 * GUARD_BACK), (51_000, 51_000.0)]
)
def test_with_a_meter_a_ramp_begins_at_what_is_drawn_already(
    budget_w: float, ramped_w: float
) -> None:
    site = Site("park.1", meter=METER, budget_w=budget_w, ramp_up_w_per_s=0)

    site.tick(1, reading=50_000.0)

    assert site.control.state.estimate.ramped_w == pytest.approx(ramped_w)


def test_a_ramp_that_is_further_than_what_is_drawn_stays_there() -> None:
    site = Site("park.1", meter=METER, ramp_up_w_per_s=0)
    site.tick(1, reading=50_000.0)

    site.tick(6, reading=40_000.0)

    assert site.control.state.estimate.ramped_w == pytest.approx(52_500.0)


@pytest.mark.parametrize("reading", [None, math.nan])
def test_without_a_reading_a_ramp_begins_at_what_was_drawn_at_the_start(
    reading: float | None,
) -> None:
    site = Site("park.1", meter=METER, ramp_up_w_per_s=0)

    site.tick(1, reading)

    assert site.control.state.estimate.ramped_w == 0.0


# a load that no machine explains


def test_a_hidden_load_is_an_alarm_with_what_is_seen_and_what_is_explained() -> None:
    site = Site("park.1", meter=METER)

    site.live(range(1, 33), reading=20_000.0)

    ((cause, body),) = site.events("alarm")
    assert cause == "the meter sees a load that no machine explains"
    assert body["alarm"] == "hidden_load"
    assert body["meter_w"] == pytest.approx(20_000.0, abs=1.0)
    assert 3500.0 <= body["model_w"] <= 1.25 * 3500.0
    assert site.control.alarms.standing


def test_a_load_that_machines_explain_is_no_alarm() -> None:
    site = Site("park.1", meter=METER)

    site.live(range(1, 99), reading=3500.0)

    assert site.events("alarm") == []


def test_a_hidden_load_that_is_gone_for_two_minutes_is_over() -> None:
    site = Site("park.1", meter=METER)
    site.live(range(1, 40), reading=20_000.0)

    site.live(range(40, 200), reading=3500.0)

    assert len(site.events("cleared")) == 1
    assert site.control.alarms.standing == []


# what could not be written down


def test_an_order_that_is_taken_back_is_refused_in_the_log_and_rules_no_more() -> None:
    site = Site("park.1", budget_w=50_000)
    said = site.control.orders.said()
    site.order(60_000)
    taken = site.control.orders.orders

    holds = site.control.take_back(taken, said, "disk full", later(7), wall(7))

    (event,) = site.control.drain().events
    assert not holds
    assert (event.kind, event.cause, event.at) == ("refused", "disk full", wall(7))
    assert event.body["watts"] == 60_000
    assert site.control.orders.orders == ()


def test_an_order_that_lowers_holds_though_it_is_refused() -> None:
    site = Site("park.1", budget_w=50_000)
    said = site.control.orders.said()
    site.order(40_000)
    taken = site.control.orders.orders

    assert site.control.take_back(taken, said, "disk full", later(7), wall(7))
    assert site.control.orders.orders == taken
