"""Which readings of a meter are believed."""

import math
from typing import Any

import pytest
from attrs import evolve

from protocol.units import Seconds
from proxy.power.control.meter import judge
from proxy.power.control.meter_state import (
    Doubt,
    Expected,
    Meter,
    MeterFault,
    MeterParams,
)

PARAMS = MeterParams(slope_w_per_s=1000.0)


def read(  # noqa: PLR0913
    *readings: float | None,
    start: Meter | None = None,
    at: float = 0.0,
    expected: float = 5000.0,
    least: float = 0.0,
    must: float = 0.0,
    rests: bool = False,
    full: float = 0.0,
    params: MeterParams = PARAMS,
) -> Meter:
    """One reading a second, from second `at` + 1 on."""
    meter = start or Meter(Seconds(at))
    for second, reading in enumerate(readings, start=1):
        now = Seconds(at + second)
        drawn = Expected(expected, least, must, rests, full)
        meter = judge(meter, reading, now, drawn, params)
    return meter


def test_a_reading_that_moves_a_little_is_believed() -> None:
    meter = read(5000.0, 5010.0, 4990.0)

    assert (meter.trusted_w, meter.fault) == (4990.0, None)
    assert meter.lost_for(Seconds(4.0)) == 1.0


@pytest.mark.parametrize(
    ("reading", "fault"),
    [
        (math.nan, MeterFault.NAN),
        (math.inf, MeterFault.NAN),
        (-1.0, MeterFault.NEGATIVE),
        (90_000.0, MeterFault.SPIKE),
        (10.0, MeterFault.SPIKE),
    ],
)
def test_one_bad_reading_is_not_believed_but_the_next_good_one_is(
    reading: float, fault: MeterFault
) -> None:
    bad = read(5000.0, reading)

    assert (bad.fault, bad.trusted_w, bad.watts) == (fault, None, 5000.0)
    assert read(5001.0, start=bad, at=2.0).trusted_w == 5001.0


def test_a_zero_is_a_reading() -> None:
    assert read(500.0, 0.0).trusted_w == 0.0


def test_one_late_answer_is_forgiven_four_are_not() -> None:
    assert read(5000.0, None, None, None).fault is None
    assert read(5000.0, None, None, None, None).fault is MeterFault.LATE


def test_a_meter_is_lost_after_three_polls_without_a_believable_reading() -> None:
    meter = read(5000.0, math.nan)

    assert not meter.is_lost(Seconds(4.0), PARAMS)
    assert meter.is_lost(Seconds(4.1), PARAMS)


def test_a_meter_that_never_spoke_is_lost_from_the_start() -> None:
    assert Meter(Seconds(0.0)).is_lost(Seconds(3.5), PARAMS)


def test_a_step_that_stays_is_believed_at_its_third_reading() -> None:
    assert read(5000.0, 90_000.0, 90_100.0).fault is MeterFault.SPIKE
    assert read(5000.0, 90_000.0, 90_100.0, 90_050.0).trusted_w == 90_050.0


def test_readings_that_jump_about_never_confirm_each_other() -> None:
    wild = read(5000.0, 90_000.0, 40_000.0, 90_000.0, 40_000.0, 90_000.0)

    assert wild.fault is MeterFault.SPIKE


def test_an_allowed_slope_counts_the_time_since_the_last_good_reading() -> None:
    assert read(5000.0, math.nan, math.nan, 7900.0).trusted_w == 7900.0


def test_the_same_reading_after_machines_went_down_is_frozen() -> None:
    steady = read(*[5000.0] * 10)

    frozen = read(5000.0, start=steady, at=10.0, expected=4000.0)

    assert steady.fault is None
    assert frozen.fault is MeterFault.FROZEN


def test_the_same_reading_for_less_than_ten_seconds_is_not_frozen() -> None:
    steady = read(*[5000.0] * 9)

    assert read(5000.0, start=steady, at=9.0, expected=4000.0).fault is None


def test_the_same_reading_while_machines_go_up_is_not_frozen() -> None:
    steady = read(*[5000.0] * 10)

    assert read(5000.0, start=steady, at=10.0, expected=9000.0).fault is None


def test_the_same_reading_after_machines_came_up_is_frozen() -> None:
    steady = read(*[5000.0] * 10, least=4000.0)

    assert read(5000.0, start=steady, at=10.0, least=4080.0).fault is None
    frozen = read(5000.0, start=steady, at=10.0, least=4081.0)
    assert frozen.fault is MeterFault.FROZEN


def test_the_same_reading_for_two_minutes_is_frozen_whatever_happens() -> None:
    assert read(*[5000.0] * 120).fault is None
    assert read(*[5000.0] * 121).fault is MeterFault.FROZEN


def test_a_meter_that_has_shown_to_be_quiet_is_given_more_time() -> None:
    quiet = read(*[5000.0] * 100, 5010.0)

    assert read(*[5010.0] * 499, start=quiet, at=101.0).fault is None
    assert read(*[5010.0] * 501, start=quiet, at=101.0).fault is MeterFault.FROZEN


FROZEN = read(*[5000.0] * 130)


def alive(seconds: int, watts: float = 5000.0) -> list[float]:
    """Return readings that move a little each second."""
    return [watts + (second + 1) % 2 for second in range(seconds)]


def test_a_frozen_meter_is_believed_after_a_minute_of_readings_that_move() -> None:
    early = read(*alive(59), start=FROZEN, at=130.0)
    late = read(*alive(60), start=FROZEN, at=130.0)

    assert (early.fault, early.trusted_w) == (MeterFault.FROZEN, None)
    assert late.trusted_w == 5000.0


def test_a_frozen_meter_is_not_believed_since_machines_are_back_where_they_were() -> (
    None
):
    steady = read(*[5000.0] * 10)
    frozen = read(5000.0, start=steady, at=10.0, expected=4000.0)

    assert read(*[5000.0] * 100, start=frozen, at=11.0).fault is MeterFault.FROZEN


def test_a_break_begins_the_proof_anew() -> None:
    silent = read(*alive(55), None, *alive(55), start=FROZEN, at=130.0)
    still = read(*alive(40), *[5000.0] * 20, *alive(40), start=FROZEN, at=130.0)
    leaps = read(*alive(40), 50_000.0, *alive(55), start=FROZEN, at=130.0)

    assert silent.trusted_w is still.trusted_w is leaps.trusted_w is None
    assert read(*alive(20), start=leaps, at=226.0).trusted_w is not None


def test_readings_that_do_not_go_along_with_the_machines_prove_nothing() -> None:
    frozen = read(*[5000.0] * 130, least=5000.0)

    def after(watts: float, seconds: int = 70) -> Meter:
        readings = alive(seconds, watts)
        return read(*readings, start=frozen, at=130.0, expected=3000.0, least=3000.0)

    assert after(5000.0, 900).trusted_w is None
    assert after(3000.0).trusted_w == 3000.0
    assert after(3900.0).trusted_w == 3900.0, "the model is no truth"


def test_three_spikes_in_a_minute_are_no_accident() -> None:
    spike = [5000.0, 90_000.0, 5001.0]

    assert read(*spike, *spike).trusted_w == 5001.0
    sick = read(*spike, *spike, *spike)
    assert (sick.fault, sick.trusted_w) == (MeterFault.SPIKE, None)
    assert read(*alive(61), start=sick, at=9.0).trusted_w == 5001.0


def test_what_machines_do_is_held_against_what_was_read_before_a_spike() -> None:
    spike = [5000.0, 90_000.0, 5001.0]
    sick = read(*spike, *spike, *spike, least=5000.0)

    stuck = read(*alive(900), start=sick, at=9.0, expected=2000.0, least=2000.0)

    assert stuck.trusted_w is None


def test_a_meter_far_below_what_machines_at_work_must_draw_is_not_believed() -> None:
    some = read(*alive(100, 3000.0), must=5000.0)
    low = read(*alive(101, 3000.0), must=5000.0)

    assert some.fault is None
    assert (low.fault, low.trusted_w) == (MeterFault.LOW, None)
    assert read(*alive(300, 3000.0), start=low, at=101.0, must=5000.0).trusted_w is None
    assert (
        read(*alive(62, 4000.0), start=low, at=101.0, must=5000.0).trusted_w == 4000.0
    )


def test_a_reading_that_stays_is_no_wonder_while_no_machine_is_to_run() -> None:
    steady = read(*[5000.0] * 600, rests=True)
    up: dict[str, Any] = {"start": steady, "at": 600.0, "must": 9.0}

    assert steady.trusted_w == 5000.0
    assert read(*[5000.0] * 119, **up).fault is None
    assert read(*[5000.0] * 120, **up).fault is MeterFault.FROZEN


def test_a_coarse_meter_waits_for_machines_that_boot_for_long() -> None:
    """A hydro machine draws nothing for minutes; no other is told to run."""
    how: dict[str, Any] = {"params": MeterParams(), "full": 9000.0}
    rested = read(*[80.0] * 300, expected=80.0, least=80.0, rests=True, **how)

    boots = read(*[80.0] * 300, start=rested, at=300.0, least=80.0, **how)
    up = read(80.0, start=boots, at=600.0, least=3000.0, **how)
    works = read(*[80.0] * 121, start=boots, at=600.0, least=80.0, must=9.0, **how)

    assert boots.trusted_w == 80.0
    assert up.fault is works.fault is MeterFault.FROZEN


@pytest.mark.parametrize("every_s", [1, 5, 20])
def test_a_coarse_meter_is_believed_as_the_site_leaves_its_rest(every_s: int) -> None:
    """It last moved while machines were still on their way down."""
    how: dict[str, Any] = {"params": MeterParams(), "least": 80.0}
    rests: dict[str, Any] = {"expected": 80.0, "rests": True, **how}
    meter = read(*[5000.0] * 3, expected=5000.0, **how)
    meter = read(80.0, start=meter, at=3.0, **{**rests, "expected": 5000.0})
    meter = read(*[80.0] * 300, start=meter, at=4.0, **rests)

    ramp = [80.0 + 50.0 * (second // every_s) for second in range(1, 36)]
    woken = read(*ramp, start=meter, at=304.0, expected=3000.0, **how)
    stuck = read(*[80.0] * 35, start=meter, at=304.0, expected=3000.0, **how)

    assert meter.trusted_w == 80.0
    assert woken.trusted_w == ramp[-1]
    assert stuck.trusted_w == 80.0, "nothing is up yet"
    up = read(80.0, start=stuck, at=339.0, expected=3000.0, **{**how, "least": 2900.0})
    assert up.fault is MeterFault.FROZEN, "the first machine that is up shows it"


def test_a_meter_that_is_trusted_again_is_not_doubted_for_what_is_past() -> None:
    """It froze high; the site is where it was after, and it is well again."""
    steady = read(*[5000.0] * 10)
    frozen = read(5000.0, start=steady, at=10.0, expected=100.0, least=100.0)
    rests: dict[str, Any] = {"expected": 100.0, "least": 100.0, "rests": True}
    well = read(*[100.0] * 62, start=frozen, at=11.0, **rests)

    after = read(*[100.0] * 60, start=well, at=73.0, **rests)
    leaves = read(*[100.0] * 30, start=after, at=133.0, expected=900.0, least=100.0)

    assert frozen.fault is MeterFault.FROZEN
    assert well.trusted_w == after.trusted_w == leaves.trusted_w == 100.0


@pytest.mark.parametrize(
    ("shows", "least", "is_believed"),
    [
        (900.0, 80.0, True),
        (1000.0, 80.0, True),
        (1001.0, 80.0, False),
        (900.0, 10.0, False),  # the model does not know who is off
        (100.0, 10.0, True),  # it does: between those few asleep and at work
        (101.0, 10.0, False),
        (7.0, 10.0, True),
        (6.9, 10.0, False),
    ],
)
def test_auxiliary_load_alone_is_believed_at_rest_whatever_the_model_has_of_it(
    shows: float, least: float, *, is_believed: bool
) -> None:
    """A coarse meter of it never moves: it was doubted as the machines went down."""
    meter = read(*[shows] * 10, expected=5000.0)
    rests: dict[str, Any] = {"expected": 80.0, "least": least, "rests": True}
    rests["full"] = 5000.0
    meter = judge(meter, math.nan, Seconds(11.0), Expected(80.0, least), PARAMS)
    doubted = evolve(
        meter,
        doubt=Doubt(MeterFault.FROZEN, *(Seconds(11.0),) * 2, shows, 5000.0, 4000.0),
    )

    rested = read(*[shows] * 62, start=doubted, at=11.0, **rests)

    assert (rested.trusted_w is not None) is is_believed


def test_a_coarse_meter_of_a_site_at_rest_is_believed_once_it_has_fallen() -> None:
    at_rest = read(*[80.0] * 62, start=FROZEN, at=130.0, expected=100.0, rests=True)
    stuck = read(*[5000.0] * 900, start=FROZEN, at=130.0, expected=100.0, rests=True)

    assert at_rest.trusted_w == 80.0
    assert stuck.trusted_w is None


def test_a_lost_poll_takes_back_no_move_of_a_meter_at_rest() -> None:
    steady = [80.0] * 70

    lost = read(80.0, None, *steady, start=FROZEN, at=130.0, expected=9.0, rests=True)

    assert lost.trusted_w == 80.0


@pytest.mark.parametrize(
    ("most", "is_believed"),
    [(60.0, False), (80.0, True), (110.0, True), (120.0, False)],
)
def test_a_reading_at_rest_that_the_model_is_sure_of_need_not_move(
    most: float, *, is_believed: bool
) -> None:
    steady = read(*[80.0] * 10, least=80.0)
    frozen = read(80.0, start=steady, at=10.0, least=5000.0)
    assert frozen.fault is MeterFault.FROZEN

    rested = read(
        *[80.0] * 62, start=frozen, at=11.0, expected=most, least=most, rests=True
    )

    assert (rested.trusted_w is not None) is is_believed


def test_a_meter_that_moves_seldom_is_believed_after_ten_moves() -> None:
    seldom = [5000.0 + 10.0 * (second // 30) for second in range(1, 660)]

    early = read(*seldom[:300], start=FROZEN, at=130.0)
    late = read(*seldom, start=FROZEN, at=130.0)

    assert early.trusted_w is None
    assert late.trusted_w is not None


def test_steps_that_the_plant_made_are_no_spikes() -> None:
    steps = [w for base in (9_000.0, 90_000.0) for w in [base] * 3]

    assert read(5000.0, *steps * 4).doubt is None
