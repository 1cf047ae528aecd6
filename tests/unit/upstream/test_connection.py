"""Bytes to a pool: no more are kept than a bound."""

from typing import Any

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection

from proxy.runtime.inflow import Turns
from proxy.runtime.outbox import unsent_limit
from proxy.upstream.connection import UNSENT_LIKE_MINERS, PoolConnection


class Quiet:
    """A session that says nothing by itself."""

    def start(self) -> bytes:
        return b""

    def outgoing(self) -> bytes:
        return b""


def test_a_pool_that_does_not_read_is_dropped_at_a_bound() -> None:
    session: Any = Quiet()
    lost: list[str] = []
    connection = PoolConnection(
        session, lambda _: None, lambda: None, lost.append, Turns(Clock())
    )
    transport = StringTransportWithDisconnection()
    transport.protocol = connection
    connection.makeConnection(transport)
    outbox: Any = transport.producer
    outbox.pauseProducing()  # as a transport does that is full

    while transport.connected and len(transport.value()) < 1 << 24:
        connection.send(bytes(1000))

    assert lost == ["it does not read what it is sent"]
    assert len(transport.value()) <= unsent_limit(UNSENT_LIKE_MINERS, 1000)


def test_nothing_is_sent_on_a_connection_that_is_gone() -> None:
    session: Any = Quiet()
    connection = PoolConnection(
        session, lambda _: None, lambda: None, lambda _: None, Turns(Clock())
    )
    transport = StringTransportWithDisconnection()
    transport.protocol = connection
    connection.makeConnection(transport)

    connection.drop("of ours")
    connection.send(b"late")

    assert transport.value() == b""
