"""A connection that waits for its first bytes, and is hung up on."""

from twisted.internet.testing import StringTransport
from typing_extensions import override

from protocol.dialect import Dialect
from protocol.units import Seconds
from proxy.downstream.auto_connection import SPEAK_WITHIN, AutoConnection
from proxy.downstream.miner_protocol import MinerProtocol
from tests.fakes.hall import Hall


class OpenTransport(StringTransport):
    """One that is not closed yet when it is told to be: what was sent still comes."""

    @override
    def abortConnection(self) -> None:
        self.disconnecting = True


def a_waiting_connection() -> tuple[Hall, AutoConnection, list[Dialect]]:
    hall, told = Hall(), list[Dialect]()

    def protocol_of(dialect: Dialect) -> MinerProtocol:
        told.append(dialect)
        raise AssertionError

    connection = AutoConnection(hall.connections, protocol_of, hall.clock)
    connection.makeConnection(OpenTransport())
    return hall, connection, told


def test_what_comes_after_it_was_hung_up_on_is_not_taken() -> None:
    hall, connection, told = a_waiting_connection()
    assert connection.is_waiting
    hall.pass_time(Seconds(SPEAK_WITHIN + 1.0))
    connection.dataReceived(b'{"id": 1, "method": "mining.subscribe", "params": []}\n')

    assert not told
    assert not connection.is_waiting


def test_one_that_is_hung_up_on_early_is_not_hung_up_on_again() -> None:
    hall, connection, _ = a_waiting_connection()
    connection.hang_up("the port closes")

    assert not connection.is_waiting
    assert not [call for call in hall.clock.getDelayedCalls() if call.active()]
