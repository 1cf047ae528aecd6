"""The admin socket's server, over in-memory transports."""

import json
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from proxy.admin.connection import MAX_PENDING, MAX_REQUEST_BYTES, AdminConnection
from proxy.admin.server import MAX_CONNECTIONS, AdminFactory
from proxy.admin.topics import MAX_QUEUED, Topics
from tests.conftest import FlushFailures


class BrokenError(Exception):
    pass


class FakeOperations:
    def __init__(self) -> None:
        self.waiting: list[Deferred[str]] = []

    def status(self) -> str:
        return "fine"

    def sites(self) -> list[str]:
        raise BrokenError

    async def pools(self) -> str:
        deferred: Deferred[str] = Deferred()
        self.waiting.append(deferred)
        return await deferred

    def miners(self, filter: str = "*", page: int = 0) -> list[str | int]:  # noqa: A002
        return [filter, page]

    def nodes(self) -> list[str]:
        return []

    def kick(self, miner: str) -> str:
        return miner


class Client:
    """One connection to a server, and what it reads."""

    def __init__(self, *, steer: bool = True, topics: Topics | None = None) -> None:
        self.operations = FakeOperations()
        self.clock = Clock()
        operations: Any = self.operations
        self.levels: list[str] = []
        self.factory = AdminFactory(
            operations,
            self.clock,
            may_steer=steer,
            topics=topics,
            set_level=self.levels.append,
        )
        self.transport = StringTransport()
        self.connection = self.connect(self.transport)

    def connect(self, transport: StringTransport) -> AdminConnection:
        connection = self.factory.buildProtocol(None)
        assert connection is not None
        connection.makeConnection(transport)
        return connection

    def send(self, data: bytes) -> list[dict[str, Any]]:
        self.connection.dataReceived(data)
        self.let_pass()
        return self.read()

    def let_pass(self) -> None:
        """Have the turns of a reactor go by until nothing waits for one."""
        while self.clock.calls:
            self.clock.advance(0)

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        call = {"jsonrpc": "2.0", "id": "a", "method": method, "params": params}
        (answer,) = self.send(json.dumps(call).encode() + b"\n")
        return answer

    def read(self) -> list[dict[str, Any]]:
        lines = self.transport.value().splitlines()
        self.transport.clear()
        return [json.loads(line) for line in lines]


def test_requests_are_answered_in_order_however_they_are_cut() -> None:
    client = Client()
    line = b'{"jsonrpc":"2.0","id":%d,"method":"status"}\n'
    data = line % 1 + b"\r\n" + line % 2
    answers = [a for byte in data for a in client.send(bytes((byte,)))]

    assert [a["id"] for a in answers] == [1, 2]
    assert [a["result"] for a in answers] == ["fine", "fine"]


def test_who_asks_without_end_is_taken_a_request_at_a_time() -> None:
    client = Client()
    line = b'{"jsonrpc":"2.0","id":%d,"method":"status"}\n'
    other = StringTransport()
    another = client.connect(other)

    client.connection.dataReceived(b"".join(line % n for n in range(200)))
    at_once = client.read()
    is_read = client.transport.producerState == "producing"
    another.dataReceived(line % 7)
    client.let_pass()
    later = client.read()

    assert [answer["id"] for answer in at_once] == [0]
    assert not is_read
    assert json.loads(other.value())["id"] == 7
    assert [answer["id"] for answer in later] == [*range(1, 200)]
    assert client.transport.producerState == "producing"


def test_one_request_of_a_client_that_is_gone_is_taken() -> None:
    client = Client()
    line = b'{"jsonrpc":"2.0","id":1,"method":"log.level","params":{"level":"%b"}}\n'

    client.connection.dataReceived(line % b"info" + line % b"warn" + line % b"error")
    client.connection.connectionLost()
    client.let_pass()

    assert client.levels == ["info", "warn"]


def test_a_notification_gets_no_answer() -> None:
    assert Client().send(b'{"jsonrpc":"2.0","method":"status"}\n') == []
    assert Client().send(b'{"jsonrpc":"2.0","method":"none"}\n') == []


def test_an_id_of_null_is_echoed() -> None:
    (answer,) = Client().send(b'{"jsonrpc":"2.0","id":null,"method":"status"}\n')

    assert answer == {"jsonrpc": "2.0", "id": None, "result": "fine"}


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        (b"[]", -32700, "one request a line"),
        (b"nonsense", -32700, "not JSON"),
        (b"\xff", -32700, "not JSON"),
        (b'{"method":5}', -32600, "$.method"),
        (b'{"id":{},"method":"status"}', -32600, "id"),
        (b'{"id":1,"jsonrpc":"1.0","method":"status"}', -32600, "2.0"),
        (b'{"id":1,"method":"miners","params":{"page":"1"}}', -32602, "$.page"),
        (b'{"id":1,"method":"miners","params":{"pages":1}}', -32602, "pages"),
        (b'{"id":1,"method":"drain"}', -32601, "drain"),
    ],
)
def test_a_bad_request_is_told_what_was_wanted(
    line: bytes, code: int, said: str
) -> None:
    (answer,) = Client().send(line + b"\n")

    assert answer["error"]["code"] == code
    assert said in answer["error"]["message"]


def test_a_fault_of_ours_is_logged_and_costs_one_answer(
    flush_failures: FlushFailures,
) -> None:
    client = Client()
    answer = client.ask("sites")

    assert answer["error"]["code"] == -32603
    assert client.ask("status")["result"] == "fine"
    assert flush_failures(BrokenError) == 1


def test_a_slow_answer_holds_no_other_up() -> None:
    client = Client()
    client.send(b'{"id":1,"method":"pools"}\n')
    fast = client.ask("status")
    client.operations.waiting[0].callback("late")
    (slow,) = client.read()

    assert fast["result"] == "fine"
    assert (slow["id"], slow["result"]) == (1, "late")


def test_too_many_slow_calls_cost_the_connection() -> None:
    client = Client()
    client.send(b'{"id":1,"method":"pools"}\n' * (MAX_PENDING + 1))

    assert len(client.operations.waiting) == MAX_PENDING
    assert client.transport.disconnecting
    client.connection.connectionLost()  # else the calls wait for ever


def test_calls_of_a_connection_that_is_gone_are_cancelled() -> None:
    client = Client()
    client.send(b'{"id":1,"method":"pools"}\n')
    client.connection.connectionLost()

    assert client.operations.waiting[0].called
    assert client.factory.connections == 0


def test_a_request_without_end_costs_the_connection() -> None:
    client = Client()
    client.send(b"x" * (MAX_REQUEST_BYTES + 1))

    assert client.transport.disconnecting


def test_connections_have_a_limit() -> None:
    client = Client()
    for _ in range(MAX_CONNECTIONS - 1):
        client.connect(StringTransport())

    assert client.factory.buildProtocol(None) is None


def test_a_client_that_asks_without_reading_is_dropped() -> None:
    client = Client()
    client.connection.pauseProducing()
    answers = client.send(b'{"id":1,"method":"status"}\n')

    assert answers == []
    assert client.transport.disconnected


def test_the_level_of_the_log_may_be_set_by_operators_alone() -> None:
    client, observer = Client(), Client(steer=False)

    assert client.ask("log.level", level="debug")["result"] == "debug"
    assert client.levels == ["debug"]
    assert client.ask("log.level", level="loud")["error"]["code"] == -32602
    assert observer.ask("log.level", level="debug")["error"]["code"] == -32001


def test_news_reach_those_who_asked_for_the_topic() -> None:
    topics = Topics()
    client = Client(steer=False, topics=topics)
    answer = client.ask("subscribe", topics=["job", "alarm"])
    topics.publish("job", {"site": "hall-a"})
    topics.publish("block", {})
    news = client.read()

    assert answer["result"] == ["alarm", "job"]
    assert news == [{"jsonrpc": "2.0", "method": "job", "params": {"site": "hall-a"}}]


def test_a_new_subscription_replaces_the_old() -> None:
    topics = Topics()
    client = Client(topics=topics)
    client.ask("subscribe", topics=["job"])
    client.ask("subscribe", topics=["pool"])
    topics.publish("job", 1)
    topics.publish("pool", 2)

    assert [n["params"] for n in client.read()] == [2]


def test_an_unknown_topic_is_refused_with_those_there_are() -> None:
    answer = Client(topics=Topics()).ask("subscribe", topics=["weather"])

    assert answer["error"]["code"] == -32602
    assert "alarm" in answer["error"]["message"]


def test_without_topics_there_is_no_subscribe() -> None:
    assert Client().ask("subscribe", topics=[])["error"]["code"] == -32601


def test_a_subscriber_that_does_not_read_misses_the_oldest_and_is_told() -> None:
    topics = Topics()
    client = Client(topics=topics)
    client.ask("subscribe", topics=["job"])
    client.connection.pauseProducing()
    for number in range(MAX_QUEUED + 3):
        topics.publish("job", number)
    silent = client.read()
    client.connection.resumeProducing()
    missed, first, *rest = client.read()

    assert silent == []
    assert (missed["method"], missed["params"]) == ("missed", {"lines": 3})
    assert first["params"] == 3
    assert len(rest) == MAX_QUEUED - 1


def test_a_connection_that_is_gone_gets_no_news() -> None:
    topics = Topics()
    client = Client(topics=topics)
    client.ask("subscribe", topics=["job"])
    client.connection.connectionLost()
    topics.publish("job", 1)

    assert client.read() == []
