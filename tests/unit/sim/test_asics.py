import numpy as np
import pytest

from protocol.units import Seconds
from proxy.sim.asics import Asics
from proxy.sim.kinds import MachineKind, Spread, kind_of

START = Seconds(1000.0)
EXACT = Spread(unit_error=0.0, fleet_bias=1.0, watchdog_error_s=0.0, heat_w_share=0.0)
S21 = kind_of("Antminer S21", down=10.0, up=60.0)


def machines(count: int = 1, kind: MachineKind = S21, spread: Spread = EXACT) -> Asics:
    return Asics([kind] * count, spread, 1, START)


def lived(asics: Asics, since: float, until: float, *, jobs: bool = True) -> None:
    for second in np.arange(since, until):
        if jobs:
            asics.give_jobs(range(len(asics)), Seconds(float(second)))
        asics.advance(Seconds(float(second)))


def at(seconds: float) -> Seconds:
    return Seconds(START + seconds)


def test_a_machine_begins_at_full_speed() -> None:
    asics = machines()

    assert asics.watts(START)[0] == 3500.0
    assert asics.hashrate(START)[0] == 200e12


def test_sleep_shows_after_half_the_time_and_is_over_at_its_end() -> None:
    asics = machines()
    asics.sleep([0], START)

    assert asics.watts(at(4.9))[0] == 3500.0
    assert asics.watts(at(7.5))[0] == pytest.approx((3500.0 + 25.0) / 2)
    assert asics.watts(at(10.0))[0] == 25.0
    assert asics.hashrate(at(10.0))[0] == 0.0


def test_waking_waits_then_ramps() -> None:
    asics = machines()
    asics.sleep([0], START)
    lived(asics, 1000, 1020)
    asics.wake([0], at(20.0))

    assert asics.watts(at(34.9))[0] == 25.0
    assert 25.0 < asics.watts(at(60.0))[0] < 3500.0
    assert asics.watts(at(80.0))[0] == 3500.0


def test_a_command_in_mid_ramp_goes_on_from_where_the_machine_is() -> None:
    asics = machines()
    asics.sleep([0], START)
    lived(asics, 1000, 1020)
    asics.wake([0], at(20.0))
    half_way = asics.watts(at(60.0))[0]
    asics.sleep([0], at(60.0))

    assert asics.watts(at(60.0))[0] == half_way
    assert asics.watts(at(70.0))[0] == 25.0


def test_a_profile_is_taken_step_by_step_and_survives_sleep() -> None:
    asics = machines()
    asics.set_level([0], 1, START)
    settled = asics.watts(at(10.0))[0]
    asics.sleep([0], at(20.0))
    lived(asics, 1020, 1040)
    asics.wake([0], at(40.0))

    assert settled == 2308.0
    assert asics.watts(at(200.0))[0] == 2308.0
    assert asics.hashrate(at(200.0))[0] == 145e12


def test_the_watchdog_stops_hashing_after_the_last_job_and_a_job_resumes_it() -> None:
    asics = machines()
    lived(asics, 1000, 1124, jobs=False)
    before = asics.watts(at(124.0))[0]
    lived(asics, 1124, 1130, jobs=False)
    parked = (asics.watts(at(130.0))[0], asics.hashrate(at(130.0))[0])
    asics.give_jobs([0], at(130.0))
    asics.advance(at(130.0))

    assert before == 3500.0
    assert parked == (350.0, 0.0)
    assert asics.watts(at(132.0))[0] == 3500.0


def test_a_job_does_not_hurry_boards_that_are_still_waking() -> None:
    asics = machines()
    asics.sleep([0], START)
    lived(asics, 1000, 1200, jobs=False)
    asics.wake([0], at(200.0))
    lived(asics, 1200, 1205, jobs=False)
    asics.give_jobs([0], at(205.0))
    asics.advance(at(205.0))

    assert asics.watts(at(230.0))[0] < 3500.0
    assert asics.watts(at(260.0))[0] == 3500.0


def test_a_reboot_is_off_at_once_and_remembers_that_it_sleeps() -> None:
    asics = machines(2)
    asics.sleep([1], START)
    lived(asics, 1000, 1020)
    asics.reboot([0, 1], at(20.0))
    off = asics.watts(at(21.0))
    lived(asics, 1021, 1200)

    assert off.max() == 25.0
    assert asics.watts(at(200.0)).tolist() == [3500.0, 25.0]


def test_machines_differ_from_their_nameplate_as_told() -> None:
    spread = Spread(unit_error=0.04, fleet_bias=1.03)
    asics = machines(2000, spread=spread)

    factors = asics.watts(START) / 3500.0

    assert factors.mean() == pytest.approx(1.03, abs=0.01)
    assert factors.std() == pytest.approx(0.04, abs=0.005)


def test_a_cold_machine_draws_less_until_it_is_warm() -> None:
    asics = machines(spread=Spread(unit_error=0.0, fleet_bias=1.0))
    asics.sleep([0], START)
    lived(asics, 1000, 4600)
    asics.wake([0], at(3600.0))
    lived(asics, 4600, 4700)
    cold = asics.watts(at(3700.0))[0]
    lived(asics, 4700, 9000)

    assert cold < 3450.0
    assert asics.watts(at(8000.0))[0] == pytest.approx(3500.0, rel=0.002)


def test_the_same_seed_gives_the_same_machines() -> None:
    spread = Spread()

    one, two = machines(50, spread=spread), machines(50, spread=spread)

    assert (one.bias == two.bias).all()
