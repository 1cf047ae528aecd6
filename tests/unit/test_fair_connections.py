"""Three hundred that send without end, and who is heard beside them."""

import json
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from proxy.runtime.inflow import IN_A_ROW, IN_A_TURN
from tests.fakes.hall import AUTHORIZE, SUBSCRIBE, Hall

RECEIVED_BYTES = 65536
"""What Twisted reads of a socket at once."""

FLOODERS = 300


class End:
    """A miner's end of a connection that Twisted holds."""

    def __init__(self, hall: Hall) -> None:
        self.transport = StringTransport()
        protocol = hall.connections.buildProtocol(None)
        assert protocol is not None
        protocol.makeConnection(self.transport)
        self.protocol: Any = protocol

    @property
    def is_read(self) -> bool:
        return self.transport.producerState == "producing"

    def say(self, *messages: dict[str, Any]) -> None:
        data = b"".join(json.dumps(one).encode() + b"\n" for one in messages)
        self.protocol.dataReceived(data)

    def hear(self) -> list[dict[str, Any]]:
        lines = self.transport.value().splitlines()
        self.transport.clear()
        return [json.loads(line) for line in lines]


def a_submit(number: int = 99) -> dict[str, Any]:
    params = ["rig1", "ff", "00000000", "6553f100", "00000000"]
    return {"id": number, "method": "mining.submit", "params": params}


def flood_of(line: bytes) -> bytes:
    return line * (RECEIVED_BYTES // len(line))


SUBMIT = json.dumps(a_submit()).encode() + b"\n"


class Reactor:
    """Turns of a reactor that reads every socket, then makes the calls that are due."""

    def __init__(self, hall: Hall, flood: bytes) -> None:
        self.hall = hall
        self.flood = flood
        self.flooders = [End(hall) for _ in range(FLOODERS)]

    def turn(self) -> None:
        for flooder in self.flooders:
            if flooder.is_read:
                flooder.protocol.dataReceived(self.flood)
            flooder.transport.clear()
        a_turn(self.hall.clock)


def a_turn(clock: Clock) -> None:
    clock.rightNow += 0.001
    for call in [c for c in clock.calls if c.getTime() <= clock.seconds()]:
        clock.calls.remove(call)
        call.called = 1
        call.func(*call.args)


def a_hall() -> Hall:
    hall = Hall()
    hall.sources[0].post()
    return hall


@pytest.mark.parametrize("line", [SUBMIT, b"\n", b'{"id":1,"method":"mining.ping"}\n'])
def test_an_honest_share_is_answered_at_once_beside_a_flood(line: bytes) -> None:
    hall = a_hall()
    honest = End(hall)
    honest.say(SUBSCRIBE, AUTHORIZE)
    reactor = Reactor(hall, flood_of(line))
    for _ in range(3):
        reactor.turn()
    honest.hear()
    honest.say(a_submit(7))
    for _ in range(2):
        reactor.turn()

    assert [m["id"] for m in honest.hear() if m["id"] == 7] == [7]


def test_a_turn_judges_so_many_shares_and_no_more() -> None:
    hall = a_hall()
    reactor = Reactor(hall, flood_of(SUBMIT))
    for flooder in reactor.flooders:
        flooder.say(SUBSCRIBE, AUTHORIZE)
        a_turn(hall.clock)
    totals = hall.recorder.totals.sites["hall-a"]
    for _ in range(5):
        before = sum(totals.rejected.values())
        reactor.turn()
        assert sum(totals.rejected.values()) - before <= 2 * IN_A_TURN
    for _ in range(FLOODERS * IN_A_ROW // IN_A_TURN + 1):
        reactor.turn()

    assert all(flooder.protocol.miner.rejected for flooder in reactor.flooders)
