"""Frames come through an encrypted stream whole, however it is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.bitcoin.base58 import decode_check, encode_check
from protocol.errors import RemoteError
from protocol.sv2.codec import Message, decode, encode
from protocol.sv2.frame import FrameTooLongError, build_frame
from protocol.sv2.transport import MAX_CHUNK_BYTES
from tests.messages import ANY_MESSAGE
from tests.noise_peers import connected


@given(st.lists(ANY_MESSAGE, min_size=1, max_size=6), st.data())
def test_any_cut_of_the_stream_yields_the_same_messages(
    messages: list[Message], data: st.DataObject
) -> None:
    ends = connected()
    stream = b"".join(ends.client.seal(encode(m)) for m in messages)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=8)))

    found = [
        decode(frame)
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
        for frame in ends.server.receive(stream[start:end])
    ]

    assert found == messages


def test_byte_by_byte_is_enough() -> None:
    ends = connected()
    frames = [build_frame(0, 9, bytes(size), is_channel=False) for size in (0, 1, 40)]
    stream = b"".join(map(ends.server.seal, frames))

    found = [f for byte in stream for f in ends.client.receive(bytes([byte]))]

    assert [len(f.payload) for f in found] == [0, 1, 40]


@pytest.mark.parametrize(
    "size", [0, 1, MAX_CHUNK_BYTES, MAX_CHUNK_BYTES + 1, 2 * MAX_CHUNK_BYTES, 200_000]
)
def test_a_long_payload_goes_in_chunks(size: int) -> None:
    ends = connected()
    payload = bytes(range(256)) * (size // 256) + bytes(size % 256)
    frame = build_frame(0, 9, payload, is_channel=False)

    sealed = ends.client.seal(frame)
    (found,) = ends.server.receive(sealed)

    assert found.payload == payload
    chunks = -(-size // MAX_CHUNK_BYTES)
    assert len(sealed) == 6 + 16 + size + 16 * chunks


def test_a_frame_over_the_limit_is_refused_before_it_comes() -> None:
    ends = connected(limit=100)
    sealed = ends.client.seal(build_frame(0, 9, bytes(101), is_channel=False))

    with pytest.raises(FrameTooLongError, match="101 B > 100 B"):
        list(ends.server.receive(sealed[:22]))


@given(st.lists(ANY_MESSAGE, min_size=1, max_size=3), st.data())
def test_a_changed_bit_is_never_taken_for_a_message(
    messages: list[Message], data: st.DataObject
) -> None:
    ends = connected()
    stream = bytearray(b"".join(ends.client.seal(encode(m)) for m in messages))
    at = data.draw(st.integers(0, len(stream) - 1))
    stream[at] ^= 1 << data.draw(st.integers(0, 7))
    found: list[Message | None] = []

    with pytest.raises(RemoteError):
        found.extend(decode(f) for f in ends.server.receive(bytes(stream)))

    assert found == messages[: len(found)]


@given(st.binary(min_size=1, max_size=60))
def test_base58check_is_read_back(payload: bytes) -> None:
    assert decode_check(encode_check(payload)) == payload
