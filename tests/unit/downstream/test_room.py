"""Miners take no descriptor that somebody else needs."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.testing import MemoryReactorClock, StringTransport

from proxy.downstream.connection import SiteFactory
from proxy.downstream.listener import MinerListener
from proxy.runtime.descriptors import RESERVED, Descriptors
from proxy.runtime.tcp import SEND_BUFFER_BYTES
from tests.fakes.hall import Hall


def room_for(hall: SiteFactory, most: int) -> Descriptors:
    files = Descriptors(RESERVED + most, lambda: 0)
    files.holders.append(lambda: hall.connection_count)
    hall.descriptors = files
    return files


def arrive(hall: SiteFactory) -> Any:
    """Return the protocol of a new connection, None if it is turned away."""
    protocol = hall.buildProtocol(None)
    if protocol is not None:
        protocol.makeConnection(StringTransport())
    return protocol


def test_a_connection_is_taken_while_there_is_room_and_counted_once() -> None:
    hall = Hall().connections
    files = room_for(hall, 2)

    first, second = arrive(hall), arrive(hall)

    assert hall.connection_count == 2
    assert arrive(hall) is None
    assert files.turned_away == 1
    first.connectionLost()
    assert hall.connection_count == 1
    assert arrive(hall) is not None
    second.connectionLost()


def test_a_port_of_twisteds_rests_while_there_is_no_room() -> None:
    hall = Hall().connections
    room_for(hall, 1)
    reactor = MemoryReactorClock()
    endpoint = TCP4ServerEndpoint(reactor, 3333)
    listener = MinerListener(endpoint, hall)
    port = PortOfOurs()
    listener._open = port

    only = arrive(hall)
    listener.look()
    listener.look()
    assert port.calls == ["stop"]

    only.connectionLost()
    listener.look()
    listener.look()
    assert port.calls == ["stop", "start"]


class PortOfOurs:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def stopReading(self) -> None:  # noqa: N802
        self.calls.append("stop")

    def startReading(self) -> None:  # noqa: N802
        self.calls.append("start")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.integration
def test_ports_of_the_engine_rest_while_there_is_no_room(stack: ExitStack) -> None:
    hall = Hall()
    if hall.engine != "native":
        return
    files = room_for(hall.connections, 3)
    server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    server.setblocking(False)
    hall.port.open(server.fileno(), hall.connections)
    clients = [
        stack.enter_context(socket.create_connection(server.getsockname()))
        for _ in range(5)
    ]

    hall.port.doRead()
    assert hall.connections.connection_count == 3
    assert files.turned_away == 2
    late = stack.enter_context(socket.create_connection(server.getsockname()))
    for _ in range(3):
        hall.port.doRead()
        hall.port.settle()
    assert hall.connections.connection_count == 3
    assert files.turned_away == 2  # it waits with the kernel, and costs nothing

    clients[0].close()
    for _ in range(3):
        hall.port.doRead()
        hall.port.settle()

    assert hall.connections.connection_count == 3
    late.settimeout(5)
    late.sendall(b'{"id":1,"method":"mining.subscribe","params":[]}\n')
    hall.port.doRead()
    hall.port.doRead()
    assert late.recv(100)
    hall.port.close()


@pytest.mark.integration
def test_a_port_for_miners_bounds_what_it_accepts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint: Any = OpenAlready(server)
        listener = MinerListener(endpoint, Hall().connections)
        listener.startService()
        opened = Deferred.fromCoroutine(listener.ready())

        assert opened.called
        size = server.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)

    assert size == 2 * SEND_BUFFER_BYTES


class OpenAlready:
    """An endpoint whose port has a real socket."""

    def __init__(self, server: socket.socket) -> None:
        self.socket = server

    def listen(self, _factory: Any) -> Any:
        return succeed(self)
