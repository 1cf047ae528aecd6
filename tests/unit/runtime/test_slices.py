"""What is done to many, some in each turn."""

from attrs import define, field
from twisted.internet.task import Clock

from protocol.units import Seconds
from proxy.runtime.slices import AT_ONCE, Slices


@define(eq=False)
class One:
    name: int
    dropped: list[str] = field(factory=list)

    def drop(self, why: str) -> None:
        self.dropped.append(why)


def test_the_first_are_served_at_once_and_the_rest_in_turns() -> None:
    clock, served = Clock(), list[int]()
    slices: Slices[One] = Slices(clock, lambda one: served.append(one.name), "serving")

    slices.add(One(n) for n in range(AT_ONCE + 1))
    assert len(served) == AT_ONCE
    clock.advance(Seconds(0))

    assert served == list(range(AT_ONCE + 1))


def test_who_is_added_in_the_middle_of_a_turn_has_the_next_one() -> None:
    clock, served = Clock(), list[int]()

    def serve(one: One) -> None:
        served.append(one.name)
        if one.name == 0:
            slices.add([One(7)])

    slices: Slices[One] = Slices(clock, serve, "serving")
    slices.add([One(0)])

    assert served == [0]
    assert len(clock.getDelayedCalls()) == 1
    slices.stop()
    assert clock.getDelayedCalls() == []
