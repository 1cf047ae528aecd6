"""Which miners are parked while nobody says what a site may draw."""

from collections.abc import Sequence

import pytest

from protocol.units import Watts
from proxy.config import FleetConfig, PowerConfig
from proxy.power.machines.describer import Describer
from proxy.power.machines.kinds import FleetKind
from proxy.supervisor.failsafe import to_park

ROWS = (
    FleetConfig(workers="firm.*", model="Antminer S21", priority=2),
    FleetConfig(workers="s21.*", model="Antminer S21"),
    FleetConfig(workers="s9.*", model="Antminer S9"),
)


def machines(
    miners: list[tuple[int, str, str]], rows: Sequence[FleetConfig], power: PowerConfig
) -> list[tuple[int, FleetKind]]:
    describer = Describer.of(power, rows)
    return [(number, describer.kind_of(name, at)) for number, name, at in miners]


def parked(fail_safe_w: float, *workers: str) -> list[str]:
    """Names of those parked; no auxiliary load, so the bias of 1.25 is all."""
    power = PowerConfig(
        budget_w=1e6, fail_safe_w=fail_safe_w, aux_w=0.0, aux_share=0.0, unknown_w=4000
    )
    miners = [(100 + n, name, f"10.0.0.{n}") for n, name in enumerate(workers)]
    found = to_park(machines(miners, ROWS, power), power, Watts(fail_safe_w), 1.0)
    return sorted(workers[miner - 100] for miner in found)


@pytest.mark.parametrize(("room", "expected"), [(1.0, []), (-1.0, ["s21.1"])])
def test_machines_within_the_fail_safe_go_on(room: float, expected: list[str]) -> None:
    limit_w = 1.25 * (3500.0 + 3500.0) + room

    assert parked(limit_w, "firm.1", "s21.1") == expected


def test_a_machine_may_draw_what_an_owner_set_above_its_nameplate() -> None:
    power = PowerConfig(budget_w=1e6, fail_safe_w=0.0, aux_w=0.0, aux_share=0.0)
    known = machines([(1, "s21.1", ""), (2, "s21.2", "")], ROWS, power)
    most_w = 1.25 * 1.6 * (3500.0 + 3500.0)

    assert to_park(known, power, Watts(most_w + 1.0), 1.6) == []
    assert len(to_park(known, power, Watts(most_w - 1.0), 1.6)) == 1


def test_strangers_go_first_then_the_lowest_class_and_the_worst_in_it() -> None:
    workers = "firm.1", "s21.1", "s9.1", "stranger"  # 3500, 3500, 1323, 4000 W

    assert parked(1.25 * 9000, *workers) == ["stranger"]
    assert parked(1.25 * 8400, *workers) == ["s9.1", "stranger"]
    assert parked(1.25 * 5000, *workers) == ["s21.1", "s9.1", "stranger"]


def test_a_parked_machine_still_draws_its_idle_watts() -> None:
    assert parked(1.25 * 3850, "s21.1", "s21.2") == ["s21.1"]
    assert parked(1.25 * 3849, "s21.1", "s21.2") == ["s21.1", "s21.2"]


def test_a_fail_safe_of_nothing_parks_all_and_none_are_none() -> None:
    assert parked(0.0, "firm.1", "s21.1") == ["firm.1", "s21.1"]
    assert parked(0.0) == []


def test_a_machine_is_described_by_its_address_too() -> None:
    row = FleetConfig(addresses="10.9.0.0/16", model="Antminer S9")
    power = PowerConfig(budget_w=1e6, fail_safe_w=1250.0, aux_w=0.0, aux_share=0.0)
    miners = [(1, "a", "10.9.0.1"), (2, "b", "10.8.0.1")]
    known = machines(miners, [row], power)

    assert to_park(known[:1], power, Watts(1250.0), 1.0) == [1]
    assert to_park(known, power, Watts(1250.0), 1.0) == [1, 2]
    assert to_park(known[:1], power, Watts(2200.0), 1.0) == []
    assert to_park(known, power, Watts(2200.0), 1.0) == [2]
