"""Which machine a connection belongs to, and how it counts."""

import math

import numpy as np
import pytest

from protocol.units import Seconds, Watts
from proxy.config import FleetConfig, SiteConfig
from proxy.power.machines.absence import FORGOTTEN_AFTER
from proxy.power.machines.describer import unknown_models
from proxy.power.machines.fleet import UNMANAGED
from proxy.power.machines.kinds import Mode
from proxy.power.machines.machine import ABSENT_AFTER, Saved
from proxy.power.machines.proven import working_share
from tests.unit.power.tables import NOW, POWER, a_table, join, later


def test_the_first_row_that_fits_describes_a_machine() -> None:
    table = a_table()

    assert join(table, 1, "lux.1").kind.name == "Antminer S19j Pro"
    assert join(table, 2, "park.1").kind.name == "Antminer S21"
    assert join(table, 3, "x", "10.9.3.4").kind.name == "Antminer S9"
    stranger = join(table, 4, "x", "10.8.0.1")

    assert stranger.kind.priority == UNMANAGED
    assert table.fleet.full_w[stranger.row] == POWER.unknown_w
    assert table.fleet.level_h[2].max() == pytest.approx(13.5e12 * 0.5)


def test_a_machine_never_seen_counts_at_full_power() -> None:
    table = a_table()
    machine = join(table, 1, "park.1")
    full = table.fleet.full_w[machine.row]

    assert table.fleet.committed_w(NOW)[0] == full
    assert table.fleet.committed_w(later(134))[0] == full


def test_a_new_machine_counts_as_running_when_a_plan_is_made() -> None:
    table = a_table()
    machine = join(table, 1, "park.1")

    assert table.adopt(NOW) == [machine]
    assert table.level_of(machine) == machine.top
    assert table.adopt(NOW) == [], "once"


def test_a_reconnect_is_the_same_machine_and_counts_on_as_commanded() -> None:
    table = a_table()
    machine = join(table, 1, "park.1")
    table.command(table.fleet.top, NOW)
    table.leave(1, NOW)
    table.mind_absent(later(60))

    again = join(table, 2, "park.1")

    assert again is machine
    assert table.level_of(machine) == 1
    assert machine.gone_at is None


def test_a_machine_that_stays_away_is_set_aside_and_may_work_when_back() -> None:
    table = a_table()
    machine = join(table, 1, "park.1")
    table.command(table.fleet.top, NOW)
    table.leave(1, NOW)
    table.mind_absent(later(ABSENT_AFTER))
    away = table.fleet.switched_at[0]
    join(table, 2, "park.1")
    table.mind_absent(later(ABSENT_AFTER + 1))

    assert away == math.inf, "the plan must not wake what is not there"
    assert table.level_of(machine) == 0
    assert table.fleet.switched_at[0] == -math.inf


def test_a_machine_away_for_an_hour_is_forgotten() -> None:
    table = a_table()
    join(table, 1, "park.1")
    stays = join(table, 2, "park.2", "10.0.0.2")
    table.leave(1, NOW)

    _, gone = table.mind_absent(later(FORGOTTEN_AFTER))

    assert [m.worker for m in gone] == ["park.1"]
    assert len(table.fleet) == 1
    assert stays.row == 0
    assert table.find(gone[0].key) is None


def test_connections_of_one_worker_from_a_devices_address_are_that_machine() -> None:
    table = a_table()
    machine = join(table, 1, "lux.1", is_parked=False)
    machine.heard_at = NOW

    assert join(table, 2, "lux.1", is_parked=False) is machine
    assert len(table.fleet) == 1
    table.leave(1, NOW)
    assert machine.gone_at is None, "its newest one is there"
    table.leave(2, NOW)
    assert machine.gone_at == NOW


def test_connections_of_a_machine_without_an_api_are_machines_each() -> None:
    table = a_table()

    assert join(table, 1, "park.1") is not join(table, 2, "park.1")


def test_several_workers_at_one_address_are_several_machines() -> None:
    table = a_table()
    machines = [join(table, n, f"lux.{n}") for n in range(1, 4)]

    assert [m.has_api for m in machines] == [True, False, False]
    assert len(table.fleet) == 3
    assert len({m.key for m in machines}) == 3


def test_a_silent_device_counts_at_full_power() -> None:
    table = a_table()
    machine = join(table, 1, "lux.1")

    table.set_responsive(machine, is_responsive=False)

    assert table.fleet.committed_w(later(1000))[0] == table.fleet.full_w[0]


def test_sleep_by_device_api_draws_less_and_is_quicker_than_parking() -> None:
    table = a_table()
    machine = join(table, 1, "lux.1")
    asleep_w = table.fleet.level_w[0, 0]
    assert table.fleet.t_down[0] < 30

    table.set_mode(machine, Mode.PARKED)

    assert table.fleet.level_w[0, 0] > asleep_w
    assert table.fleet.t_down[0] == 135


def test_full_speed_stays_full_speed_in_every_mode() -> None:
    table = a_table()
    machine = join(table, 1, "lux.1")
    table.command(table.fleet.top, NOW)
    full = table.fleet.target_w[0]

    for mode in (Mode.SWITCHED, Mode.PARKED, Mode.TUNED):
        table.set_mode(machine, mode)
        assert table.fleet.target_w[0] == full, mode


def test_a_restart_finds_machines_as_they_were_commanded() -> None:
    table = a_table()
    table.restore(
        [
            Saved("10.0.0.1", "10.0.0.1", "lux.1", True, 500.0),
            Saved("10.0.0.2", "10.0.0.2", "lux.2", False, 500.0),
            Saved("10.0.0.3 park.3", "10.0.0.3", "park.3", False, 100.0),
        ],
        NOW,
    )
    fleet = table.fleet

    assert fleet.committed_w(NOW)[0] == fleet.full_w[0]
    assert fleet.committed_w(NOW)[1] == fleet.level_w[1, 0], "asleep for long"
    assert fleet.committed_w(NOW)[2] == fleet.full_w[2], "parked 100 s ago"
    assert fleet.committed_w(later(36))[2] == fleet.level_w[2, 0]


def test_a_restart_finds_what_machines_are_owed() -> None:
    table = a_table()

    table.restore(
        [
            Saved("10.0.0.1", "10.0.0.1", "lux.1", True, 9.0, 2.5, 3.0),
            Saved("10.0.0.2", "10.0.0.2", "lux.2", False, 9.0, 7.0, 1.0),
        ],
        NOW,
    )

    assert table.fleet.debt_h.tolist() == [2.5, 7.0]
    assert table.fleet.cycles.tolist() == [3.0, 1.0]
    assert table.debts() == []


def test_only_debts_that_have_grown_are_told_and_told_once() -> None:
    table = a_table()
    on, off = (join(table, n, f"lux.{n}", f"10.0.0.{n}") for n in (1, 2))
    table.command_one(on, on.top, NOW)

    table.age(Seconds(1800.0))

    (debt,) = table.debts()
    full, rest = off.kind.full_w, off.variant.points[0][1]
    assert debt.key == off.key
    assert debt.hours == pytest.approx(0.5 * (full - rest) / full)
    assert table.debts() == []


def test_shares_of_the_last_minute_prove_which_running_machines_work() -> None:
    table = a_table()
    assert working_share(table.fleet, table.machines, NOW) == 0.0
    one, two = join(table, 1, "park.1"), join(table, 2, "park.2", "10.0.0.2")
    asleep = join(table, 3, "park.3", "10.0.0.3")
    assert working_share(table.fleet, table.machines, NOW) == 0.0, "none runs"
    table.command(np.array([1, 1, 0]), NOW)

    one.hashed_at = asleep.hashed_at = NOW
    two.hashed_at = later(1)

    assert working_share(table.fleet, table.machines, later(59)) == 1.0
    assert working_share(table.fleet, table.machines, later(60)) == 0.5
    assert working_share(table.fleet, table.machines, later(61)) == 0.0


def test_a_model_that_nobody_knows_is_named_with_its_key() -> None:

    row = FleetConfig(workers="*", model="Antminer S99")
    site = SiteConfig(name="a", listen=("tcp:1",), sources=["p"], fleet=(row,))

    (said,) = unknown_models([site])
    assert said.startswith("no model 'Antminer S99'")
    assert said.endswith(" - at `$.sites[0].fleet[0].model`")


def test_what_happens_to_one_machine_changes_its_row_in_place() -> None:
    table = a_table()
    machines = [join(table, n, f"lux.{n}", f"10.0.0.{n}") for n in range(1, 4)]
    fleet, levels = table.fleet, table.fleet.level_w

    table.set_mode(machines[0], Mode.PARKED)
    table.set_responsive(machines[1], is_responsive=False)
    table.note_found(machines[2], Watts(2500.0))
    table.command_one(machines[1], 1, NOW)
    table.fall_from_full(machines[2], later(5))

    assert table.fleet is fleet
    assert table.fleet.level_w is levels
    assert levels[0].max() == machines[0].kind.full_w
    assert fleet.responsive.tolist() == [True, False, True]
    assert levels[2].max() == 2500.0


def test_levels_that_are_commanded_are_not_shared_with_who_commands_them() -> None:
    table = a_table()
    machine = join(table, 1, "lux.1")
    levels = table.fleet.top.copy()
    table.command(levels, NOW)

    table.command_one(machine, 0, NOW)

    assert levels.tolist() == [machine.top]


def test_one_that_obeys_again_may_have_been_off_until_it_was_told_to_run() -> None:
    table = a_table()
    machine = join(table, 1, "lux.1")
    table.set_responsive(machine, is_responsive=False)
    table.command_one(machine, machine.top, NOW)

    table.set_responsive(machine, is_responsive=True)

    least, most = table.fleet.drawn_w(later(10.0))
    assert (least, most) == (table.fleet.level_w[0, 0], table.fleet.full_w[0])


def test_a_new_machine_never_seen_at_work_is_cold_when_no_plan_lets_it_run() -> None:
    table = a_table()
    unseen, seen, runs = (join(table, n, f"park.{n}", f"10.0.0.{n}") for n in (1, 2, 3))
    seen.hashed_at = NOW
    new = table.adopt(NOW)
    level = table.fleet.top.copy()
    level[[unseen.row, seen.row]] = 0

    table.command(level, NOW, new)

    assert table.fleet.cold.tolist() == [True, False, False]
    assert table.level_of(runs) > 0
    table.command_one(unseen, unseen.top, NOW)
    assert not table.fleet.cold.any()
