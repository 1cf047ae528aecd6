"""What a table notes of machines that come, obey, fall silent and go."""

import math

import numpy as np
import pytest

from protocol.units import Seconds
from proxy.power.link.messages import Joined
from proxy.power.machines.absence import COUNTED_FOR, FORGOTTEN_AFTER
from proxy.power.machines.kinds import Mode
from proxy.power.machines.machine import ABSENT_AFTER, Saved
from proxy.power.machines.supply import note_difficulty, note_parked
from proxy.power.planner.grow import wakeable
from tests.unit.power.tables import NOW, a_table, join, later


def test_a_machine_is_found_by_its_key_and_by_its_connection() -> None:
    table = a_table()
    device = join(table, 1, "lux.1")
    parked = join(table, 2, "park.1", "10.0.0.2")

    assert [device.key, parked.key] == ["10.0.0.1", "10.0.0.2 park.1"]
    assert table.find("10.0.0.1") is table.of_miner(1) is device
    assert table.find("10.0.0.2 park.1") is table.of_miner(2) is parked
    assert table.find("10.0.0.2") is table.of_miner(3) is None
    assert (device.address, device.worker) == ("10.0.0.1", "lux.1")


def test_connections_of_a_device_that_answers_are_one_machine() -> None:
    table = a_table()

    first = join(table, 0, "lux.1")
    first.heard_at = NOW
    others = [join(table, n, "lux.1").key for n in range(1, 5)]

    base = "10.0.0.1 lux.1"
    assert others == ["10.0.0.1", "10.0.0.1", base, f"{base} 2"]  # more are a hall


def test_connections_of_one_name_from_one_address_are_numbered() -> None:
    table = a_table()

    devices = [join(table, n, "lux.1").key for n in range(4)]
    parked = [join(table, n, "park.1").key for n in range(4, 7)]

    base = "10.0.0.1 lux.1"
    assert devices == ["10.0.0.1", base, f"{base} 2", f"{base} 3"]
    base = "10.0.0.1 park.1"
    assert parked == [base, f"{base} 2", f"{base} 3"]


def test_a_connection_that_comes_back_takes_the_place_that_is_free() -> None:
    table = a_table()
    first, second = join(table, 1, "park.1"), join(table, 2, "park.1")
    table.leave(1, NOW)

    assert join(table, 3, "park.1") is first
    assert second.miners == {2: True}


def test_only_new_machines_of_a_crowd_count_anew() -> None:
    table = a_table()
    known = join(table, 1, "park.1")
    table.adopt(NOW)
    crowd = [Joined(2, "park.1", "10.0.0.1", True), Joined(3, "x", "10.9.0.1", True)]

    table.join(crowd, later(500))

    assert [m.is_new for m in table.machines] == [False, True, True]
    assert table.fleet.changed_at.tolist() == [NOW, later(500), later(500)]
    assert not known.is_new


def test_a_machine_works_from_when_one_of_its_connections_is_given_jobs() -> None:
    table = a_table()
    machine = join(table, 1, "park.1")
    assert machine.granted_at == -math.inf, "parked"

    note_parked(machine, 1, later(5), is_parked=False)
    assert (machine.granted_at, machine.miners) == (later(5), {1: False})

    note_parked(machine, 9, later(6), is_parked=False)
    note_parked(machine, 9, later(7), is_parked=True)
    assert machine.granted_at == later(5), "it works on"

    note_parked(machine, 1, later(8), is_parked=True)
    note_parked(machine, 1, later(9), is_parked=False)
    assert machine.granted_at == later(9)


def test_a_machine_that_joins_with_jobs_works_at_once() -> None:
    assert join(a_table(), 1, "park.1", is_parked=False).granted_at == NOW


def test_work_that_comes_back_counts_from_then_a_retarget_does_not() -> None:
    table = a_table()
    machine = join(table, 1, "park.1")

    told = []
    for second, difficulty in enumerate([512.0, 1.0, 2.0, 0.0, 64.0]):
        note_difficulty(machine, difficulty, later(second))
        told.append((machine.hashing.difficulty, machine.granted_at))

    assert told == [
        (512.0, later(0)),
        (1.0, later(0)),
        (2.0, later(0)),
        (0.0, later(0)),
        (64.0, later(4)),
    ]


def test_connections_that_go_leave_nothing_behind() -> None:
    table = a_table()
    machine = join(table, 1, "park.1")
    note_parked(machine, 2, NOW, is_parked=True)

    table.leave(1, later(1))
    assert table.of_miner(1) is None
    assert machine.gone_at is None, "one is left"
    table.leave(1, later(2))
    table.leave(99, later(2))
    assert machine.miners == {2: True}


def test_when_the_proxy_is_gone_so_is_every_machine() -> None:
    table = a_table()
    machines = [join(table, n, f"park.{n}", f"10.0.0.{n}") for n in (1, 2)]

    table.leave_all(later(7))

    assert [m.gone_at for m in machines] == [later(7)] * 2
    assert [m.miners for m in machines] == [{}, {}]


def test_a_slower_level_becomes_full_speed_where_there_is_no_other() -> None:
    table = a_table()
    machine = join(table, 1, "lux.1")

    def level_in(mode: Mode, level: int) -> int:
        table.set_mode(machine, Mode.TUNED)
        table.command_one(machine, level, NOW)
        table.set_mode(machine, mode)
        return table.level_of(machine)

    assert [level_in(Mode.SWITCHED, n) for n in range(5)] == [0, 1, 1, 1, 1]
    assert [level_in(Mode.PARKED, n) for n in (0, 2)] == [0, 1]
    assert [level_in(Mode.TUNED, n) for n in (0, 2, 4)] == [0, 2, 4]

    table.set_mode(machine, Mode.SWITCHED)
    table.command_one(machine, 0, NOW)
    table.set_mode(machine, Mode.TUNED)
    assert table.level_of(machine) == 0, "asleep it stays"


def test_a_machine_that_falls_from_full_counts_so_until_it_must_be_down() -> None:
    table = a_table()
    machine = join(table, 1, "park.1")
    table.command_one(machine, 0, NOW)
    fleet = table.fleet
    assert fleet.committed_w(later(500))[0] == 350

    table.fall_from_full(machine, later(500))

    assert fleet.committed_w(later(500 + 134))[0] == 3500
    assert fleet.committed_w(later(500 + 135))[0] == 350


def test_a_restart_takes_a_sleeping_device_for_asleep_and_all_for_gone() -> None:
    table = a_table()
    saved = [
        Saved("10.0.0.1", "10.0.0.1", "lux.1", False, 9.0, 1.0),
        Saved("10.0.0.2", "10.0.0.2", "lux.2", True, 9.0),
        Saved("10.0.0.3 park.3", "10.0.0.3", "park.3", False, 9.0),
    ]

    table.restore(saved, NOW)

    asleep, running, parked = table.machines
    assert (asleep.mode, asleep.is_asleep) == (Mode.SWITCHED, True)
    assert (running.mode, running.is_asleep) == (Mode.TUNED, None)
    assert (parked.mode, parked.is_asleep) == (Mode.PARKED, None)
    assert [m.gone_at for m in table.machines] == [NOW] * 3
    assert [(m.key, m.address) for m in table.machines] == [
        (one.key, one.address) for one in saved
    ]
    assert table.fleet.changed_at.tolist() == [NOW - 9.0] * 3
    assert table.find("10.0.0.3 park.3") is join(table, 1, "park.3", "10.0.0.3")


def test_debts_are_told_with_how_often_a_machine_was_switched() -> None:
    table = a_table()
    machine = join(table, 1, "park.1")
    for level in (1, 0, 1, 0):
        table.command_one(machine, level, NOW)

    table.age(Seconds(3600.0))

    (debt,) = table.debts()
    assert debt.hours == pytest.approx(0.9)
    assert debt.cycles == pytest.approx(2.0 * math.exp(-1 / 24))


def test_a_parked_machine_that_stays_away_draws_its_idle_watts_and_is_told_once() -> (
    None
):
    table = a_table()
    machine = join(table, 1, "park.1")
    table.command(table.fleet.top, NOW)
    table.leave(1, NOW)

    assert table.mind_absent(later(ABSENT_AFTER - 1)) == ([], [])
    assert table.mind_absent(later(ABSENT_AFTER)) == ([machine], [])
    assert table.mind_absent(later(ABSENT_AFTER + 1)) == ([], [])
    assert table.fleet.committed_w(later(ABSENT_AFTER))[0] == 350
    assert table.fleet.changed_at[0] == -math.inf


def test_a_device_that_stays_away_counts_as_commanded_until_it_is_forgotten() -> None:
    table = a_table()
    device = join(table, 1, "lux.1")
    table.command(table.fleet.top, NOW)
    device.heard_at = later(100)
    table.leave(1, NOW)

    for seconds in (ABSENT_AFTER + 100, FORGOTTEN_AFTER, COUNTED_FOR + 99):
        assert table.mind_absent(later(seconds)) == ([], [])
        assert table.fleet.committed_w(later(seconds))[0] == device.kind.full_w

    assert table.mind_absent(later(COUNTED_FOR + 100)) == ([], [device])
    assert table.machines == []


def test_one_that_hashed_on_when_it_left_counts_at_full_power_until_forgotten() -> None:
    table = a_table()
    foreign = join(table, 1, "park.1")
    table.set_responsive(foreign, is_responsive=False)
    table.leave(1, NOW)

    table.mind_absent(later(ABSENT_AFTER))
    assert table.mind_absent(later(COUNTED_FOR - 1)) == ([], [])
    assert table.fleet.committed_w(later(COUNTED_FOR - 1))[0] == foreign.kind.full_w

    assert table.mind_absent(later(COUNTED_FOR)) == ([], [foreign])


def test_what_is_left_after_some_are_forgotten_keeps_its_own_columns() -> None:
    table = a_table()
    machines = [join(table, n, f"park.{n}", f"10.0.0.{n}") for n in range(4)]
    for machine in machines:
        table.fleet.debt_h[machine.row] = machine.row
    table.leave(0, NOW)
    table.leave(2, NOW)

    table.mind_absent(later(FORGOTTEN_AFTER))

    assert table.machines == [machines[1], machines[3]]
    assert [m.row for m in table.machines] == [0, 1]
    assert table.fleet.debt_h.tolist() == [1.0, 3.0]
    assert table.find("10.0.0.2 park.2") is None
    new = join(table, 9, "park.9", "10.0.0.9")
    assert (new.row, len(table.fleet)) == (2, 3)


def test_one_that_is_not_as_it_was_told_waits_out_its_minimum_times_again() -> None:
    """It woke by itself and is put to sleep: it is not picked to run right away."""
    table = a_table()
    machine = join(table, 1, "lux.1")
    table.command(np.zeros(1, dtype=np.int64), NOW, [machine])
    assert table.fleet.cold[0]

    table.found_otherwise(machine, later(300))

    fleet = table.fleet
    assert fleet.committed_w(later(301))[0] == fleet.full_w[0]
    assert not wakeable(fleet, later(419), 120.0).any()
    assert wakeable(fleet, later(420), 120.0).any()
