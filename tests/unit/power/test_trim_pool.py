"""Which machines are kept for fine control, and who is owed a turn."""

import numpy as np
from attrs import evolve

from proxy.power.planner.params import PlanParams
from proxy.power.planner.rotate import owed_machines, rotate
from proxy.power.planner.shed import trim_pool
from proxy.power.planner.steps import Reason
from tests.unit.power.fleets import LEVELLED, NOW, fleet, machine

PLAIN = machine(1000.0, 50.0)
PARAMS = PlanParams()


def test_the_pool_is_as_many_tunable_machines_as_the_share_takes() -> None:
    mixed = fleet(*[LEVELLED] * 50, *[PLAIN] * 50)

    assert int(trim_pool(mixed, 0.03).sum()) == 3
    assert int(trim_pool(mixed, 0.031).sum()) == 4
    assert not trim_pool(mixed, 0.0).any()
    assert not trim_pool(mixed, 0.5)[50:].any()


def test_the_pool_prefers_the_lowest_class_then_the_longest_curtailed() -> None:
    three = fleet(LEVELLED, LEVELLED, LEVELLED, priority=[1, 0, 0], debt=[9, 1, 2])

    assert trim_pool(three, 0.3).tolist() == [False, False, True]
    assert trim_pool(three, 0.6).tolist() == [False, True, True]


def test_machines_that_sleep_or_do_not_obey_are_not_in_the_pool() -> None:
    three = evolve(
        fleet(LEVELLED, LEVELLED, LEVELLED),
        level=np.array([0, 3, 3]),
        responsive=np.array([True, False, True]),
    )

    assert trim_pool(three, 1.0).tolist() == [False, False, True]


def test_only_what_an_equal_ran_in_place_of_is_owed() -> None:
    state = {"level": np.array([1, 0])}
    owed = evolve(fleet(PLAIN, PLAIN, debt=[0.0, 9.0]), **state)
    content = evolve(fleet(PLAIN, PLAIN, debt=[9.0, 9.5]), **state)

    assert owed_machines(owed, NOW, PARAMS).tolist() == [1000.0]
    assert owed_machines(content, NOW, PARAMS).tolist() == []
    assert owed_machines(fleet(), NOW, PARAMS).tolist() == []


def test_half_a_percent_of_the_machines_is_exchanged_at_a_time() -> None:
    level = np.array([1] * 100 + [0] * 100)
    many = fleet(*[PLAIN] * 200, debt=[0.0] * 100 + [9.0] * 100)
    many = evolve(many, level=level, from_w=many.watts_at(level))

    _, reason = rotate(many, NOW, PARAMS, least_w=600.0)

    assert int((reason == Reason.ROTATE).sum()) == 1


def test_rotation_waits_until_enough_can_be_moved_at_once() -> None:
    level = np.array([1, 1, 0])
    three = fleet(PLAIN, PLAIN, PLAIN, debt=[0.0, 0.0, 1.8])
    three = evolve(three, level=level, from_w=three.watts_at(level))

    _, waits = rotate(three, NOW, PARAMS, least_w=1001.0)
    _, turns = rotate(three, NOW, PARAMS, least_w=1000.0)

    assert not waits.any()
    assert turns.any()


def test_rotation_waits_for_machines_on_their_way_down() -> None:
    level = np.array([1, 0, 1])
    three = fleet(PLAIN, PLAIN, PLAIN, debt=[0.0, 9.0, 0.0]).commanded(level, NOW)

    assert not rotate(three, NOW, PARAMS, least_w=0.0)[1].any()
