"""The demo's hall: several makers, each machine described as it is."""

from fnmatch import fnmatchcase
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.task import Clock

from protocol.units import Seconds
from proxy.demo.config import Ports, demo_config
from proxy.demo.hall import HALL, WORKERS, contract_of, kinds_of
from proxy.jobs.schedule import REFRESH_AFTER
from proxy.power.machines.models import find_model
from proxy.sim.plant import Plant, PlantOptions
from proxy.sim.plant_network import PlantNetwork, YardOptions

NODE: Any = SimpleNamespace(
    rpc_url="http://127.0.0.1:1", cookie_file="c", zmq_url="tcp://127.0.0.1:2"
)


@pytest.mark.parametrize("miners", [1, 2, 5, 6, 40, 200])
def test_each_machine_is_described_by_the_one_row_of_its_model(
    miners: int, tmp_path: Path
) -> None:
    kinds = kinds_of(miners)
    network = PlantNetwork(
        Plant(PlantOptions(kinds), Seconds(0.0)), YardOptions(worker=WORKERS), Clock()
    )
    config = demo_config(tmp_path, NODE, miners, Ports(1, 2, 3, 4), "0" * 32)

    for row, kind in enumerate(kinds):
        worker = network.worker(row)
        (found,) = [
            one
            for one in config.sites[0].fleet
            if fnmatchcase(worker, one.workers or "")
        ]
        assert found.model == kind.model.name


def test_makers_differ_and_so_does_how_they_are_held() -> None:
    kinds = kinds_of(20)

    assert {kind.model.name.split()[0] for kind in kinds} == {
        *("Antminer", "Whatsminer", "Avalon"),
    }
    assert {rack.control for rack in HALL} == {"api", "stratum"}
    assert all(find_model(rack.model).levels for rack in HALL if rack.control == "api")


def test_who_is_at_work_gets_a_job_before_the_last_is_dropped() -> None:
    for kind in kinds_of(20):
        assert kind.timings.watchdog_s >= 1.5 * REFRESH_AFTER


def test_what_is_only_parked_fits_into_the_dispatch_and_the_fail_safe() -> None:
    for miners in (20, 200):
        kinds = kinds_of(miners)
        parked = {rack.model for rack in HALL if rack.control == "stratum"}
        watts = sum(k.model.watts for k in kinds if k.model.name in parked)
        assert watts < 0.3 * contract_of(kinds)
