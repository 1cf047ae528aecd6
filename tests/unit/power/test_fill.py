"""Machines with levels make room for one more, and only where it comes first."""

import numpy as np
from attrs import evolve

from protocol.units import Seconds
from proxy.power.machines.fleet import Fleet
from proxy.power.planner.fill import make_room
from proxy.power.planner.grow import RAISED_AGAIN
from proxy.power.planner.params import PlanParams
from proxy.power.planner.plan import plan
from proxy.power.planner.steps import Reason
from tests.unit.power.fleets import LEVELLED, NOW, fleet, grant, machine

PARAMS = PlanParams()
PLAIN = machine(1000.0, 100.0)


def hall(*, running: int = 10, **kinds: object) -> Fleet:
    """Ten with levels, and two without; of all `running` run."""
    made = fleet(*[LEVELLED] * 10, PLAIN, PLAIN, **kinds)  # type: ignore[arg-type]
    level = np.where(np.arange(12) < running, made.top, 0)
    return evolve(made, level=level, from_w=made.watts_at(level))


def test_levels_make_room_for_a_machine_that_is_woken_at_once() -> None:
    """A step down is over long before it is up."""
    made = plan(grant(10_400.0), hall(), NOW, PARAMS)

    assert set(made.reason[made.rows].tolist()) == {Reason.FILL, Reason.WAKE}
    assert made.level[10:].tolist() == [1, 0]
    assert 10_400.0 - 300.0 - 21.0 <= made.watts <= 10_400.0


def test_where_steps_take_long_it_is_woken_once_there_is_room() -> None:
    before = hall(t_down=25.0)
    made = plan(grant(10_400.0), before, NOW, PARAMS)

    slower = before.commanded(made.level, NOW)
    woken = plan(grant(10_400.0), slower, Seconds(NOW + 25.0), PARAMS)

    assert set(made.reason[made.rows].tolist()) == {Reason.FILL}
    assert 10_400.0 - 1000.0 - 300.0 - 21.0 <= made.watts <= 10_400.0 - 1000.0
    assert woken.rows.tolist() == [10]
    assert 10_400.0 - 300.0 - 21.0 <= woken.watts <= 10_400.0


def test_as_few_as_do_go_slower() -> None:
    level, reason = make_room(hall(), NOW, PARAMS, 400.0)

    is_fill = reason == Reason.FILL
    assert is_fill.sum() == 2, "500 W of one, and 100 W of another"
    assert sorted(level[is_fill].tolist()) == [1, 2]


def test_who_made_room_does_not_take_it_back_before_the_other_came() -> None:
    slow = hall(t_down=25.0)
    level, _ = make_room(slow, NOW, PARAMS, 400.0)
    slower = slow.commanded(level, NOW)
    tight = grant(10_400.0 - 30.0)

    early = plan(tight, slower, Seconds(NOW + RAISED_AGAIN - 1.0), PARAMS)
    late = plan(tight, slower, Seconds(NOW + RAISED_AGAIN), PARAMS)

    assert Reason.RAISE not in early.reason.tolist()
    assert Reason.RAISE in late.reason.tolist()


def test_no_higher_class_and_no_thriftier_machine_makes_room() -> None:
    higher = hall(priority=[1] * 10 + [0, 0])
    dear = fleet(*[LEVELLED] * 10, machine(1000.0, 30.0))
    dear = dear.commanded(np.array([3] * 10 + [0]), Seconds(NOW - 1000.0))

    assert not make_room(higher, NOW, PARAMS, 400.0)[1].any()
    assert not make_room(dear, NOW, PARAMS, 400.0)[1].any()


def test_nobody_makes_room_for_who_may_not_wake_or_while_others_fall_or_rise() -> None:
    off = np.arange(12) >= 10
    young = evolve(hall(), switched_at=np.where(off, NOW - 10.0, -np.inf))
    worn = evolve(hall(), cycles=np.where(off, 6.0, 0.0))
    falling = hall().commanded(np.array([2] + [3] * 9 + [0, 0]), NOW)
    waking = hall().commanded(np.array([3] * 10 + [1, 0]), NOW)

    for of in (young, worn, falling, waking, hall(running=12)):
        assert not make_room(of, NOW, PARAMS, 400.0)[1].any()


def test_a_machine_never_seen_at_work_may_be_woken_at_once() -> None:
    off = np.arange(12) >= 10
    young = evolve(hall(), switched_at=np.where(off, NOW - 10.0, -np.inf))
    cold = evolve(young, cold=off)

    woken = cold.commanded(cold.top, NOW)

    assert not plan(grant(12_100.0), young, NOW, PARAMS).reason.any()
    assert plan(grant(12_100.0), cold, NOW, PARAMS).rows.tolist() == [10, 11]
    assert not woken.cold.any()
