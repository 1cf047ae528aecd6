"""A server that is slow, cut off, too long or not there costs a bounded time."""

from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionRefusedError  # noqa: A004
from twisted.internet.interfaces import IHostnameResolver
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from proxy.signals.http_client import (
    DEADLINE,
    MAX_ANSWER_BYTES,
    Answer,
    HttpClient,
    NoAnswerError,
)


@implementer(IHostnameResolver)
class OneName:
    """Finds everybody at one address."""

    def resolveHostName(self, receiver: Any, *_: Any, **__: Any) -> Any:  # type: ignore[override]  # noqa: N802
        receiver.resolutionBegan(None)
        receiver.addressResolved(IPv4Address("TCP", "192.0.2.1", 80))
        receiver.resolutionComplete()
        return receiver


class Wire:
    """A client, and the server's end of its connections."""

    def __init__(self) -> None:
        self.reactor = MemoryReactorClock()
        self.reactor.nameResolver = OneName()
        self.client = HttpClient(self.reactor)
        self.protocol: Any = None
        self.transport = StringTransport()

    def ask(self) -> "Deferred[Answer]":
        asked = self.client.ask("GET", "http://vtn.example/events", {"a": "b"})
        return Deferred.fromCoroutine(asked)

    def connect(self) -> None:
        factory = self.reactor.tcpClients[-1][2]
        self.protocol = factory.buildProtocol(None)
        self.transport = StringTransport()
        self.protocol.makeConnection(self.transport)

    def say(self, data: bytes) -> None:
        self.protocol.dataReceived(data)

    def cut(self) -> None:
        self.protocol.connectionLost(Failure(ConnectionDone()))


@pytest.fixture
def wire() -> Wire:
    return Wire()


def failure(asked: "Deferred[Answer]") -> str:
    found: list[Failure] = []
    _ = asked.addErrback(found.append)
    assert found, "nothing came of it"
    error = found[0].trap(NoAnswerError) and found[0].value
    return str(error)


def head(length: int, more: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%b\r\n" % (length, more)


def test_an_answer_comes_with_its_headers_and_the_connection_is_kept(
    wire: Wire,
) -> None:
    found: list[Answer] = []
    for n in range(3):
        asked = wire.ask()
        if not n:
            wire.connect()
        wire.say(head(2, b"Date: now\r\nETag: x\r\n") + b"[]")
        _ = asked.addCallback(found.append)

    assert [answer.body for answer in found] == [b"[]"] * 3
    assert (found[0].headers["date"], found[0].headers["etag"]) == ("now", "x")
    assert len(wire.reactor.tcpClients) == 1


def test_silence_ends_with_the_deadline_and_so_does_the_connection(
    wire: Wire,
) -> None:
    asked = wire.ask()
    wire.connect()

    wire.reactor.advance(DEADLINE)

    assert failure(asked) == "no whole answer in 5 s"
    assert wire.transport.disconnecting or wire.transport.disconnected


def test_a_byte_a_second_ends_with_the_deadline(wire: Wire) -> None:
    asked = wire.ask()
    wire.connect()
    wire.say(head(100))
    for _ in range(int(DEADLINE)):
        wire.say(b"x")
        wire.reactor.advance(1.0)

    assert failure(asked) == "no whole answer in 5 s"
    assert wire.transport.disconnecting


def test_an_answer_that_is_cut_off_is_none(wire: Wire) -> None:
    asked = wire.ask()
    wire.connect()
    wire.say(head(100) + b"[]")

    wire.cut()

    assert failure(asked) == "cut off after 2 B"


def test_an_answer_that_ends_with_its_connection_may_be_cut_off(wire: Wire) -> None:
    asked = wire.ask()
    wire.connect()
    wire.say(b"HTTP/1.1 200 OK\r\n\r\n[]")

    wire.cut()

    assert failure(asked) == "cut off after 2 B"


def test_an_answer_beyond_the_bound_is_not_read(wire: Wire) -> None:
    asked = wire.ask()
    wire.connect()
    wire.say(head(MAX_ANSWER_BYTES + 1))
    for _ in range(17):
        if not wire.transport.disconnecting:
            wire.say(b"x" * 65_536)

    assert "more than" in failure(asked)
    assert wire.transport.disconnecting


def test_what_comes_compressed_is_handed_on_as_it_is(wire: Wire) -> None:
    asked = wire.ask()
    wire.connect()
    found: list[Answer] = []
    _ = asked.addCallback(found.append)

    wire.say(head(4, b"Content-Encoding: gzip\r\n") + b"\x1f\x8b\x08\x00")

    assert found[0].body == b"\x1f\x8b\x08\x00"
    assert b"ccept-Encoding" not in wire.transport.value()


def test_a_port_that_is_closed_is_said_to_be(wire: Wire) -> None:
    asked = wire.ask()

    factory: Any = wire.reactor.tcpClients[-1][2]
    factory.clientConnectionFailed(None, Failure(ConnectionRefusedError()))
    wire.reactor.advance(1.0)  # there may be other addresses

    assert "refused" in failure(asked)


def test_a_redirect_is_not_followed(wire: Wire) -> None:
    asked = wire.ask()
    wire.connect()
    found: list[Answer] = []
    _ = asked.addCallback(found.append)

    wire.say(b"HTTP/1.1 301 Moved\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n")

    assert (found[0].status, found[0].is_good) == (301, False)
    assert len(wire.reactor.tcpClients) == 1
