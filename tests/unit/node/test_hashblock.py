"""hashblock messages as bitcoind sends them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import MalformedMessageError
from proxy.node.hashblock import HashBlock, missed_between, parse_hashblock


def test_the_hash_is_in_display_order_already_and_the_count_little_endian() -> None:
    parts = [b"hashblock", b"\x00" * 31 + b"\xab", b"\x01\x02\x00\x00"]

    assert parse_hashblock(parts) == HashBlock("00" * 31 + "ab", 0x0201)


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [b"hashblock"],
        [b"hashtx", bytes(32), bytes(4)],
        [b"hashblock", bytes(31), bytes(4)],
        [b"hashblock", bytes(32), bytes(3)],
        [b"hashblock", bytes(32), bytes(4), b""],
    ],
)
def test_anything_else_is_malformed(parts: list[bytes]) -> None:
    with pytest.raises(MalformedMessageError):
        parse_hashblock(parts)


@given(st.lists(st.binary(max_size=40), max_size=4))
def test_any_parts_are_a_message_or_malformed(parts: list[bytes]) -> None:
    try:
        block = parse_hashblock(parts)
    except MalformedMessageError:
        return
    assert len(block.tip) == 64


@pytest.mark.parametrize(
    ("last", "sequence", "missed"),
    [(7, 8, 0), (7, 10, 2), (2**32 - 1, 0, 0), (2**32 - 1, 3, 3), (500, 0, 0)],
)
def test_a_count_that_goes_back_is_of_a_node_that_was_restarted(
    last: int, sequence: int, missed: int
) -> None:
    assert missed_between(last, sequence) == missed
