"""What is done to many, some in each turn."""

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from protocol.units import Seconds
from proxy.runtime.slices import AT_ONCE, Pieces, Slices


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


def test_the_pieces_of_all_calls_take_a_part_of_a_turn() -> None:
    clock = Clock()
    pieces = Pieces(clock, Seconds(0.002))
    done: list[int] = []

    async def work(number: int) -> None:
        for _ in range(2):
            await pieces.turn()
            clock.rightNow += 0.001
            done.append(number)

    for number in range(5):
        _ = Deferred.fromCoroutine(work(number))

    turns = []
    while clock.calls:
        call = clock.calls.pop()
        call.called = 1
        call.func()  # not those that it puts off, as advance(0) does
        turns.append(len(done))

    assert done == [0, 1, 2, 3, 4] * 2
    assert turns == [2, 4, 6, 8, 10]


def test_a_call_whose_caller_is_gone_gets_no_turn() -> None:
    clock = Clock()
    pieces = Pieces(clock, Seconds(1.0))
    gone, here = pieces.turn(), pieces.turn()
    _ = gone.addErrback(lambda _: None)

    gone.cancel()
    clock.advance(0)

    assert here.called
    assert not clock.calls
