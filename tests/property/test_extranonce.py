from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from protocol.work.extranonce import Layout, SlotPool


class SlotLife(RuleBasedStateMachine):
    """Miners come and go while jobs are made and retire."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = SlotPool(6)
        self.held: dict[int, int] = {}
        self.seq = 0
        self.oldest = 1
        self.ghosts: dict[int, int] = {}

    @rule()
    def a_job_is_made(self) -> None:
        self.seq += 1

    @rule()
    def a_miner_comes(self) -> None:
        full = self.pool.is_exhausted
        slot = self.pool.acquire()

        assert (slot is None) == full
        if slot is not None:
            self._take(slot)

    @rule(slot=st.integers(0, 5))
    def a_miner_moves_in(self, slot: int) -> None:
        if self.pool.acquire_exactly(slot):
            self._take(slot)
        else:
            assert slot in self.held or slot in self.ghosts

    @rule(data=st.data())
    def a_miner_goes(self, data: st.DataObject) -> None:
        if not self.held:
            return
        slot = data.draw(st.sampled_from(sorted(self.held)))
        del self.held[slot]
        self.ghosts[slot] = self.seq
        self.pool.release(slot, self.seq)

    @rule()
    def jobs_retire(self) -> None:
        self.oldest = self.seq + 1
        self.pool.retire(self.oldest)
        self.ghosts = {s: q for s, q in self.ghosts.items() if q >= self.oldest}

    @invariant()
    def the_pool_knows_who_holds_what(self) -> None:
        assert self.pool.held == len(self.held)

    def _take(self, slot: int) -> None:
        assert slot not in self.held, "two live miners share a space"
        assert slot not in self.ghosts, "a job of the last holder still lives"
        self.held[slot] = self.seq


TestSlotLife = SlotLife.TestCase


@given(size=st.integers(1, 300))
def test_every_slot_can_be_had_once(size: int) -> None:
    pool = SlotPool(size)

    slots = [pool.acquire() for _ in range(size)]

    assert sorted(s for s in slots if s is not None) == list(range(size))
    assert pool.acquire() is None


def test_a_slot_without_a_job_is_free_at_once() -> None:
    pool = SlotPool(1)
    pool.acquire()

    pool.release(0, None)

    assert pool.acquire() == 0


def test_a_layout_knows_what_is_left_over() -> None:
    layout = Layout(slot_bytes=1, extranonce2_bytes=3)

    assert layout.room == 4
    assert layout.padding_of(8) == 4
    assert layout.padding_of(3) == -1
