"""POST /v1/documents over connections: who is listened to, and what strangers cost."""

import json

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from protocol.units import Seconds, UnixTime
from proxy.runtime.http_visitors import HEARD_WITHIN
from proxy.signals.signed.http import LIMITS, ListeningDocuments
from proxy.signals.signed.paces import (
    MAX_A_SECOND,
    MAX_ADDRESSES,
    MAX_WRONG,
    CallerPace,
)
from proxy.signals.signed.source import SignedSettings
from tests.documents import NAMES, T, allow, limit, signed
from tests.fakes.order_desk import Endpoint
from tests.fakes.signal_listener import FakeListener
from tests.unit.signals.test_signed import TRUSTED


class Door:
    """A signal that listens in memory."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.listener = FakeListener()
        self.listener.times = [UnixTime(float(T))]
        settings = SignedSettings("hall-a", "signed", TRUSTED)
        self.endpoint = Endpoint()
        ListeningDocuments(settings, self.endpoint, self.clock).start(self.listener)

    def connect(self, host: str = "192.0.2.1") -> tuple[StringTransport, object]:
        """Return an open connection of `host`."""
        transport = StringTransport()
        address = transport.getPeer()
        address.host = host
        transport.peerAddr = address
        protocol = self.endpoint.factory.buildProtocol(address)
        protocol.makeConnection(transport)
        return transport, protocol

    def ask(
        self,
        body: bytes,
        host: str = "192.0.2.1",
        head: str = "POST /v1/documents",
    ) -> tuple[int, dict[str, object]]:
        """Send one request; return status and answer."""
        transport, protocol = self.connect(host)
        protocol.dataReceived(_request(body, head))  # type: ignore[attr-defined]
        first, _, rest = transport.value().partition(b"\r\n\r\n")
        return int(first.split()[1]), json.loads(rest or b"{}")


def _request(body: bytes, head: str = "POST /v1/documents") -> bytes:
    lines = [f"{head} HTTP/1.1", "host: a", f"content-length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def _envelope(raw: bytes, *names: str) -> bytes:
    made = [{"key": s.key, "value": s.value} for s in signed(raw, *names)]
    return json.dumps({"document": raw.decode(), "signatures": made}).encode()


def test_documents_come_by_http_and_are_answered() -> None:
    door = Door()
    status, answer = door.ask(_envelope(limit(), "grid-1"))
    assert (status, answer["taken"], answer["origin"]) == (200, True, "x/log/1")
    status, answer = door.ask(_envelope(allow(), "host-1"))
    assert (status, answer["needs"]) == (202, ["plant"])
    assert door.ask(_envelope(limit(site="b"), "grid-1"))[0] == 409
    assert door.ask(b"{}")[0] == 400


@pytest.mark.parametrize(
    ("head", "status"),
    [("GET /v1/documents", 405), ("POST /", 404), ("POST /v1/orders", 404)],
)
def test_there_is_one_path_and_one_method(head: str, status: int) -> None:
    assert Door().ask(b"", head=head)[0] == status


def test_a_body_that_is_too_long_is_413() -> None:
    assert Door().ask(b"x" * 9000)[0] == 413


def test_who_has_signed_holds_no_place_for_ever() -> None:
    door = Door()
    for number in range(LIMITS.connections):
        _, protocol = door.connect(f"192.0.2.{number}")
        body = _envelope(limit(), NAMES[number % len(NAMES)])
        protocol.dataReceived(_request(body))  # type: ignore[attr-defined]
        door.clock.advance(0.1)
    assert door.ask(_envelope(limit(), "host-1"), "198.51.100.1")[0] == 200


def test_who_has_signed_has_no_more_connections_than_a_stranger() -> None:
    door, host = Door(), "192.0.2.1"
    transports = []
    for _ in range(2 * LIMITS.strangers):
        transport, protocol = door.connect(host)
        protocol.dataReceived(_request(_envelope(limit(), "grid-1")))  # type: ignore[attr-defined]
        assert transport.value().startswith(b"HTTP/1.1 200")
        transports.append(transport)
    assert sum(not t.disconnecting for t in transports) == LIMITS.strangers


def test_who_has_signed_is_the_last_of_its_address_to_go() -> None:
    door = Door()
    party, protocol = door.connect()
    others = [door.connect()[0] for _ in range(LIMITS.strangers - 1)]
    door.clock.advance(HEARD_WITHIN)
    protocol.dataReceived(_request(_envelope(limit(), "grid-1")))  # type: ignore[attr-defined]
    door.connect()
    assert others[0].disconnecting
    assert not party.disconnecting


def test_who_is_wrong_too_often_waits_a_minute_and_others_do_not() -> None:
    door = Door()
    for _ in range(MAX_WRONG):
        assert door.ask(b"{}", "192.0.2.9")[0] == 400
    assert door.ask(b"{}", "192.0.2.9")[0] == 429
    assert door.ask(_envelope(limit(), "grid-1"))[0] == 200
    door.clock.advance(61)
    assert door.ask(_envelope(limit(), "grid-1"), "192.0.2.9")[0] == 200


def test_strangers_together_do_not_hold_up_who_has_signed() -> None:
    door = Door()
    assert door.ask(_envelope(limit(), "grid-1"))[0] == 200
    for number in range(MAX_A_SECOND - 1):
        assert door.ask(b"{}", f"192.0.2.{10 + number}")[0] == 400
    assert door.ask(b"{}", "192.0.2.200")[0] == 429
    assert door.ask(_envelope(limit(), "grid-1"))[0] == 200


def test_who_has_signed_is_not_held_up_by_others_at_its_address() -> None:
    pace, now = CallerPace(), Seconds(0.0)
    pace.was_signed("192.0.2.1")
    for _ in range(2 * MAX_WRONG):
        pace.was_wrong("192.0.2.1", now)
    asked = [pace.may_ask("192.0.2.1", now) for _ in range(MAX_A_SECOND + 1)]
    assert asked == [True] * MAX_A_SECOND + [False]
    assert pace.may_ask("192.0.2.1", Seconds(1.0))


def test_addresses_that_are_remembered_are_bounded() -> None:
    pace = CallerPace()
    for number in range(3 * MAX_ADDRESSES):
        pace.was_wrong(str(number), Seconds(0.0))
        pace.was_signed(str(number))
    assert len(pace._wrong) == len(pace._known) == MAX_ADDRESSES
