"""What the fleet rows make of a machine, and when one is away."""

import math

import numpy as np
import pytest

from protocol.units import HashesPerSecond, Seconds, Watts
from proxy.config import FleetConfig, PowerConfig
from proxy.power.machines.describer import Describer
from proxy.power.machines.fleet import UNMANAGED
from proxy.power.machines.kinds import FleetKind, Mode, Variant
from proxy.power.machines.machine import ABSENT_AFTER, Machine

POWER = PowerConfig(budget_w=100_000, fail_safe_w=10_000, unknown_w=4000)
NOW = Seconds(1000.0)


def kind_of(worker: str, address: str, *rows: FleetConfig) -> FleetKind:
    return Describer.of(POWER, rows).kind_of(worker, address)


def tuned_row(**changes: object) -> FleetConfig:
    row = {"workers": "*", "model": "Antminer S21", "control": "pyasic"}
    return FleetConfig(**(row | changes))  # type: ignore[arg-type]


def a_machine(**changes: object) -> Machine:
    kind = kind_of("w", "10.0.0.1", tuned_row())
    machine = Machine("10.0.0.1", "10.0.0.1", "w", kind, kind.first_mode, 0)
    for name, value in changes.items():
        setattr(machine, name, value)
    return machine


def test_a_machine_with_a_device_api_is_held_in_three_ways() -> None:
    kind = kind_of("w", "10.0.0.1", tuned_row(priority=3, tenant="acme"))

    assert (kind.name, kind.priority, kind.tenant) == ("Antminer S21", 3, "acme")
    assert kind.has_api
    assert kind.is_known
    assert kind.first_mode is Mode.TUNED
    assert kind.variants == {  # of the catalogue: down in 5 s, up in 35 s, 3 s of lag
        Mode.PARKED: Variant(
            (
                (HashesPerSecond(0.0), Watts(350)),
                (HashesPerSecond(200e12), Watts(3500)),
            ),
            Seconds(135.0),
            Seconds(30.0),
        ),
        Mode.TUNED: Variant(
            (
                (HashesPerSecond(0.0), Watts(25)),
                (HashesPerSecond(145e12), Watts(2308)),
                (HashesPerSecond(163.3e12), Watts(2685)),
                (HashesPerSecond(181.7e12), Watts(3082)),
                (HashesPerSecond(200e12), Watts(3500)),
            ),
            Seconds(8.0),
            Seconds(38.0),
        ),
        Mode.SWITCHED: Variant(
            ((HashesPerSecond(0.0), Watts(25)), (HashesPerSecond(200e12), Watts(3500))),
            Seconds(8.0),
            Seconds(38.0),
        ),
    }


def test_a_machine_without_a_device_api_is_only_parked() -> None:
    kind = kind_of("w", "10.0.0.1", tuned_row(control="stratum"))

    assert not kind.has_api
    assert kind.is_known
    assert kind.first_mode is Mode.PARKED
    assert set(kind.variants) == {Mode.PARKED}
    assert [kind.idle_w, kind.full_w] == [350.0, 3500.0]


def test_the_scale_of_a_simulated_fleet_is_of_its_hashes_not_of_its_watts() -> None:
    whole, small = (
        kind_of("w", "10.0.0.1", tuned_row(hash_scale=s)) for s in (1.0, 1e-6)
    )

    for mode, variant in small.variants.items():
        of_whole = [(h * 1e-6, w) for h, w in whole.variants[mode].points]
        assert np.array(variant.points) == pytest.approx(np.array(of_whole))


def test_a_machine_that_no_row_describes_counts_in_watts_and_promises_no_hash() -> None:
    kind = kind_of("w", "10.0.0.1")

    assert (kind.name, kind.tenant, kind.priority) == ("unknown", None, UNMANAGED)
    assert not kind.has_api
    assert not kind.is_known
    assert kind.variants == {
        Mode.PARKED: Variant(
            ((HashesPerSecond(0.0), Watts(400.0)), (HashesPerSecond(0.0), Watts(4000))),
            Seconds(135.0),
            Seconds(30.0),
        )
    }


def test_a_row_fits_by_worker_or_by_address_and_letter_case_counts() -> None:
    by_worker = FleetConfig(workers="lux.*", model="Antminer S21")
    by_address = FleetConfig(addresses="10.9.0.0/16", model="Antminer S9")

    def name(worker: str, address: str) -> str:
        return kind_of(worker, address, by_worker, by_address).name

    assert name("lux.1", "10.9.0.1") == "Antminer S21"
    assert name("Lux.1", "10.9.0.1") == "Antminer S9"
    assert name("x", "10.10.0.1") == "unknown"
    assert name("x", "") == "unknown", "a Unix socket"


@pytest.mark.parametrize(
    ("silent_s", "gone_s", "is_absent"),
    [
        (ABSENT_AFTER, ABSENT_AFTER, True),
        (ABSENT_AFTER - 1, ABSENT_AFTER, False),  # its device API answers
        (ABSENT_AFTER, ABSENT_AFTER - 1, False),  # it may be at its last job
        (math.inf, ABSENT_AFTER, True),
    ],
)
def test_a_machine_is_absent_once_neither_connected_nor_reachable(
    silent_s: float, gone_s: float, *, is_absent: bool
) -> None:
    machine = a_machine(heard_at=NOW - silent_s, gone_at=NOW - gone_s)

    assert machine.is_absent(NOW) is is_absent

    machine.miners[1] = True
    assert not machine.is_absent(NOW), "connected"


def test_a_machine_that_never_left_is_not_absent() -> None:
    assert not a_machine().is_absent(NOW)


def test_what_a_device_said_does_not_make_a_parked_machine_present() -> None:
    kind = kind_of("w", "10.0.0.1", tuned_row(control="stratum"))
    machine = Machine("k", "10.0.0.1", "w", kind, kind.first_mode, 0, heard_at=NOW)
    machine.gone_at = Seconds(NOW - ABSENT_AFTER)

    assert machine.is_absent(NOW)


def test_one_connection_with_jobs_is_enough_to_be_supplied() -> None:
    machine = a_machine(miners={1: True, 2: False})
    assert machine.has_jobs
    assert not machine.is_supplied, "no source has work"

    machine.hashing.difficulty = 1.0
    assert machine.is_supplied

    machine.miners[2] = True
    assert not machine.has_jobs
    assert not machine.is_supplied
