from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.units import Difficulty, Seconds
from proxy.sim.nonce_search import FoundShare, Search, WorkOrder, header_of

EVERY_HASH = Difficulty(2.0**-33)


def headers(order: WorkOrder, shares: list[FoundShare], mask: int) -> list[bytes]:
    return [
        header_of(
            order,
            s.extranonce2,
            order.version & ~mask | s.version_bits,
            s.ntime,
            s.nonce,
        )
        for s in shares
    ]


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**64),
    size=st.integers(1, 4),
    masks=st.lists(st.sampled_from([0, 0x2000, 0x1FFFE000]), min_size=1, max_size=3),
    slices=st.lists(st.integers(1, 3000), min_size=1, max_size=4),
)
def test_no_header_is_ever_found_twice(
    seed: int, size: int, masks: list[int], slices: list[int]
) -> None:
    order = WorkOrder(
        "a", bytes(32), b"1", b"2", (), 0x20000000, 0x207FFFFF, 1, b"s", size
    )
    search = Search(order, masks[0], seed, Seconds(0.0))
    found: list[bytes] = []
    made = 0
    for mask in masks:
        search.change_mask(mask)
        for count in slices:
            shares = search.run(count, EVERY_HASH, Seconds(0.0))
            found += headers(order, shares, mask)
            made += count

    assert len(found) == made
    assert len(set(found)) == made
