"""No bytes on the admin socket raise, hang, or go unanswered."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from proxy.admin.server import AdminFactory
from proxy.admin.topics import Topics
from tests.unit.admin.test_server import FakeOperations

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = st.sampled_from(
    ["status", "miners", "nodes", "kick", "drain", "log.level", "subscribe", "__init__"]
)
CALLS = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | VALUES,
        "id": VALUES,
        "method": NAMES | VALUES,
        "params": st.dictionaries(
            st.sampled_from(["filter", "page", "miner", "level", "topics"]), VALUES
        )
        | VALUES,
    },
)


def answers_to(data: bytes) -> list[dict[str, Any]]:
    operations: Any = FakeOperations()
    clock = Clock()
    factory = AdminFactory(
        operations, clock, may_steer=True, topics=Topics(), set_level=lambda _: None
    )
    connection = factory.buildProtocol(None)
    assert connection is not None
    transport = StringTransport()
    connection.makeConnection(transport)
    connection.dataReceived(data)
    while clock.calls:
        clock.advance(0)
    connection.connectionLost()
    return [json.loads(line) for line in transport.value().splitlines()]


@given(st.binary(max_size=200))
def test_any_bytes_get_errors_at_the_most(data: bytes) -> None:
    for answer in answers_to(data + b"\n"):
        assert answer["error"]["code"] in {-32700, -32600}


@given(CALLS)
def test_any_call_gets_one_well_formed_answer_or_none(call: dict[str, Any]) -> None:
    answers = answers_to(json.dumps(call).encode() + b"\n")

    assert len(answers) <= 1
    for answer in answers:
        assert answer["jsonrpc"] == "2.0"
        assert ("result" in answer) != ("error" in answer)
        assert answer.get("error", {}).get("code") != -32603
