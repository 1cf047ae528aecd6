"""No bytes from a miner raise anything but the protocol's errors."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import RemoteError
from protocol.sv1.messages import Configure, OtherRequest, read_request
from protocol.sv1.server import MAX_LINE_BYTES, ServerSession
from protocol.work.version_rolling import OFFERED_MASK

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=8), inner)
    ),
    max_leaves=12,
)
METHODS = st.sampled_from(
    [
        "mining.subscribe",
        "mining.authorize",
        "mining.submit",
        "mining.configure",
        "mining.suggest_difficulty",
        "mining.suggest_target",
        "mining.suggest_difficulty(1024",
        "mining.extranonce.subscribe",
        "mining.ping",
        "pong",
        "mining.term",
        "",
    ]
) | st.text(max_size=12)
LINES = st.fixed_dictionaries({"id": JSON, "method": METHODS, "params": JSON}).map(
    lambda m: json.dumps(m).encode() + b"\n"
)


def feed(data: bytes) -> list[Any]:
    session = ServerSession()
    seen: list[Any] = []
    try:
        for request in session.receive(data):
            seen.append(request)
            if isinstance(request, OtherRequest):
                session.answer_other(request)
            if isinstance(request, Configure):
                session.configure(request, OFFERED_MASK)
    except RemoteError:
        seen.append("refused")
    return seen


@given(st.binary(max_size=300))
def test_garbage_is_read_or_refused(data: bytes) -> None:
    feed(data)
    feed(b"{" + data)


@given(st.lists(LINES, max_size=4))
def test_any_json_is_read_or_refused(lines: list[bytes]) -> None:
    feed(b"".join(lines))


@given(st.lists(LINES, max_size=3), st.integers(0, 200))
def test_the_same_bytes_in_two_pieces_mean_the_same(
    lines: list[bytes], cut: int
) -> None:
    data = b"".join(lines)
    session = ServerSession()
    pieces: list[Any] = []
    try:
        for piece in (data[:cut], data[cut:]):
            for request in session.receive(piece):
                pieces.append(request)
                if isinstance(request, OtherRequest):
                    session.answer_other(request)
    except RemoteError:
        pieces.append("refused")

    assert repr(pieces) == repr(feed(data))


def test_nesting_without_end_is_refused() -> None:
    line = b'{"id":1,"method":"mining.submit","params":' + b"[" * 8000 + b"\n"

    assert feed(line) == ["refused"]


def test_a_line_without_end_is_refused() -> None:
    assert feed(b"{" * (MAX_LINE_BYTES + 1)) == ["refused"]


def test_nan_is_no_difficulty() -> None:
    assert feed(b'{"id":1,"method":"mining.suggest_difficulty","params":[NaN]}\n') == [
        "refused"
    ]
    request = read_request(
        b'{"id":1,"method":"mining.suggest_difficulty","params":["nan"]}'
    )
    assert getattr(request, "difficulty", 0) is None
