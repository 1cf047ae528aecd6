"""Whatever a pool sends, nothing but RemoteError comes out, and little is kept."""

import contextlib
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.errors import RemoteError
from protocol.sv1.client import MAX_LINE_BYTES, ClientSession
from protocol.units import Difficulty
from protocol.work.pool_events import WorkReceived
from tests.received import received

METHODS = [
    "mining.notify", "mining.set_difficulty", "mining.set_extranonce",
    "mining.set_version_mask", "mining.set_version", "mining.ping",
    "client.reconnect", "client.show_message", "client.get_version", "pong", "?",
]  # fmt: skip
NOTIFY: list[Any] = ["j", "0" * 64, "00", "00", [], "4", "1d00ffff", "4", True]

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70)
    | st.sampled_from(["0" * 64, "1d00ffff", "1fffe000", "00", *METHODS]),
    lambda inner: st.lists(inner, max_size=9)
    | st.dictionaries(st.sampled_from(["version-rolling", "code", "x"]), inner),
    max_leaves=12,
)  # fmt: skip
params = values | st.tuples(*(st.just(p) | values for p in NOTIFY)).map(list)
messages = st.fixed_dictionaries(
    {"id": st.none() | st.integers(-1, 6) | values},
    optional={
        "method": st.sampled_from(METHODS) | values,
        "params": params,
        "result": values | st.just([[], "00", 4]),
        "error": values,
        "reject-reason": values,
    },
)


def a_session() -> ClientSession:
    session = ClientSession("main", 1, "user", "x", "ua")
    session.start()
    return session


@given(st.lists(st.binary(max_size=300), max_size=6))
def test_arbitrary_bytes_raise_only_remote_errors(chunks: list[bytes]) -> None:
    session = a_session()
    with contextlib.suppress(RemoteError):
        for chunk in chunks:
            list(received(session, chunk))


@settings(max_examples=400)
@given(st.lists(messages, max_size=8))
def test_arbitrary_messages_raise_only_remote_errors(
    told: list[dict[str, Any]],
) -> None:
    session = a_session()
    session.skip_configure()
    for message in told:
        with contextlib.suppress(RemoteError):
            list(received(session, json.dumps(message).encode() + b"\n"))
        sent = session.outgoing().splitlines()
        assert len(sent) <= 2
        assert all(line.startswith(b'{"id":') for line in sent)


@given(st.data())
def test_where_the_stream_is_cut_makes_no_difference(data: st.DataObject) -> None:
    lines = (
        b'{"id":2,"result":[[],"0a",4],"error":null}\n'
        b'{"id":3,"result":true,"error":null}\r\n\n'
        b'{"id":null,"method":"mining.set_difficulty","params":[8]}\n'
        + json.dumps({"id": None, "method": "mining.notify", "params": NOTIFY}).encode()
        + b"\n"
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(lines)), max_size=8)))
    session = a_session()
    session.skip_configure()

    pieces = [lines[a:b] for a, b in zip([0, *cuts], [*cuts, len(lines)], strict=True)]
    events = [event for piece in pieces for event in received(session, piece)]

    assert len(events) == 3
    assert isinstance(events[2], WorkReceived)
    assert events[2].work.difficulty == Difficulty(8)


def test_a_pool_that_never_ends_its_line_costs_one_line_of_memory() -> None:
    session = a_session()
    kept = 0

    with contextlib.suppress(RemoteError):
        for _ in range(64):
            list(received(session, b"x" * 65536))
            kept += 65536

    assert kept <= MAX_LINE_BYTES
