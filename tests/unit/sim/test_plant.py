import math

import numpy as np
import pytest

from protocol.sunspec.common import parse_common
from protocol.sunspec.meter import parse_meter
from protocol.units import Seconds
from proxy.sim.kinds import Fault, FaultShare, Spread, kind_of
from proxy.sim.plant import Plant, PlantOptions, mixed
from proxy.sim.site_meter import MeterOptions, MeterTrouble, SiteMeter

START = Seconds(0.0)
S21 = kind_of("Antminer S21")
S9 = kind_of("Antminer S9")
PRECISE = MeterOptions(noise=0.0, lag_s=0.0)


def a_plant(count: int = 100, **options: object) -> Plant:
    return Plant(PlantOptions(kinds=(S21,) * count, **options), START)  # type: ignore[arg-type]


def live(plant: Plant, seconds: int) -> None:
    for _ in range(seconds):
        now = Seconds(plant.now + 1.0)
        plant.asics.give_jobs(range(len(plant)), now)
        plant.advance(now)


def test_a_site_draws_what_its_machines_do_and_what_cools_them() -> None:
    plant = a_plant()

    it_w = plant.asics.watts(START).sum()

    assert plant.power_w == pytest.approx(900.0 + 1.03 * it_w)


def test_the_meter_shows_the_site_a_second_later_and_not_exactly() -> None:
    plant = a_plant(meter=MeterOptions(noise=0.002, lag_s=1.0))
    live(plant, 5)
    before = plant.power_w
    shown = plant.meter.reading().watts
    plant.hidden_w = 1e6
    live(plant, 1)
    late = plant.meter.reading().watts
    live(plant, 1)

    assert shown == pytest.approx(before, rel=0.01)
    assert shown != before
    assert late == pytest.approx(before, rel=0.01)
    assert plant.meter.reading().watts == pytest.approx(plant.power_w, rel=0.01)


@pytest.mark.parametrize("model_id", [203, 213])
def test_the_meter_has_a_sunspec_map_that_reads_back(model_id: int) -> None:
    plant = a_plant(meter=MeterOptions(model_id, noise=0.0, lag_s=0.0))
    live(plant, 3600)

    registers = plant.meter.registers()

    assert registers[:4] == b"SunS"
    assert parse_common(registers[4 : 4 + 136]).model == "simulated meter"
    reading = parse_meter(registers[4 + 136 : -4])
    assert reading.watts == pytest.approx(plant.power_w, rel=1e-4)
    assert reading.imported_wh == pytest.approx(plant.power_w, rel=0.02)


def test_each_trouble_of_the_meter_shows() -> None:
    meter = SiteMeter(PRECISE, seed=1)
    shown: dict[MeterTrouble | None, list[float]] = {}
    for second, trouble in enumerate([None, *MeterTrouble]):
        meter.trouble = trouble
        meter.note(1000.0 + second, Seconds(2.0 * second))
        first = meter.reading().watts
        meter.note(1000.0 + second, Seconds(2.0 * second + 1.0))
        shown[trouble] = [first, meter.reading().watts]

    assert shown[None] == [1000.0, 1000.0]
    assert all(math.isnan(w) for w in shown[MeterTrouble.NAN])
    assert len({str(w) for w in shown[MeterTrouble.FROZEN]}) == 1
    assert shown[MeterTrouble.SPIKE] == [1004.0 * 8, 1004.0]
    assert shown[MeterTrouble.NEGATIVE] == [-1005.0, -1005.0]


def test_a_frozen_meter_repeats_its_last_reading() -> None:
    meter = SiteMeter(PRECISE, seed=1)
    meter.note(1000.0, Seconds(0.0))
    meter.trouble = MeterTrouble.FROZEN
    meter.note(5000.0, Seconds(1.0))

    assert meter.reading().watts == 1000.0


def test_faults_are_spread_by_share_and_seed() -> None:
    shares = (FaultShare(Fault.LIES, 0.02), FaultShare(Fault.IGNORES, 0.01))

    one, two = a_plant(1000, faults=shares), a_plant(1000, faults=shares)

    assert len(one.rows_with(Fault.LIES)) == 20
    assert len(one.rows_with(Fault.IGNORES)) == 10
    assert one.faults == two.faults
    assert max(one.rows_with(Fault.LIES)) > 100


def test_a_machine_that_reboots_does_so_now_and_then_and_comes_back() -> None:
    plant = a_plant(10, faults=(FaultShare(Fault.REBOOTS, 1.0),))
    off = [np.zeros(10, dtype=bool)]
    for _ in range(900):
        live(plant, 1)
        off.append(plant.asics.hashrate(plant.now) == 0)

    seen = np.array(off)
    assert seen.any(axis=0).sum() >= 8
    assert 0.05 < seen.mean() < 0.5


def test_kinds_are_mixed_in_proportion_and_not_in_blocks() -> None:
    kinds = mixed([(S21, 3.0), (S9, 1.0)], 8)

    assert kinds.count(S21) == 6
    assert kinds[:4].count(S9) == 1


def test_a_week_of_a_plant_is_computed_in_no_time() -> None:
    plant = Plant(PlantOptions(kinds=(S21,) * 100, spread=Spread()), START)

    for step in range(1, 1001):
        plant.advance(Seconds(step * 604.8))

    assert plant.now == Seconds(604_800.0)
