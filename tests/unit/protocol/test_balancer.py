"""The header of a balancer, both versions, whole and in pieces."""

from ipaddress import ip_address
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.balancer import MAX_V1_BYTES, MAX_V2_BYTES, SIGNATURE, BalancerHeader
from protocol.errors import RemoteError

V1 = b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 3333\r\n"
V2 = bytes.fromhex(
    "0d0a0d0a000d0a515549540a"  # signature
    "2111000c"  # PROXY, TCP over IPv4, 12 B
    "c0000207c6336401"  # 192.0.2.7, 198.51.100.1
    "9c400d05"  # 40000, 3333
)
REST = b'{"id":1}\n'


def v2(command: int, family: int, body: bytes) -> bytes:
    head = bytes([command, family]) + len(body).to_bytes(2, "big")
    return SIGNATURE + head + body


def address_of(data: bytes) -> str | None:
    header = BalancerHeader()
    assert header.feed(data) == b""
    assert header.wanted == 0
    return header.address


@pytest.mark.parametrize("header", [V1, V2])
def test_the_source_is_who_it_is_and_what_follows_is_left(header: bytes) -> None:
    read = BalancerHeader()

    assert read.feed(header + REST) == REST
    assert read.address == "192.0.2.7"


@given(st.sampled_from([V1, V2]), st.lists(st.integers(0, 60), max_size=8))
def test_any_cut_gives_the_same(header: bytes, cuts: list[int]) -> None:
    data, read, left = header + REST, BalancerHeader(), b""
    places = [0, *sorted(cuts), len(data)]
    for begin, end in pairwise(places):
        left += read.feed(data[begin:end])

    assert (read.address, left) == ("192.0.2.7", REST)


@given(st.sampled_from([V1, V2]))
def test_taking_as_much_as_is_wanted_never_takes_a_byte_of_what_follows(
    header: bytes,
) -> None:
    data, read = header + REST, BalancerHeader()
    while wanted := read.wanted:
        assert read.feed(data[:wanted]) == b""
        data = data[wanted:]

    assert data == REST


@pytest.mark.parametrize(
    "header",
    [
        b"PROXY UNKNOWN\r\n",
        b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n",
        v2(0x20, 0x00, b""),
        v2(0x20, 0x11, V2[16:]),
        v2(0x21, 0x31, bytes(216)),
    ],
)
def test_a_check_of_the_balancer_is_its_own_connection(header: bytes) -> None:
    assert address_of(header) is None


def test_ipv6_and_what_is_mapped_into_it() -> None:
    raw = ip_address("2001:db8::7").packed + bytes(16) + bytes(4)
    mapped = ip_address("::ffff:192.0.2.7").packed + bytes(16) + bytes(4)

    assert address_of(v2(0x21, 0x21, raw)) == "2001:db8::7"
    assert address_of(v2(0x21, 0x21, mapped)) == "192.0.2.7"
    assert address_of(b"PROXY TCP6 2001:db8::7 ::1 1 2\r\n") == "2001:db8::7"


@pytest.mark.parametrize(
    "data",
    [
        b'{"id":1,"method":"mining.subscribe"}\n',
        b"PROXY TCP4 192.0.2.7\r\n",
        b"PROXY TCP4 ::1 ::1 1 2\r\n",
        b"PROXY TCP4 300.0.0.1 1.1.1.1 1 2\r\n",
        b"PROXY TCP4 \xff\xff\xff\xff\xff\xff 1.1.1.1 1 2\r\n",
        b"PROXY TCP6 " + b"1" * MAX_V1_BYTES,
        v2(0x22, 0x11, bytes(12)),
        v2(0x21, 0x11, bytes(11)),
        v2(0x21, 0x11, bytes(MAX_V2_BYTES)),
    ],
)
def test_what_is_no_header_is_refused(data: bytes) -> None:
    with pytest.raises(RemoteError):
        BalancerHeader().feed(data)


@given(st.sampled_from([SIGNATURE, b"PROXY ", b""]), st.binary(max_size=600))
def test_no_bytes_do_more_than_be_refused(begin: bytes, data: bytes) -> None:
    header = BalancerHeader()
    try:
        rest = header.feed(begin + data)
    except RemoteError:
        return
    assert not rest or header.wanted == 0
