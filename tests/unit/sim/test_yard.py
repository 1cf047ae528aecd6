import pytest
from twisted.internet.testing import MemoryReactorClock

from protocol.units import Seconds
from proxy.sim.kinds import Fault, kind_of
from proxy.sim.plant import Plant, PlantOptions
from proxy.sim.plant_network import MAX_MACHINES, PlantNetwork, PoolAddress, YardOptions

S21, S9 = kind_of("Antminer S21"), kind_of("Antminer S9")
POOL = PoolAddress("10.0.0.5", 3333)
FOREIGN = PoolAddress("10.0.0.9", 443)


def a_yard(
    *kinds: object, fault: Fault | None = None, **options: object
) -> PlantNetwork:
    plant = Plant(PlantOptions(kinds=kinds), Seconds(0.0))  # type: ignore[arg-type]
    plant.faults[0] = fault
    made = YardOptions(pools=(POOL,), **options)  # type: ignore[arg-type]
    return PlantNetwork(plant, made, MemoryReactorClock())


def test_machines_have_addresses_one_after_the_other() -> None:
    network = a_yard(S21, S21, S21, first_address="127.20.0.255")

    assert network.addresses == ["127.20.0.255", "127.20.1.0", "127.20.1.1"]


def test_workers_of_one_kind_are_numbered() -> None:
    assert [m.worker for m in a_yard(S21, S21).miners] == ["rack-a.0001", "rack-a.0002"]


def test_workers_of_several_kinds_tell_which() -> None:
    network = a_yard(S21, S9, S21)

    assert [m.worker for m in network.miners] == [
        "rack-a-1.0001",
        "rack-a-2.0002",
        "rack-a-1.0003",
    ]


def test_only_a_machine_that_fails_over_has_a_foreign_slot() -> None:
    network = a_yard(S21, S21, fault=Fault.FAILS_OVER, foreign=FOREIGN)

    assert [p.url for p in network._pools_of(0)] == [POOL.url, FOREIGN.url]
    assert [p.url for p in network._pools_of(1)] == [POOL.url]


def test_a_plant_has_a_limit() -> None:
    with pytest.raises(ValueError, match="machines"):
        a_yard(*[S9] * (MAX_MACHINES + 1))
