from argparse import ArgumentParser

import pytest

from protocol.units import Seconds
from proxy.sim.kinds import Fault
from proxy.sim.plant_command import PlantRun, add_arguments, options_from
from proxy.sim.site_meter import MeterTrouble


def run_of(*words: str) -> PlantRun:
    parser = ArgumentParser()
    add_arguments(parser)
    return options_from(parser.parse_args(words))


def test_without_options_it_is_a_hundred_machines_and_no_meter() -> None:
    run = run_of()

    assert len(run.plant.kinds) == 100
    assert run.network.meter_port is None
    assert run.network.pools == ()


def test_every_option_gets_where_it_belongs() -> None:
    run = run_of(
        *(
            "--machines",
            "10",
            "--kind",
            "Antminer S21=0.7",
            "--kind",
            "Antminer S9=0.3",
        ),
        *("--down-s", "8", "--up-s", "60", "--watchdog-s", "20", "--fault", "lies=0.2"),
        *("--meter", "127.0.0.1:5020", "--meter-model", "213"),
        *("--meter-fault", "nan@60+10", "--url", "stratum+tcp://10.0.0.1:3333"),
        *("--first-address", "127.9.0.1", "--seed", "7", "--for", "30", "--idle"),
    )

    assert [k.model.name for k in run.plant.kinds].count("Antminer S9") == 3
    assert {k.timings.down_s for k in run.plant.kinds} == {8.0}
    assert {k.timings.watchdog_s for k in run.plant.kinds} == {20.0}
    assert run.plant.faults[0].fault is Fault.LIES
    assert (run.network.meter_port, run.plant.meter.model_id) == (5020, 213)
    assert run.events[0].trouble is MeterTrouble.NAN
    assert (run.events[0].after, run.events[0].lasts) == (60.0, 10.0)
    assert run.network.pools[0].url == "stratum+tcp://10.0.0.1:3333"
    assert (run.network.first_address, run.plant.seed) == ("127.9.0.1", 7)
    assert run.plant.starts_idle
    assert run.duration == Seconds(30.0)


@pytest.mark.parametrize(
    "words",
    [
        ("--kind", "Antminer S99"),
        ("--fault", "explodes=0.1"),
        ("--fault", "lies=2"),
        ("--meter", "5020"),
        ("--meter-fault", "nan@later"),
        ("--first-address", "10.0.0.1"),
        ("--url", "http://pool"),
    ],
)
def test_a_wrong_option_is_wrong_usage(words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run_of(*words)

    assert stopped.value.code == 2
