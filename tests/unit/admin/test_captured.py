"""A recording, message by message, without a password in it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.sv2.codec import common, encode, mining
from protocol.sv2.frame import build_frame
from proxy.admin.captured import Captured, FrameReader, LineReader
from proxy.runtime.tap import Piece


def read(*data: bytes, ours: bool = False) -> list[Captured]:
    reader = LineReader()
    return [m for one in data for m in reader.read(Piece(1.0, ours, 0, one))]


@pytest.mark.parametrize(
    "request_",
    [
        {"id": 1, "method": "mining.authorize", "params": ["rig1", "hunter2"]},
        {"id": 1, "method": "mining.authorize", "params": ["rig1", {"p": "hunter2"}]},
        {"id": 1, "method": "mining.authorize", "params": {"password": "hunter2"}},
        {"id": 1, "method": "login", "params": {"login": "a", "pass": "hunter2"}},
        {"id": 1, "method": ["mining.submit"], "params": ["a", "hunter2"]},
        {"id": 1, "method": None, "params": ["a", "hunter2"]},
        ["mining.authorize", "rig1", "hunter2"],
        "hunter2",
    ],
)
def test_what_may_be_a_password_is_masked(request_: Any) -> None:
    line = json.dumps(request_).encode()
    escaped = line.replace(b"authorize", b"\\u0061uthorize")

    for one in (line, escaped):
        (found,) = read(one + b"\n")
        assert "hunter2" not in repr(found)
        assert found.masked


@pytest.mark.parametrize(
    "data",
    [
        b'{"id":1,"method":"mining.authorize","params":["rig1","hunter2"}\n',
        b'{"id":1,"method":"mining.authorize","params":["rig1"\n,"hunter2"]}\n',
        b'{"id":1,"method":"mining.\\u0061uthorize","params":["rig1","hunter2"\n',
        b'{"params":["rig1"],"password":"hunter2"\n',
    ],
)
def test_of_what_cannot_be_read_nothing_is_shown_that_may_log_in(data: bytes) -> None:
    found = read(data)

    assert found
    assert "hunter2" not in repr(found)
    assert all(one.unreadable for one in found)


def test_other_lines_are_shown_as_they_were_spelled() -> None:
    spelled = b'{ "method":"mining.submit" ,"params":["rig1", "2"],"id" : 4 }'
    broken = b"GET / HTTP/1.1"

    found = read(spelled + b"\r\n\n" + broken + b"\n")

    assert [one.line for one in found] == [spelled.decode(), broken.decode()]
    assert [bool(one.unreadable) for one in found] == [False, True]
    assert found[0].size == len(spelled)


def test_what_we_say_is_shown_whole() -> None:
    line = b'{"id":null,"method":"mining.notify","params":["1","00"]}'

    (found,) = read(line + b"\n", ours=True)

    assert (found.way, found.line, found.masked) == ("out", line.decode(), False)


def test_after_a_gap_a_miner_is_read_from_its_next_line_on() -> None:
    reader = LineReader()
    list(reader.read(Piece(1.0, False, 0, b'{"id":1,')))

    found = [
        *reader.read(Piece(2.0, False, 3, b'"id":2}\n{"id":3,"result"')),
        *reader.read(Piece(3.0, False, 0, b":true}\n")),
    ]

    assert [one.line for one in found] == ['{"id":3,"result":true}']


def test_a_line_without_end_is_cut() -> None:
    found = read(b"x" * 10_000, b"x" * 10_000, b"x" * 100)

    assert [one.size for one in found] == [20_000]
    assert len(found[0].line) == 1024


@given(st.lists(st.integers(1, 40), max_size=10))
def test_any_cut_leads_to_the_same_lines(cuts: list[int]) -> None:
    whole = b'{"id":1,"result":true}\r\n\n{"id":2}\n{"id":3,"result":null}\n'
    parts, at = [], 0
    for cut in cuts:
        parts.append(whole[at : at + cut])
        at += cut

    assert [m.line for m in read(*parts, whole[at:])] == [m.line for m in read(whole)]


def test_frames_are_read_by_name_and_field() -> None:
    big = (1 << 256) - 1
    frames = encode(mining.SetTarget(7, big)) + encode(common.Reconnect("pool", 3333))

    found = list(FrameReader().read(Piece(1.0, True, 2, frames)))

    assert [one.message for one in found] == ["SetTarget", "Reconnect"]
    assert found[0].fields == {"channel_id": 7, "maximum_target": f"{big:x}"}
    assert [one.missed for one in found] == [2, 0]


def test_frames_that_are_unknown_or_broken_are_shown_as_bytes() -> None:
    unknown = build_frame(0x1234, 0xEE, b"abc", is_channel=False)
    broken = build_frame(0, 0x1B, b"\1", is_channel=True)

    found = [
        next(FrameReader().read(Piece(1.0, False, 0, one))) for one in (unknown, broken)
    ]

    assert [one.hex for one in found] == [unknown.hex(), broken.hex()]
    assert not found[0].unreadable
    assert "SubmitSharesExtended" in found[1].unreadable


def test_what_was_missed_of_ours_shows_nothing_of_theirs() -> None:
    reader = LineReader()
    pieces = [
        Piece(1.0, False, 3, b'e","params":["w.1",'),
        Piece(1.0, True, 2, b""),
        Piece(1.0, False, 0, b'"hunter2"]}\n{"id":2}\n'),
    ]
    found = [one for piece in pieces for one in reader.read(piece)]

    assert [one.line for one in found] == ['{"id":2}']
