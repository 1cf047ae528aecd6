"""The limit that a machine is found with is its top."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.units import Watts
from proxy.config import FleetConfig
from proxy.power.machines.describer import Describer
from proxy.power.machines.found import is_of_owner, topped
from proxy.power.machines.kinds import Mode
from proxy.power.machines.machine import Saved, top_ratio
from proxy.power.machines.models import find_model
from proxy.power.machines.rows import MachineRow
from proxy.power.machines.table import Table
from tests.unit.power.tables import NOW, POWER, a_table, join

S19J = find_model("Antminer S19j Pro")  # 2023, 2353, 2701 and 3068 W
POINTS = S19J.points(sleeps=True)
OWNERS, TUNED_UP = Watts(2353.0), Watts(3835.0)


@given(st.floats(0.3 * 3068, 1.6 * 3068))
def test_levels_rise_up_to_any_top(watts: float) -> None:
    points = topped(POINTS, Watts(watts))

    assert points[0] == POINTS[0]
    assert points[-1][1] == watts
    assert list(points) == sorted(points)
    assert len({w for _, w in points}) == len({h for h, _ in points}) == len(points)


@pytest.mark.parametrize(
    ("limit", "is_owners"),
    [(2353.0, True), (3835.0, True), (3068.0, False), (3000.0, False), (0.0, False),
     (100.0, False), (9000.0, False)],
)  # fmt: skip
def test_a_limit_near_the_nameplate_or_of_no_such_machine_says_nothing(
    limit: float,
    is_owners: bool,  # noqa: FBT001
) -> None:
    assert is_of_owner(Watts(limit), Watts(S19J.watts)) is is_owners


@pytest.mark.parametrize("limit", [OWNERS, TUNED_UP])
def test_a_machine_at_its_top_stays_there_when_its_limit_is_found(
    limit: Watts,
) -> None:
    table = a_table()
    machine = join(table, 1, "lux.1")
    table.adopt(NOW)

    found = table.note_found(machine, limit)

    assert found
    assert table.level_of(machine) == machine.top
    for mode in (Mode.TUNED, Mode.SWITCHED, Mode.PARKED):
        table.set_mode(machine, mode)
        assert table.fleet.target_w[machine.row] == limit, mode


def test_the_nameplate_is_the_top_where_the_row_says_so() -> None:
    row = FleetConfig(
        workers="lux.*", model="Antminer S19j Pro", control="pyasic", top="nameplate"
    )
    table = Table(Describer.of(POWER, (row,)))
    machine = join(table, 1, "lux.1")
    table.adopt(NOW)

    found = table.note_found(machine, OWNERS)

    assert not found
    assert table.fleet.target_w[machine.row] == S19J.watts


def test_a_table_knows_how_far_a_top_of_it_is_above_its_nameplate() -> None:
    table = a_table()
    one, two = (join(table, n, f"lux.{n}", f"10.0.0.{n}") for n in (1, 2))
    assert top_ratio(table.machines) == 1.0

    table.note_found(one, OWNERS)
    assert top_ratio(table.machines) == 1.0
    table.note_found(two, TUNED_UP)
    assert top_ratio(table.machines) == TUNED_UP / S19J.watts


def test_machines_of_one_limit_share_their_levels() -> None:
    table = a_table()
    one, two = (join(table, n, f"lux.{n}", f"10.0.0.{n}") for n in (1, 2))
    for machine in (one, two):
        table.note_found(machine, OWNERS)

    assert one.variant is two.variant


def test_a_restart_knows_the_top_of_a_machine_that_it_had_limited() -> None:
    table = a_table()
    machine = join(table, 1, "lux.1")
    table.note_found(machine, OWNERS)
    saved = table.saved_row(machine)

    again = a_table()
    again.restore([Saved(KEY, KEY, "lux.1", True, 5.0, found_w=saved.found_w)], NOW)

    assert saved == MachineRow(KEY, KEY, "lux.1", False, OWNERS)
    assert again.fleet.full_w[0] == OWNERS


KEY = "10.0.0.1"
