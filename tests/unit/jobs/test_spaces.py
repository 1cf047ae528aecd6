"""Search spaces and the slots in them."""

from protocol.work.extranonce import Layout
from proxy.jobs.space import MAX_SPACES, HeldSlot, Space, Spaces

NARROW, WIDE = Layout(1, 3), Layout(4, 4)


def a_seat(spaces: Spaces) -> HeldSlot:
    seat = spaces.hold()
    assert seat is not None
    return seat


def a_space(spaces: Spaces) -> Space:
    space = spaces.new_space()
    assert space is not None
    return space


def test_no_two_have_the_same_slot_of_a_space() -> None:
    spaces = Spaces(NARROW)
    seats = [a_seat(spaces) for _ in range(600)]

    assert len({(s.space.number, s.extranonce1) for s in seats}) == 600
    assert [space.number for space in spaces] == [0, 1, 2]
    assert spaces.held == 600


def test_no_space_is_opened_where_it_must_not() -> None:
    spaces = Spaces(NARROW)
    assert spaces.hold(may_open=False) is None
    for _ in range(256):
        a_seat(spaces)

    assert spaces.hold(may_open=False) is None
    assert a_seat(spaces).space.number == 1


def test_a_wide_layout_has_one_space_for_all() -> None:
    spaces = Spaces(WIDE)

    assert a_space(spaces) is a_space(spaces)
    assert spaces.is_wide


def test_there_is_an_end_of_spaces() -> None:
    spaces = Spaces(NARROW)
    made = [spaces.new_space() for _ in range(MAX_SPACES + 1)]

    assert made[-2] is not None
    assert made[-1] is None
    assert spaces.move_away(a_seat(spaces)) is None


def test_a_move_keeps_what_the_miner_knows_and_frees_the_old_slot() -> None:
    spaces = Spaces(NARROW)
    seat = a_seat(spaces)
    other = a_space(spaces)

    moved = seat.move(other)

    assert moved is not None
    assert (moved.space, moved.extranonce1) == (other, seat.extranonce1)
    assert seat.space.slots.held == 0
    assert seat.space.resting(is_proxy=False) == 0


def test_a_seat_that_is_held_elsewhere_does_not_move() -> None:
    spaces = Spaces(NARROW)
    seat = a_seat(spaces)
    other = a_space(spaces)
    held = seat.move(other)
    again = seat.space.slots.acquire_exactly(seat.slot)
    assert again
    assert held is not None

    assert HeldSlot(seat.space, seat.slot, NARROW, seat.extranonce1).move(other) is None
    assert seat.space.slots.held == 1


def test_a_slot_rests_until_there_is_a_newer_job() -> None:
    spaces = Spaces(NARROW)
    seat = a_seat(spaces)
    other = a_space(spaces)
    moved = seat.move(other)
    assert moved is not None
    moved.release(7)

    assert seat.rests_in(other)
    assert seat.move(other) is None
    other.retire(7)
    assert other.resting(is_proxy=False) == 1
    other.retire(8)

    assert other.resting(is_proxy=False) == 0
    assert not seat.rests_in(other)


def test_a_vacant_space_is_used_before_a_new_one() -> None:
    spaces = Spaces(NARROW)
    seat = a_seat(spaces)
    first, second = a_space(spaces), a_space(spaces)
    spaces.vacate(second)

    moved = spaces.move_away(seat)
    assert moved is not None
    assert moved.space is second
    again = spaces.move_away(moved)

    assert again is not None
    assert again.space.number == 3
    assert first.slots.held == 0


def test_a_vacant_space_where_the_slot_is_held_is_passed_over() -> None:
    spaces = Spaces(NARROW)
    seat = a_seat(spaces)
    held, free = a_space(spaces), a_space(spaces)
    assert held.slots.acquire_exactly(seat.slot)
    spaces.vacate(held)
    spaces.vacate(free)

    moved = spaces.move_away(seat)

    assert moved is not None
    assert moved.space is free


def test_a_space_that_is_occupied_is_not_vacant() -> None:
    spaces = Spaces(NARROW)
    seat = a_seat(spaces)
    space = a_space(spaces)
    spaces.vacate(space)
    spaces.occupy(space)

    moved = spaces.move_away(seat)

    assert moved is not None
    assert moved.space is not space


def test_a_space_of_a_former_layout_is_never_vacant_here() -> None:
    former, spaces = Spaces(NARROW), Spaces(NARROW)
    spaces.vacate(a_space(former))

    moved = spaces.move_away(a_seat(spaces))

    assert moved is not None
    assert moved.space in list(spaces)
