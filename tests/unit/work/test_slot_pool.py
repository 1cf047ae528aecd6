from protocol.work.extranonce import SlotPool


def test_slots_are_taken_in_turn_so_that_a_freed_one_rests_longest() -> None:
    pool = SlotPool(3)
    first = pool.acquire()
    assert first is not None
    pool.release(first, None)

    assert [pool.acquire() for _ in range(4)] == [1, 2, 0, None]


def test_what_is_held_is_passed_over() -> None:
    pool = SlotPool(4)
    assert pool.acquire_exactly(1)
    assert pool.acquire_exactly(2)

    assert [pool.acquire() for _ in range(3)] == [0, 3, None]


def test_a_slot_rests_while_the_last_job_of_its_holder_lives() -> None:
    pool = SlotPool(1)
    slot = pool.acquire()
    assert slot is not None
    pool.release(slot, 7)

    pool.retire(7)
    assert pool.is_exhausted
    pool.retire(8)
    assert pool.acquire() == slot
