"""CompactSize and pushes at the edges of their sizes (Bitcoin Core, serialize.h)."""

import pytest

from protocol.bitcoin.serialize import compact_size, push, with_length


@pytest.mark.parametrize(
    ("number", "data"),
    [
        (0, "00"),
        (0xFC, "fc"),
        (0xFD, "fdfd00"),
        (0xFFFF, "fdffff"),
        (0x1_0000, "fe00000100"),
        (0xFFFF_FFFF, "feffffffff"),
        (0x1_0000_0000, "ff0000000001000000"),
    ],
)
def test_a_number_takes_the_fewest_bytes(number: int, data: str) -> None:
    assert compact_size(number).hex() == data


@pytest.mark.parametrize("number", [-1, 1 << 64])
def test_what_has_no_compact_size_is_an_error(number: int) -> None:
    with pytest.raises(OverflowError):
        compact_size(number)


def test_data_is_behind_its_length() -> None:
    assert with_length(b"abc") == b"\x03abc"


@pytest.mark.parametrize(("size", "head"), [(75, "4b"), (76, "4c4c"), (255, "4cff")])
def test_a_push_is_the_shortest(size: int, head: str) -> None:
    assert push(bytes(size)) == bytes.fromhex(head) + bytes(size)


def test_more_than_a_coinbase_takes_is_not_pushed() -> None:
    with pytest.raises(ValueError, match="256 B > 255 B"):
        push(bytes(256))
