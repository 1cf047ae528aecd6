"""The ports of an engine, which come and go."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

engine_module = pytest.importorskip("proxy.engine.engine")

MAX_LISTENERS = 64


@pytest.fixture(autouse=True)
def engine() -> Any:
    return engine_module.Engine("hall-a")


@pytest.fixture
def sockets() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def a_port(sockets: ExitStack) -> socket.socket:
    port = sockets.enter_context(socket.create_server(("127.0.0.1", 0)))
    port.setblocking(False)
    return port


def arrivals(engine: Any) -> list[int]:
    """Return whose connections came in, by the descriptors of the ports."""
    engine.run(1.0, 1.0)
    found = engine.arrivals()
    for descriptor, _, _ in found:
        socket.close(descriptor)
    return [listener for _, listener, _ in found]


@pytest.mark.integration
def test_a_port_takes_the_place_of_one_that_was_closed(
    engine: Any, sockets: ExitStack
) -> None:
    for _ in range(2 * MAX_LISTENERS):
        port = a_port(sockets)
        engine.listen(port.fileno())
        engine.unlisten(port.fileno())
    last = a_port(sockets)
    engine.listen(last.fileno())

    for _ in range(2):
        sockets.enter_context(socket.create_connection(last.getsockname()))

    assert arrivals(engine) == [last.fileno()] * 2


@pytest.mark.integration
def test_one_port_too_many_is_refused_with_a_reason(
    engine: Any, sockets: ExitStack
) -> None:
    ports = [a_port(sockets) for _ in range(MAX_LISTENERS)]
    for port in ports:
        engine.listen(port.fileno())

    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        engine.listen(a_port(sockets).fileno())
    engine.listen(ports[0].fileno())  # one that is there, as after a rest


@pytest.mark.integration
@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="needs IPv6")
def test_ipv4_on_a_port_of_both_is_ipv4(engine: Any, sockets: ExitStack) -> None:
    address = ("", 0)
    port = sockets.enter_context(
        socket.create_server(address, family=socket.AF_INET6, dualstack_ipv6=True)
    )
    port.setblocking(False)
    engine.listen(port.fileno())
    number = port.getsockname()[1]
    sockets.enter_context(socket.create_connection(("127.0.0.1", number)))

    engine.run(1.0, 1.0)
    ((descriptor, _, peer),) = engine.arrivals()
    socket.close(descriptor)

    assert peer == "127.0.0.1"
