"""Machines that an operator holds off by hand: no budget wakes them."""

from pathlib import Path

import numpy as np
import pytest
from attrs import evolve

from protocol.units import Seconds
from proxy.power.actuation.held_off import SLICE, HeldOff
from proxy.power.evidence.energy import draws
from proxy.power.journal.effects import Verb
from proxy.power.journal.outbox import SiteOutbox
from proxy.power.link.messages import Joined
from proxy.power.machines.fleet import Fleet
from proxy.power.machines.holds import MAX_HOLDS, NONE_HELD, Holds
from proxy.power.machines.machine import Saved
from proxy.power.machines.table import Table
from proxy.power.planner.params import PlanParams
from proxy.power.planner.plan import Urgency, plan
from proxy.power.planner.steps import Reason
from proxy.power.views.at_rest import why_at_rest
from proxy.power.views.show import machines
from tests.fakes.power_site import connected
from tests.unit.power.fleets import NOW, fleet, grant, machine
from tests.unit.power.sites import Site, wall
from tests.unit.power.tables import a_table, later

PARAMS = PlanParams()
ONE = machine(1000.0, 30.0)


@pytest.mark.parametrize(
    ("pattern", "is_held"),
    [
        ("rack-a.7", True),
        ("rack-a.*", True),
        ("10.0.0.7", True),
        ("10.0.0.7 rack-a.7", True),
        ("10.0.0.*", True),
        ("*", True),
        ("rack-a", False),
        ("RACK-A.7", False),
        ("10.0.0.7 *.8", False),
    ],
)
def test_a_machine_is_known_by_worker_address_or_both(
    pattern: str,
    is_held: bool,  # noqa: FBT001
) -> None:
    found = Holds(["rack-b.*", "other", pattern]).pattern_of("rack-a.7", "10.0.0.7")

    assert found == (pattern if is_held else "")
    assert NONE_HELD.pattern_of("rack-a.7", "10.0.0.7") == ""


def test_all_holds_are_one_look_and_the_one_that_holds_is_told() -> None:
    names = [f"10.0.0.{n}" for n in range(MAX_HOLDS // 2)]
    globs = [f"rack-{n}.*" for n in range(MAX_HOLDS // 2)]
    holds = Holds([*names, *globs])

    assert holds.pattern_of("rack-77.5", "10.0.0.200") == "rack-77.*"
    assert holds.pattern_of("x", "10.0.0.99") == "10.0.0.99"
    assert not holds.holds("rack-200.5", "10.0.0.200")
    assert Holds(["[a-c]*", "[!a-c]?"]).pattern_of("d1", "10.0.0.1") == "[!a-c]?"


def held(made: Fleet, *rows: int) -> Fleet:
    column = np.zeros(len(made), dtype=np.bool_)
    column[list(rows)] = True
    return evolve(made, held=column)


@pytest.mark.parametrize("urgency", list(Urgency))
def test_what_is_held_sleeps_whatever_the_budget(urgency: Urgency) -> None:
    planned = plan(grant(1e6), held(fleet(ONE, ONE), 1), NOW, PARAMS, urgency)

    assert planned.level[1] == 0
    assert planned.reason[1] == Reason.HELD


def test_what_is_held_counts_before_others_are_shed() -> None:
    planned = plan(grant(2000.0), held(fleet(ONE, ONE, ONE), 0), NOW, PARAMS)

    assert planned.level.tolist() == [0, 1, 1]


def test_its_watts_are_given_to_nobody_before_they_are_free() -> None:
    made = fleet(ONE, ONE, t_down=135.0)
    asleep = evolve(made, level=np.array([1, 0]), from_w=np.array([1000.0, 0.0]))

    planned = plan(grant(1000.0), held(asleep, 0), NOW, PARAMS)

    assert planned.level.tolist() == [0, 0]


def test_what_is_held_is_neither_woken_nor_rotated_for_nor_owed() -> None:
    off = held(fleet(ONE, ONE, running=False), 0)
    assert plan(grant(1e6), off, NOW, PARAMS).level.tolist() == [0, 1]

    lasting = held(fleet(ONE, ONE), 0)
    lasting = evolve(lasting, level=np.array([0, 1]), debt_h=np.array([99.0, 0.0]))
    assert plan(grant(1000.0), lasting, NOW, PARAMS).level.tolist() == [0, 1]
    assert lasting.aged(Seconds(3600.0)).debt_h.tolist() == [99.0, 0.0]


def test_an_unresponsive_one_is_not_tried_again() -> None:
    deaf = held(fleet(ONE, running=False), 0)
    deaf = evolve(deaf, responsive=np.array([False]))

    assert plan(grant(1e6), deaf, NOW, PARAMS).level.tolist() == [0]


def test_why_machines_rest_names_those_held_by_hand() -> None:
    off = held(fleet(ONE, ONE, running=False), 0)

    assert why_at_rest(off, PARAMS, NOW) == (
        "2 machines rest: 1 find no room in the budget, 1 are parked by hand"
    )


def working(*workers: str) -> Site:
    site = Site(*workers)
    site.live(range(1, 8))
    assert sorted(site.done.grant) == list(range(1, len(workers) + 1))
    return site


def test_a_hold_is_acted_on_at_once_and_written_down() -> None:
    site = working("park.1", "park.2")

    site.control.hold_off(Holds(["park.1"]), wall(8))
    assert site.control.is_urgent
    told = site.tick(8)

    assert told.park == [1]
    assert site.events("hold") == [
        ("parked by hand", {"machines": ["10.0.0.1 park.1"]})
    ]
    views = {v.worker: v.state for v in machines(site.control, later(8), "*", 0)}
    assert views == {"park.1": "held", "park.2": "under way"}


def a_hall(count: int) -> tuple[Table, HeldOff]:
    table = a_table()
    table.join([Joined(n, f"park.{n}", f"10.1.{n}", True) for n in range(count)], NOW)
    return table, HeldOff(table, SiteOutbox("hall-a"))


def test_a_large_hall_is_looked_at_in_slices_and_told_of_when_all_are() -> None:
    table, held_off = a_hall(2 * SLICE + 10)
    held_off.begin(Holds(["park.*"]))
    assert table.join([Joined(9_999, "park.new", "10.1.1", True)], NOW)[0].is_held

    ends, looked_at = [], []
    while held_off.is_behind:
        ends.append(held_off.go_on())
        looked_at.append(sum(m.is_held for m in table.machines) - 1)

    assert looked_at == [SLICE, 2 * SLICE, 2 * SLICE + 10]
    assert ends == [False, False, True]


def test_a_machine_that_is_forgotten_meanwhile_is_passed_over() -> None:
    table, held_off = a_hall(SLICE + 2)
    held_off.begin(Holds(["park.*"]))
    held_off.go_on()
    table.leave(SLICE, NOW)
    table.forget([table.machines[SLICE]])
    held_off.go_on()

    assert [bool(held) for held in table.fleet.held] == [True] * (SLICE + 1)


def test_what_a_restart_finds_is_held_from_the_first_look() -> None:
    table = a_table()
    table.holds = Holds(["park.1"])

    saved = [("park.1", True), ("park.2", False)]
    table.restore([Saved(w, w, w, True, 0.0) for w, _ in saved], NOW)

    assert table.fleet.held.tolist() == [is_held for _, is_held in saved]


def test_only_the_end_of_the_hold_lets_the_plan_wake_it() -> None:
    site = working("park.1", "park.2")
    site.control.hold_off(Holds(["park.1"]), wall(8))
    site.done.grant.clear()
    site.live(range(8, 1500))
    assert site.done.grant == []

    site.control.hold_off(NONE_HELD, wall(1500))
    site.live(range(1500, 1520))

    assert site.done.grant == [1]
    assert site.events("hold")[-1] == (
        "parked by hand no more",
        {"machines": ["10.0.0.1 park.1"]},
    )


def test_one_that_comes_later_is_held_too() -> None:
    site = working("park.1")
    site.control.hold_off(Holds(["park.2"]), wall(8))
    site.join("park.2", at=9)
    site.live(range(9, 30))

    assert 2 not in site.done.grant


def test_a_hold_that_changes_nothing_is_no_event() -> None:
    site = working("park.1")
    site.control.hold_off(Holds(["nobody"]), wall(8))

    assert site.events("hold") == []
    assert not site.control.is_urgent


def test_what_is_held_is_not_curtailed() -> None:
    site = working("park.1", "park.2")
    site.control.hold_off(Holds(["park.1"]), wall(8))
    site.live(range(8, 300))

    assert draws(site.control.table, 1.0, later(300))[""].curtailed_w == 0.0


def test_a_device_is_put_to_sleep_and_stays_so_over_a_restart(tmp_path: Path) -> None:
    plant = connected(tmp_path / "c.sqlite3", count=4, budget_w=100_000.0)
    plant.run(30)
    box = next(iter(plant.boxes.values()))
    holds = Holds([box.address])
    plant.loop.hold_off(holds)
    plant.run(30)
    table = plant.loop.control.table
    first = table.find(box.address)
    assert first is not None
    assert (box.asleep, table.level_of(first)) == (True, 0)

    plant.restart()
    plant.loop.hold_off(holds)
    plant.connect()
    plant.run(700)
    assert box.asleep

    plant.loop.hold_off(NONE_HELD)
    plant.run(900)
    assert not box.asleep


def test_verbs_of_a_hold_are_those_of_any_stop() -> None:
    site = working("lux.1")
    site.control.hold_off(Holds(["lux.1"]), wall(8))

    assert [call.verb for call in site.tick(8).calls if call.is_down] == [Verb.SLEEP]
