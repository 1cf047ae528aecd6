"""What a device's word about itself is worth."""

import pytest

from protocol.units import Watts
from proxy.power.actuation.readback import draws_as_told, level_of_report
from proxy.power.ports import DeviceReport
from tests.unit.power.fleets import LEVELLED, points

IDLE_W = 100.0
LEVELS = points(LEVELLED)  # 0, 500, 700 and 1000 W


def level(
    *,
    asleep: bool | None = None,
    limit: float | None = None,
    power: float | None = None,
) -> int | None:
    report = DeviceReport(
        asleep,
        None if limit is None else Watts(limit),
        None if power is None else Watts(power),
    )
    return level_of_report(LEVELS, IDLE_W, report)


def test_a_device_that_says_that_it_sleeps_is_believed() -> None:
    assert level(asleep=True, limit=700.0, power=900.0) == 0
    assert level(asleep=False, power=0.0) == 3


def test_a_device_that_does_not_say_sleeps_if_it_draws_less_than_when_idle() -> None:
    assert level(power=49.0) == 0
    assert level(power=50.0) == 3
    assert level(power=49.0, limit=700.0) == 0


def test_a_device_that_says_nothing_is_at_no_known_level() -> None:
    assert level() is None
    assert level(limit=700.0) is None


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (None, 3),
        (1200.0, 3),
        (970.0, 3),
        (969.0, 3),  # nearer to 1000 than to 700
        (840.0, 2),
        (700.0, 2),
        (590.0, 1),
        (1.0, 1),  # it is awake
    ],
)
def test_a_limit_is_the_level_that_is_nearest(
    limit: float | None, expected: int
) -> None:
    assert level(asleep=False, limit=limit) == expected


def test_the_top_level_begins_a_little_below_its_watts() -> None:
    near = points(((0.0, 0.0), (50.0, 960.0), (60.0, 1000.0)))

    def of(limit: float) -> int | None:
        return level_of_report(near, IDLE_W, DeviceReport(False, Watts(limit)))

    assert (of(970.0), of(969.0)) == (2, 1)


@pytest.mark.parametrize(
    ("power", "is_so"), [(0.0, True), (1350.0, True), (1351.0, False), (None, False)]
)
def test_a_device_may_draw_a_quarter_and_100_w_more_than_told(
    power: float | None, *, is_so: bool
) -> None:
    report = DeviceReport(power_w=None if power is None else Watts(power))

    assert draws_as_told(report, Watts(1000.0)) is is_so
