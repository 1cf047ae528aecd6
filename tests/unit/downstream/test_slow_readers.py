"""Who does not read is dropped, and an operator can see that."""

import json
from collections.abc import Iterator
from typing import Any, cast

import pytest
from twisted.internet.testing import StringTransport
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher

from tests.fakes.hall import AUTHORIZE, SUBSCRIBE, Hall, NativeWire
from tests.fakes.sv2_wire import Door, Sv2Wire


@pytest.fixture(autouse=True)
def told() -> Iterator[list[str]]:
    found: list[str] = []
    observer = cast("ILogObserver", lambda event: found.append(text_of(event)))
    globalLogPublisher.addObserver(observer)
    yield found
    globalLogPublisher.removeObserver(observer)


def text_of(event: LogEvent) -> str:
    return formatEvent(event)


def a_hall() -> Hall:
    hall = Hall()
    hall.sources[0].post()
    return hall


def post_until(hall: Hall, is_over: Any) -> None:
    for number in range(15):
        if is_over():
            return
        tip = number.to_bytes(32, "big")
        hall.sources[0].post(prev_hash=tip, coinb2=bytes(60_000))
    raise AssertionError("nobody was dropped")


def is_told(hall: Hall, wire: Any) -> bool:
    """Let the engine have a turn, and return whether it has hung up on somebody."""
    wire.send(b"")
    return hall.connections.slow_readers > 0


def test_a_miner_of_stratum_v1_that_does_not_read_is_counted_and_logged(
    told: list[str],
) -> None:
    hall = a_hall()
    if hall.engine == "native":
        wire = hall.connect().work()
        assert isinstance(wire, NativeWire)
        post_until(hall, lambda: is_told(hall, wire))
    else:
        protocol: Any = hall.connections.buildProtocol(None)
        transport = StringTransport()
        protocol.makeConnection(transport)
        for message in (SUBSCRIBE, AUTHORIZE):
            protocol.dataReceived(json.dumps(message).encode() + b"\n")
        outbox: Any = transport.producer
        outbox.pauseProducing()
        post_until(hall, lambda: transport.disconnecting)
        protocol.connectionLost()

    assert hall.connections.slow_readers == 1
    (line,) = [line for line in told if "dropping" in line]
    assert "rig1" in line
    assert "does not read" in line


def test_a_connection_of_stratum_v2_that_does_not_read_is_counted_and_logged(
    told: list[str],
) -> None:
    hall = a_hall()
    wire: Sv2Wire = Door(hall).connect().set_up()
    wire.extended()
    if hall.engine == "native":
        post_until(hall, lambda: is_told(hall, wire))
    else:
        outbox: Any = wire.transport.producer
        outbox.pauseProducing()
        post_until(hall, lambda: wire.is_dropped)
        wire.connection.connectionLost()

    assert hall.connections.slow_readers == 1
    (line,) = [line for line in told if "dropping" in line]
    assert "does not read" in line


def test_a_miner_that_hangs_up_by_itself_is_no_slow_reader() -> None:
    hall = a_hall()
    wire = Door(hall).connect().set_up()
    wire.extended()

    wire.hang_up()

    assert hall.connections.slow_readers == 0
