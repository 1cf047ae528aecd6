from itertools import pairwise

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from protocol.work.extranonce import Layout, SlotPool, auto_layout
from protocol.work.template import EXTRANONCE2_BYTES
from proxy.jobs.space import Spaces
from proxy.node.source import NUMBERING_BYTES


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


LAYOUTS = [Layout(slot, rolled) for slot in range(1, 5) for rolled in range(1, 9)]
AUTO = [layout for layout in map(auto_layout, ([r] for r in range(3, 9))) if layout]
NUMBERS = [0, 1, 31, 32, 223, 224, 229, 4095]
Place = tuple[tuple[Layout, int, bytes], int, bytes]
"""Whose it is, on which connection, and all our bytes before what is rolled."""


@st.composite
def places(
    draw: st.DrawFn, cut: Layout, source_room: int, most: int, generations: int
) -> list[Place]:
    """Draw where some miners of a site search, those of earlier layouts among them."""
    found = []
    for _ in range(draw(st.integers(2, 8))):
        layout = evolve(cut, generation=draw(st.integers(0, generations - 1)))
        least = layout.room if layout.has_proxy_slots else layout.room + 1
        rooms = st.integers(least, most) if least <= most else st.none()
        spaces = Spaces(layout)
        for room in draw(st.lists(st.none() | rooms, min_size=1, max_size=3)):
            seat = spaces.hold(room)
            assert seat is not None
            own = seat.layout
            # spaces of proxies are opened when 8,192 seats of those before are taken
            numbers = NUMBERS[:5] if own.is_for_proxies else NUMBERS
            number = draw(st.sampled_from(numbers))
            size = own.padding_of(source_room)
            place = own.padding(number, size) + seat.extranonce1
            key = own, number, seat.extranonce1
            found.append((key, own.connection(number, size), place))
    return found


def assert_apart(found: list[Place], *, by_connection: bool) -> None:
    each = {key: (by_connection * there, place) for key, there, place in found}
    ordered = sorted(each.values())

    for (there, one), (here, other) in pairwise(ordered):
        assert there != here or not other.startswith(one)


@given(st.data())
def test_no_place_at_a_pool_is_the_beginning_of_another(data: st.DataObject) -> None:
    cut = data.draw(st.sampled_from(LAYOUTS))
    room = data.draw(st.integers(cut.room, 16))

    assert_apart(data.draw(places(cut, room, room, 300)), by_connection=True)


@given(st.data())
def test_no_place_at_a_node_is_the_beginning_of_another(data: st.DataObject) -> None:
    cut = data.draw(st.sampled_from(AUTO))
    room = EXTRANONCE2_BYTES
    most = room - NUMBERING_BYTES

    assert_apart(data.draw(places(cut, room, most, 32)), by_connection=False)


@pytest.mark.parametrize(
    ("rooms", "layout"),
    [
        ([8], "4+4"), ([12, 8], "4+4"), ([7, 8], "3+4"), ([6], "2+4"), ([5, 9], "2+3"),
        ([4, 8], "1+3"), ([3], "1+2"), ([2, 8], "4+4"), ([2], None), ([], None),
    ],
)  # fmt: skip
def test_the_smallest_source_that_can_be_used_decides(
    rooms: list[int], layout: str | None
) -> None:
    found = auto_layout(rooms)

    assert (found and found.name) == layout


def test_a_proxy_shares_the_jobs_of_miners_where_its_slot_does_for_it() -> None:
    spaces = Spaces(Layout(4, 4))
    miner, proxy, larger = spaces.hold(), spaces.hold(8), spaces.hold(10)

    assert miner
    assert proxy
    assert larger
    assert miner.extranonce1 == bytes(4)
    assert (proxy.extranonce1, proxy.extranonce2_bytes) == (b"\xe0\0", 6)
    assert (larger.extranonce1, larger.extranonce2_bytes) == (b"\xe0\1", 8)
    assert proxy.layout == miner.layout
    assert larger.layout == Layout(2, 8, is_for_proxies=True)
