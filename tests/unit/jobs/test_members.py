"""Who of a group hashes most, and what order that makes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.units import HashesPerSecond
from proxy.jobs.members import Members, hashrate_class
from proxy.jobs.ports import HASHRATE_CLASSES

RATES = st.floats(0, 1e24)


class Weighed:
    """A miner as far as its weight."""

    def __init__(self, number: int) -> None:
        self.hashrate_class = number


@given(RATES, RATES)
def test_more_hashes_are_never_a_lower_class(one: float, other: float) -> None:
    low, high = sorted((one, other))
    classes = [hashrate_class(HashesPerSecond(rate)) for rate in (low, high)]

    assert 0 <= classes[0] <= classes[1] < HASHRATE_CLASSES


@given(st.floats(1e3, 1e18))
def test_twice_the_hashes_are_two_classes_more(rate: float) -> None:
    low = hashrate_class(HashesPerSecond(rate))

    assert hashrate_class(HashesPerSecond(2 * rate)) == low + 2


@pytest.mark.parametrize("rate", [0.0, 1e-9, 1e30])
def test_what_is_out_of_range_has_a_class_too(rate: float) -> None:
    assert 0 <= hashrate_class(HashesPerSecond(rate)) < HASHRATE_CLASSES


Step = tuple[int, int | None]


@given(
    st.lists(st.tuples(st.integers(0, 5), st.none() | st.integers(0, 5)), max_size=50)
)
def test_the_biggest_come_first_whoever_comes_and_goes(steps: list[Step]) -> None:
    miners: list[Any] = [Weighed(0) for _ in range(6)]
    members, there = Members(), set[Any]()
    for who, number in steps:
        miner = miners[who]
        if number is None:
            members.discard(miner)
            there.discard(miner)
        else:
            miner.hashrate_class = number
            members.put(miner)
            there.add(miner)

    order = [miner.hashrate_class for miner in members]
    assert set(members) == there
    assert len(members) == len(there)
    assert order == sorted(order, reverse=True)
    assert set(members.classes) == set(order)
