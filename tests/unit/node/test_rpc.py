"""The JSON-RPC client against a node that misbehaves in every way it may."""

from base64 import b64encode
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.testing import MemoryReactorClock

from protocol.errors import MalformedMessageError
from protocol.units import Seconds
from proxy.node.body import BodyCollector
from proxy.node.credentials import CookieFile, UserPassword
from proxy.node.errors import (
    NodeBusyError,
    NodeLoginError,
    NodeRefusalError,
    NodeUnreachableError,
)
from proxy.node.rpc import MAX_CONCURRENT, MAX_WAITING, RpcClient, make_rpc_client
from tests.builders import DEEP_JSON
from tests.fakes.node_http import FakeNode, RpcFault, Status

Run = Callable[[Coroutine[Deferred[Any], Any, Any]], Any]


def a_client(reactor: MemoryReactorClock) -> RpcClient:
    return make_rpc_client("http://127.0.0.1:1", UserPassword("u", "pw"), reactor)


def outcome(
    node: FakeNode, call: Coroutine[Deferred[Any], Any, Any], seconds: float = 0.0
) -> Any:
    """Return what `call` ended with once `seconds` have passed; None: it has not."""
    ended: list[Any] = []
    _ = Deferred.fromCoroutine(call).addBoth(ended.append)
    node.pump()
    for _ in range(int(seconds * 10)):
        node.reactor.advance(0.1)
        node.pump()
    if not ended:
        return None
    return getattr(ended[0], "value", ended[0])


def test_a_result_is_its_json() -> None:
    reactor = MemoryReactorClock()
    node = FakeNode(reactor, lambda method, params: [method, *params])

    result = outcome(node, a_client(reactor).call("getblockhash", 7))

    assert bytes(result) == b'["getblockhash", 7]'
    assert node.logins == [b"Basic " + b64encode(b"u:pw")]


@pytest.mark.parametrize("host", ["my_node", "core", "node_1.lan"])
def test_a_node_may_be_called_as_its_network_calls_it(host: str) -> None:
    reactor = MemoryReactorClock()
    node = FakeNode(reactor, lambda *_: 7)
    client = make_rpc_client(f"http://{host}:1", UserPassword("u", "pw"), reactor)

    assert bytes(outcome(node, client.call("getblockcount"))) == b"7"


@pytest.mark.parametrize("url", ["http://a..b:1", "https://my_node:1"])
def test_a_node_that_cannot_be_looked_up_is_unreachable(url: str) -> None:
    reactor = MemoryReactorClock()
    node = FakeNode(reactor, lambda *_: 7)
    client = make_rpc_client(url, UserPassword("u", "pw"), reactor)

    assert isinstance(outcome(node, client.call("x")), NodeUnreachableError)


def test_the_next_call_rides_on_the_same_connection() -> None:
    reactor = MemoryReactorClock()
    node = FakeNode(reactor, lambda *_: None)
    client = a_client(reactor)

    outcome(node, client.call("a"))
    outcome(node, client.call("b"))

    assert (node.calls, node.connections) == (["a", "b"], 1)


def test_an_error_of_the_node_keeps_its_code() -> None:
    def answer(method: str, _params: list[Any]) -> Any:
        raise RpcFault(-28 if method == "early" else -5, "no")

    reactor = MemoryReactorClock()
    node = FakeNode(reactor, answer)
    client = a_client(reactor)

    early, other = outcome(node, client.call("early")), outcome(node, client.call("x"))

    assert isinstance(early, NodeRefusalError)
    assert isinstance(other, NodeRefusalError)
    assert (early.code, early.is_syncing) == (-28, True)
    assert (other.code, other.is_syncing, str(other)) == (-5, False, "no (-5)")


def test_a_cookie_is_read_again_after_the_node_has_restarted(tmp_path: Path) -> None:
    cookie = tmp_path / ".cookie"
    cookie.write_text("__cookie__:old\n")

    def answer(*_: Any) -> Any:
        if len(node.logins) == 1:
            cookie.write_text("__cookie__:new")
            raise Status(401, b"")
        return 1

    reactor = MemoryReactorClock()
    node = FakeNode(reactor, answer)
    client = make_rpc_client("http://127.0.0.1:1", CookieFile(cookie), reactor)

    assert bytes(outcome(node, client.call("x"))) == b"1"
    assert node.logins == [
        b"Basic " + b64encode(b"__cookie__:old"),
        b"Basic " + b64encode(b"__cookie__:new"),
    ]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_login_says_so_without_the_password(status: int) -> None:
    def answer(*_: Any) -> Any:
        raise Status(status, b"")

    reactor = MemoryReactorClock()

    error = outcome(FakeNode(reactor, answer), a_client(reactor).call("x"))

    assert isinstance(error, NodeLoginError)
    assert "pw" not in str(error)
    assert "pw" not in repr(a_client(reactor))
    assert "pw" not in repr(UserPassword("u", "pw"))


def test_a_missing_cookie_is_a_refused_login(tmp_path: Path) -> None:
    reactor = MemoryReactorClock()
    client = make_rpc_client("http://h:1", CookieFile(tmp_path / "none"), reactor)

    error = outcome(FakeNode(reactor, lambda *_: 1), client.call("x"))

    assert isinstance(error, NodeLoginError)


def test_a_full_work_queue_is_tried_again_after_a_pause() -> None:
    def answer(*_: Any) -> Any:
        if len(node.calls) < 3:
            raise Status(503, b"Work queue depth exceeded")
        return 1

    reactor = MemoryReactorClock()
    node = FakeNode(reactor, answer)

    assert bytes(outcome(node, a_client(reactor).call("x"), seconds=0.5)) == b"1"


def test_a_work_queue_that_stays_full_is_given_up() -> None:
    def answer(*_: Any) -> Any:
        raise Status(503, b"Work queue depth exceeded")

    reactor = MemoryReactorClock()
    node = FakeNode(reactor, answer)

    error = outcome(node, a_client(reactor).call("x"), seconds=5)

    assert isinstance(error, NodeBusyError)
    assert len(node.calls) == 6


def test_a_node_that_does_not_answer_is_given_up_at_the_deadline() -> None:
    reactor = MemoryReactorClock()
    node = FakeNode(reactor, lambda *_: Deferred())
    client = a_client(reactor)

    error = outcome(node, client.call("x", deadline=Seconds(2.0)), seconds=3)

    assert isinstance(error, NodeUnreachableError)
    assert "no answer in 2 s" in str(error)


def test_a_call_without_deadline_waits_for_hours() -> None:
    waiting: Deferred[Any] = Deferred()
    reactor = MemoryReactorClock()
    node = FakeNode(reactor, lambda *_: waiting)
    ended: list[Any] = []

    call = a_client(reactor).call_without_deadline("getblocktemplate")
    _ = Deferred.fromCoroutine(call).addBoth(ended.append)
    node.pump()
    reactor.advance(7200)
    assert ended == []
    waiting.callback(5)
    node.pump()

    assert bytes(ended[0]) == b"5"


def test_a_connection_that_breaks_is_unreachable() -> None:
    reactor = MemoryReactorClock()
    node = FakeNode(reactor, lambda *_: Deferred())
    ended: list[Any] = []

    _ = Deferred.fromCoroutine(a_client(reactor).call("x")).addBoth(ended.append)
    node.pump()
    node.drop()

    assert isinstance(ended[0].value, NodeUnreachableError)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"error": 5}',
        b"\xff",
        b'{"result":' + DEEP_JSON + b"}",
        b'{"error":' + DEEP_JSON + b"}",
    ],
    ids=["empty", "html", "list", "error", "no_utf8", "deep_result", "deep_error"],
)
def test_an_answer_that_is_no_json_rpc_is_malformed(body: bytes) -> None:
    def answer(*_: Any) -> Any:
        raise Status(200, body)

    reactor = MemoryReactorClock()

    error = outcome(FakeNode(reactor, answer), a_client(reactor).call("x"))

    assert isinstance(error, MalformedMessageError)


def test_calls_beyond_the_bound_wait_and_beyond_that_are_refused() -> None:
    reactor = MemoryReactorClock()
    node = FakeNode(reactor, lambda *_: Deferred())
    client = a_client(reactor)
    ended: list[Any] = []

    for _ in range(MAX_CONCURRENT + MAX_WAITING + 1):
        _ = Deferred.fromCoroutine(client.call("x")).addBoth(ended.append)
    node.pump()

    assert len(node.calls) == MAX_CONCURRENT
    assert [type(e.value) for e in ended] == [NodeBusyError]


def test_a_body_over_the_limit_is_not_kept() -> None:
    collector = BodyCollector(limit=3)
    ended: list[Any] = []
    _ = collector.body.addBoth(ended.append)

    collector.dataReceived(b"abc")
    assert ended == []
    collector.dataReceived(b"d")

    assert isinstance(ended[0].value, NodeUnreachableError)
    assert str(ended[0].value) == "answer over 3 B"


def test_a_call_cancelled_while_connecting_is_cancelled_and_no_fault() -> None:
    reactor = MemoryReactorClock()
    ended: list[Any] = []

    call = Deferred.fromCoroutine(a_client(reactor).call("x"))
    _ = call.addBoth(ended.append)
    call.cancel()

    assert isinstance(ended[0].value, CancelledError)
