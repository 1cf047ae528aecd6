"""Machines that were never seen at work, and what the meter shows of them."""

import numpy as np
import pytest
from attrs import evolve

from protocol.units import Seconds, Watts
from proxy.power.control.cap import AuxLoad
from proxy.power.control.cold import shown_at_rest
from proxy.power.control.estimate_state import EstimateParams
from proxy.power.control.looks import Looks
from proxy.power.machines.fleet import Fleet
from tests.unit.power.fleets import NOW, fleet

PARAMS = EstimateParams(AuxLoad(Watts(0.0), 0.0))
IDLE = ((0.0, 100.0), (100.0, 1000.0))


def parked(told_for: float = 10.0, *, cold: bool = True) -> Fleet:
    """A hundred that have just come, parked, that may be at somebody else's job."""
    came = fleet(*[IDLE] * 100, t_down=135.0)
    at = Seconds(NOW - told_for)
    told = came.commanded(np.zeros(100, dtype=np.int64), at)
    return evolve(told, cold=np.full(100, cold))


def shows(*watts: float, of: Fleet) -> int:
    """Return how many of them are shown to be at rest."""
    return len(shown_at_rest(of, Looks(last=watts), NOW, PARAMS))


@pytest.mark.parametrize(
    ("watts", "count"),
    [(10_000.0, 100), (10_700.0, 100), (10_900.0, 0), (90_000.0, 0)],
)
def test_those_that_the_meter_shows_to_draw_next_to_nothing_are_at_rest(
    watts: float, count: int
) -> None:
    """Of 100 W each, at the lowest bias; 3 % of what they would draw is left."""
    assert shows(watts - 20.0, watts, watts - 10.0, of=parked()) == count


def test_the_highest_of_the_last_readings_counts_and_none_from_before() -> None:
    assert shows(9000.0, 90_000.0, 9001.0, of=parked()) == 0
    assert shows(9000.0, 9001.0, of=parked()) == 0
    assert shows(9000.0, 9001.0, 9002.0, of=parked(told_for=5.0)) == 0


def test_a_meter_that_may_be_frozen_shows_nothing() -> None:
    assert shows(9000.0, 9000.0, 9000.0, of=parked()) == 0


def test_one_that_was_seen_at_work_may_be_at_its_last_job() -> None:
    assert shows(9000.0, 9001.0, 9002.0, of=parked(cold=False)) == 0


def test_what_others_may_draw_hides_nobody() -> None:
    """Fifty are on their way up, and draw nothing yet that would explain it."""
    level = np.where(np.arange(100) < 50, 1, 0)
    waking = parked().commanded(level, Seconds(NOW - 1.0))
    waking = evolve(waking, from_w=np.where(level > 0, 100.0, waking.from_w))

    assert shows(9000.0, 9001.0, 9002.0, of=waking) == 50
    assert shows(40_000.0, 40_001.0, 40_002.0, of=waking) == 0
