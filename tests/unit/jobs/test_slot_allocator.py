"""The layout follows what is known, and is pinned while somebody is seated."""

import pytest

from protocol.units import Seconds
from protocol.work.extranonce import Layout
from proxy.jobs.slot_allocator import SETTLE, SlotAllocator
from tests.fakes.source import FakeSource

START = Seconds(1000.0)
LATER = Seconds(START + SETTLE)


def sources(*rooms: int | None) -> tuple[FakeSource, ...]:
    made = tuple(FakeSource(f"pool{i}") for i in range(len(rooms)))
    for source, room in zip(made, rooms, strict=True):
        source.room = room
    return made


def name_of(slots: SlotAllocator) -> str | None:
    return slots.layout.name if slots.layout else None


def test_nothing_is_decided_while_nothing_is_known() -> None:
    slots = SlotAllocator(sources(None, None))

    assert not slots.update(START)
    assert not slots.update(LATER)
    assert slots.acquire() is None


def test_the_smallest_of_those_that_are_known_decides() -> None:
    slots = SlotAllocator(sources(8, 4))

    assert slots.update(START)
    assert name_of(slots) == "1+3"


def test_the_others_are_waited_for_a_little() -> None:
    best, spare = sources(None, 8)
    slots = SlotAllocator((best, spare))

    assert not slots.update(START)
    best.room = 4
    assert slots.update(Seconds(START + 1.0))
    assert name_of(slots) == "1+3"


def test_one_that_says_nothing_holds_nobody_up_for_long() -> None:
    slots = SlotAllocator(sources(None, 8))
    slots.update(START)

    assert slots.update(LATER)
    assert name_of(slots) == "4+4"


def test_the_layout_is_decided_anew_while_nobody_is_seated() -> None:
    best, spare = sources(8, None)
    slots = SlotAllocator((best, spare))
    slots.update(START)
    slots.update(LATER)
    spare.room = 6

    assert slots.update(LATER)
    assert name_of(slots) == "2+4"


def test_it_is_pinned_while_somebody_is_seated() -> None:
    (pool,) = made = sources(8)
    slots = SlotAllocator(made)
    slots.update(START)
    seat = slots.acquire()
    assert seat
    pool.room = 4

    assert not slots.update(LATER)
    seat.release(None)
    assert slots.update(LATER)
    assert name_of(slots) == "1+3"


def test_each_layout_that_was_used_has_a_plan_of_its_own() -> None:
    (pool,) = made = sources(8)
    slots = SlotAllocator(made)
    generations = []
    for room in (4, 8, 4):
        pool.room = room
        slots.update(START)
        assert slots.layout
        generations.append(slots.layout.generation)
        if room == 8:
            seat = slots.acquire()
            assert seat
            seat.release(None)

    assert generations == [0, 0, 1]


def test_a_configured_layout_needs_no_source() -> None:
    slots = SlotAllocator(sources(None), fixed=Layout(1, 7))

    assert slots.update(START)
    assert name_of(slots) == "1+7"
    assert not slots.replan()


@pytest.mark.parametrize("recalled", [None, Layout(1, 3)])
def test_a_guess_is_what_was_last_or_four_and_four(recalled: Layout | None) -> None:
    slots = SlotAllocator(sources(None), recalled=recalled)
    slots.fall_back()

    assert name_of(slots) == ("1+3" if recalled else "4+4")
    assert slots.is_provisional


@pytest.mark.parametrize(("room", "is_kept"), [(8, True), (4, False)])
def test_a_guess_is_kept_if_it_fits_the_first_that_is_known(
    room: int, *, is_kept: bool
) -> None:
    kept: list[str] = []
    (pool,) = made = sources(None)
    slots = SlotAllocator(made, remember=lambda layout: kept.append(layout.name))
    slots.fall_back()
    slots.acquire()
    pool.room = room

    assert not slots.update(START)
    assert not slots.is_provisional
    assert slots.replan() is not is_kept
    assert kept[-1] == ("4+4" if is_kept else "1+3")


def test_a_decision_is_remembered_and_a_guess_is_not() -> None:
    kept: list[str] = []
    made = sources(None)
    slots = SlotAllocator(made, remember=lambda layout: kept.append(layout.name))
    slots.fall_back()
    assert kept == []

    made[0].room = 3
    slots.update(START)
    assert kept[-1] == "1+2"


def test_who_leaves_less_than_any_layout_needs_does_not_decide() -> None:
    best, spare = made = sources(2, 8)
    slots = SlotAllocator(made)
    slots.update(START)

    assert name_of(slots) == "4+4"
    assert "leaves 2 B" in slots.why_not_here(best)
    assert slots.why_not_here(spare) == ""


def test_a_proxy_may_roll_what_every_source_leaves_beside_its_slot() -> None:
    pool, node = made = sources(8, 12)
    node.numbering_bytes = 2
    slots = SlotAllocator(made)
    slots.update(START)

    assert slots.most_extranonce2((pool, node)) == (6, "pool0")
    assert slots.most_extranonce2((node,)) == (8, "pool1")


def test_who_is_not_used_takes_nothing_from_a_proxy() -> None:
    best, spare = made = sources(8, None)
    slots = SlotAllocator(made)
    slots.update(START)
    slots.update(LATER)
    slots.acquire()
    spare.room = 4

    assert slots.most_extranonce2((best, spare)) == (6, "pool0")


@pytest.mark.parametrize(
    ("room", "most"), [(8, 6), (7, 6), (6, 5), (5, 4), (4, 3), (3, 2)]
)
def test_a_proxy_gets_what_there_is_at_any_layout(room: int, most: int) -> None:
    made = sources(room)
    slots = SlotAllocator(made)
    slots.update(START)
    seat = slots.acquire(most, made)

    assert slots.most_extranonce2(made) == (most, "pool0")
    assert seat
    assert seat.extranonce2_bytes == most
    assert len(seat.extranonce1) + most == room
