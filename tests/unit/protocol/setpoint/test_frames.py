from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import MalformedMessageError
from protocol.setpoint.frames import (
    MAX_PIPELINED,
    ExceptionCode,
    Frame,
    FrameReader,
    Function,
    Read,
    RefusedError,
    Write,
    exception_answer,
    parse_request,
    read_answer,
    write_answer,
)

# As mbpoll and pymodbus send them: read 2 at 40094, write one, write two.
READ = bytes.fromhex("000100000006 01 03 9c9e 0002")
WRITE_ONE = bytes.fromhex("000200000006 01 06 0003 0001")
WRITE_TWO = bytes.fromhex("00030000000b 01 10 0001 0002 04 0000 01f4")


@pytest.mark.parametrize(
    ("data", "request_"),
    [
        (READ, Read(40_094, 2)),
        (WRITE_ONE, Write(Function.WRITE_ONE, 3, (1,))),
        (WRITE_TWO, Write(Function.WRITE_MANY, 1, (0, 500))),
    ],
)
def test_a_request_is_read_as_it_travels(data: bytes, request_: Read | Write) -> None:
    (frame,) = FrameReader().feed(data)

    assert parse_request(frame.pdu) == request_
    assert frame.encode() == data


def test_answers_travel_as_the_specification_has_them() -> None:
    assert read_answer((1, 0xFFFF)) == bytes.fromhex("03 04 0001 ffff")
    assert write_answer(Write(Function.WRITE_ONE, 3, (1,))) == WRITE_ONE[7:]
    many = Write(Function.WRITE_MANY, 1, (0, 500))
    assert write_answer(many) == bytes.fromhex("10 0001 0002")
    assert exception_answer(b"\x10", ExceptionCode.BUSY) == b"\x90\x06"


@pytest.mark.parametrize(
    ("pdu", "code"),
    [
        ("05 0001 ff00", ExceptionCode.ILLEGAL_FUNCTION),
        ("03 0001 0000", ExceptionCode.ILLEGAL_VALUE),
        ("03 0001 007e", ExceptionCode.ILLEGAL_VALUE),
        ("03 00", ExceptionCode.ILLEGAL_VALUE),
        ("06 0003 0001 00", ExceptionCode.ILLEGAL_VALUE),
        ("10 0001 0002 04 0000", ExceptionCode.ILLEGAL_VALUE),
        ("10 0001 0002 02 0000 0000", ExceptionCode.ILLEGAL_VALUE),
        ("10 0001 0000 00", ExceptionCode.ILLEGAL_VALUE),
    ],
)
def test_what_cannot_be_answered_is_refused(pdu: str, code: ExceptionCode) -> None:
    with pytest.raises(RefusedError) as found:
        parse_request(bytes.fromhex(pdu))

    assert found.value.code is code


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n", bytes(12), b"\0\1\0\0\xff\xff\1\3", READ * 17]
)
def test_what_is_no_modbus_ends_the_connection(data: bytes) -> None:
    with pytest.raises(MalformedMessageError):
        FrameReader().feed(data)


def test_requests_that_wait_are_bounded() -> None:
    assert len(FrameReader().feed(READ * MAX_PIPELINED)) == MAX_PIPELINED


@given(
    st.lists(
        st.builds(
            Frame,
            st.integers(0, 0xFFFF),
            st.integers(0, 255),
            st.binary(min_size=1, max_size=253),
        ),
        max_size=8,
    ),
    st.integers(1, 9),
)
def test_frames_are_found_however_they_are_cut(frames: list[Frame], cut: int) -> None:
    data = b"".join(frame.encode() for frame in frames)
    reader = FrameReader()

    found = [
        frame
        for at in range(0, len(data), cut)
        for frame in reader.feed(data[at : at + cut])
    ]

    assert found == frames
    assert not reader.is_within


@given(st.binary(max_size=600))
def test_no_bytes_do_more_than_end_a_connection(data: bytes) -> None:
    try:
        frames = FrameReader().feed(data)
    except MalformedMessageError:
        return
    for frame in frames:
        with suppress(RefusedError):
            parse_request(frame.pdu)
