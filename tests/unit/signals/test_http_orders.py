import json
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from protocol.units import LAST, Seconds, UnixTime, Watts
from proxy.runtime.http_limits import IDLE, MAX_BODY_BYTES
from proxy.runtime.http_listener import IN_A_TURN
from proxy.runtime.http_visitors import HEARD_WITHIN, MAX_UNHEARD
from proxy.signals.http_body import MAX_SEQ
from proxy.signals.http_limits import LIMITS
from proxy.signals.http_orders import HttpOrders, HttpSettings
from proxy.signals.pace import MAX_A_SECOND
from tests.fakes.order_desk import Endpoint, OrderDesk
from tests.fakes.signal_listener import FakeListener

NOW = 1_764_000_000.0
TOKEN = "s3cret"  # noqa: S105


class Desk:
    """A signal that listens, and callers of it."""

    def __init__(self, listener: Any = None, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.endpoint = Endpoint()
        self.listener: Any = listener or FakeListener()
        settings = HttpSettings("hall-a", "grid", TOKEN, Seconds(30.0))
        self.signal = HttpOrders(
            settings,
            self.endpoint,
            self.clock,
            lambda: UnixTime(NOW + self.clock.seconds()),
        )
        self.signal.start(self.listener)

    def connect(self, host: str = "::") -> tuple[Any, StringTransport] | None:
        protocol = self.endpoint.factory.buildProtocol(IPv4Address("TCP", host, 1))
        if protocol is None:
            return None
        wire = StringTransport()
        protocol.makeConnection(wire)
        return protocol, wire

    def send(self, raw: bytes) -> tuple[int, dict[str, Any]]:
        connected = self.connect()
        assert connected is not None
        protocol, wire = connected
        protocol.dataReceived(raw)
        head, _, body = wire.value().partition(b"\r\n\r\n")
        protocol.connectionLost(None)
        status = int(head.split()[1]) if head else 0
        return status, json.loads(body) if body.startswith(b"{") else {}

    def post(
        self, path: str, body: object = None, token: str | None = TOKEN
    ) -> tuple[int, dict[str, Any]]:
        data = b"" if body is None else json.dumps(body).encode()
        return self.send(request(path, data, token))

    def order(self, **body: object) -> tuple[int, dict[str, Any]]:
        return self.post("/v1/orders", body)


def request(path: str, data: bytes, token: str | None, method: str = "POST") -> bytes:
    auth = "" if token is None else f"Authorization: Bearer {token}\r\n"
    head = f"{method} {path} HTTP/1.1\r\nHost: a\r\n{auth}Connection: close\r\n"
    return f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data


def test_an_order_is_taken_as_it_is_given() -> None:
    desk = Desk()

    status, answer = desk.order(
        watts=2e6, seq=7, for_s=900, revert_w=1e5, lease_s=60, reason="line 2"
    )

    order = desk.listener.orders[0]
    assert (status, answer["taken"], answer["seq"]) == (200, True, 7)
    assert (order.site, order.source, order.watts, order.seq) == (
        "hall-a",
        "grid",
        2e6,
        7,
    )
    assert order.expires == NOW + 900
    assert (order.revert_w, order.lease_s) == (Watts(1e5), Seconds(60.0))
    assert order.reason == "line 2"
    assert order.is_valid(UnixTime(NOW))


def test_times_are_iso_8601_or_unix_seconds() -> None:
    desk = Desk()
    desk.order(watts=1, not_before="2027-01-01T00:00:00+01:00", expires=1_900_000_000)

    order = desk.listener.orders[0]
    assert (order.not_before, order.expires) == (1_798_758_000.0, 1_900_000_000.0)


@pytest.mark.parametrize(
    "times",
    [
        {"expires": "9999-12-31T23:59:59-23:59"},
        {"not_before": "0001-01-01T00:00:00+23:59", "expires": "9999-12-31T23:59:59Z"},
        {"not_before": "9999-12-01T00:00:00Z", "for_s": 1e9},
    ],
)
def test_times_of_an_order_are_those_that_a_calendar_has(times: dict[str, Any]) -> None:
    desk = Desk()
    desk.order(watts=1, **times)

    order = desk.listener.orders[0]
    assert order.not_before >= 0.0
    assert order.expires == LAST


def test_without_a_seq_each_order_supersedes_the_one_before() -> None:
    desk = Desk()
    desk.order(watts=2e6)
    desk.order(watts=1e6)

    assert desk.listener.watts_at(NOW) == 1e6


@pytest.mark.parametrize("key", [{"id": "dispatch-1"}, {"seq": 1 << 42}])
def test_an_order_told_again_after_a_restart_is_the_same_order(
    key: dict[str, object],
) -> None:
    desk = Desk()
    desk.order(watts=3e6)
    first = desk.order(watts=2e6, for_s=60, **key)
    orders = list(desk.listener.orders)
    desk.clock.advance(20)

    after = Desk(desk.listener, desk.clock)
    again = after.order(watts=2e6, for_s=60, **key)
    other = after.order(watts=2e6, for_s=61, **key)

    assert again == first
    assert (other[0], other[1]["reason"]) == (409, "another order had this id or seq")
    assert desk.listener.orders == orders
    assert desk.listener.renewed == ["grid"]


def test_after_a_restart_orders_go_on_above_what_was_used() -> None:
    desk = Desk()
    desk.order(watts=2e6, seq=1 << 52)

    assert Desk(desk.listener).order(watts=1e6)[1]["seq"] == (1 << 52) + 1


@pytest.mark.parametrize("key", [{"id": "dispatch-1"}, {"seq": 9}])
def test_an_order_told_twice_is_taken_once_and_answered_the_same(
    key: dict[str, Any],
) -> None:
    desk = Desk()
    first = desk.order(watts=2e6, for_s=60, **key)
    desk.clock.advance(5)

    again = desk.order(watts=2e6, for_s=60, **key)

    assert again == first
    assert len(desk.listener.orders) == 1
    assert desk.listener.renewed == ["grid"]


def test_another_order_under_the_same_name_is_refused() -> None:
    desk = Desk()
    desk.order(watts=2e6, id="dispatch-1")

    status, answer = desk.order(watts=3e6, id="dispatch-1")

    assert (status, answer["taken"]) == (409, False)
    assert desk.listener.watts_at(NOW) == 2e6


def test_what_the_controller_refuses_is_refused_with_its_reason() -> None:
    desk = Desk()
    desk.listener.refuses = "disk full"

    assert desk.order(watts=1, id="a") == (
        409,
        {"taken": False, "seq": int(NOW * 1000), "reason": "disk full"},
    )
    desk.listener.refuses = ""
    assert desk.order(watts=1, id="a")[0] == 200  # a refusal is not remembered


def test_a_lease_is_renewed_without_an_order() -> None:
    desk = Desk()

    assert desk.post("/v1/lease")[0] == 200
    assert desk.listener.renewed == ["grid"]
    assert desk.signal.lease_s == Seconds(30.0)


@pytest.mark.parametrize(
    "token", [None, "", "S3CRET", "s3cret2", "s3cre", "s\u00e9cret"]
)
def test_who_does_not_show_the_token_gets_nothing_done(token: str | None) -> None:
    desk = Desk()

    for path in ("/v1/orders", "/v1/lease"):
        status, _ = desk.post(path, {"watts": 1}, token)
        assert status == 401

    assert not desk.listener.orders
    assert not desk.listener.renewed


@pytest.mark.parametrize(
    "body",
    [{"watts": -1}, {"watts": "2M"}, {"watts": 1e13}, {}, {"watts": 1, "typo": 1},
     {"watts": 1, "for_s": 0}, {"watts": 1, "for_s": 1, "expires": NOW + 1},
     {"watts": 1, "expires": "2027-01-01T00:00:00"}, [], {"watts": 1, "seq": -1},
     {"watts": 1, "not_before": NOW + 9, "expires": NOW + 9},
     {"watts": 1, "reason": "a\nb"}, {"watts": 1, "id": ""}],
)  # fmt: skip
def test_what_is_no_order_is_refused_and_the_reason_told(body: object) -> None:
    desk = Desk()

    status, answer = desk.post("/v1/orders", body)

    assert (status, answer["taken"]) == (400, False)
    assert answer["reason"]
    assert not desk.listener.orders


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xff", b"[" * 5000, b"NaN"])
def test_rubbish_is_refused(data: bytes) -> None:
    desk = Desk()

    assert desk.send(request("/v1/orders", data, TOKEN))[0] == 400


def test_other_paths_and_methods_are_not_there() -> None:
    desk = Desk()

    assert desk.post("/")[0] == 404
    assert desk.send(request("/v1/lease", b"", TOKEN, "GET"))[0] == 405
    assert desk.send(request("/v1/orders", b"", TOKEN, "PUT"))[0] == 405
    assert desk.send(request("/v1/orders", b"", None, "DELETE"))[0] == 401


def test_a_large_body_is_not_kept() -> None:
    desk = Desk()
    body = b'{"watts":1,"reason":"' + b"x" * MAX_BODY_BYTES + b'"}'

    assert desk.send(request("/v1/orders", body, TOKEN))[0] == 413
    chunk = b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
    head = request("/v1/orders", b"", TOKEN).replace(
        b"Content-Length: 0", b"Transfer-Encoding: chunked"
    )
    assert desk.send(head + chunk)[0] == 413


def test_an_endless_body_costs_the_connection() -> None:
    desk = Desk()
    connected = desk.connect()
    assert connected is not None
    protocol, wire = connected
    head = request("/v1/orders", b"", TOKEN).replace(b"th: 0", b"th: 100000000")
    protocol.dataReceived(head)
    for _ in range(20):
        protocol.dataReceived(b"x" * 8192)
        if wire.disconnecting:
            break

    assert wire.disconnecting
    protocol.connectionLost(None)


def test_a_flood_of_orders_is_slowed_down_and_passes() -> None:
    desk = Desk()
    statuses = [desk.order(watts=1)[0] for _ in range(MAX_A_SECOND + 1)]
    desk.clock.advance(1.1)

    assert statuses == [200] * MAX_A_SECOND + [429]
    assert desk.order(watts=1)[0] == 200


def visitor(desk: Desk, host: str, *, is_known: bool = False) -> StringTransport | None:
    """Return the wire of a caller from `host` that keeps its connection."""
    connected = desk.connect(host)
    if connected is None:
        return None
    protocol, wire = connected
    if is_known:
        kept = request("/v1/lease", b"", TOKEN).replace(b"Connection: close\r\n", b"")
        protocol.dataReceived(kept)
    return wire


def test_strangers_of_one_address_push_out_none_but_their_own_oldest() -> None:
    desk = Desk()
    friend = visitor(desk, "10.0.0.9")
    theirs = [visitor(desk, "10.6.6.6") for _ in range(LIMITS.strangers)]
    desk.clock.advance(HEARD_WITHIN)
    theirs.append(visitor(desk, "10.6.6.6"))

    gone = [wire.disconnected for wire in theirs if wire is not None]
    assert gone == [True] + [False] * LIMITS.strangers
    assert friend is not None
    assert not friend.disconnected


def test_where_all_places_are_taken_the_oldest_stranger_goes_first() -> None:
    desk = Desk()
    room = visitor(desk, "10.0.0.1", is_known=True)
    crowd = [visitor(desk, f"10.6.{n}.{n}") for n in range(LIMITS.connections)]
    desk.clock.advance(HEARD_WITHIN)

    newest = visitor(desk, "10.0.0.2", is_known=True)

    assert room is not None
    assert newest is not None
    assert crowd[0] is not None
    assert crowd[0].disconnected
    assert not room.disconnected
    assert b" 200 " in newest.value()


def test_who_has_just_come_is_heard_whatever_flood_came_with_him() -> None:
    desk = Desk()
    connected = desk.connect("10.6.6.6")
    assert connected is not None
    protocol, wire = connected
    flood = [visitor(desk, "10.6.6.6") for _ in range(MAX_UNHEARD)]

    protocol.dataReceived(request("/v1/lease", b"", TOKEN))
    assert b" 200 " in wire.value()

    flood += [visitor(desk, "10.6.6.6") for _ in range(1000)]
    open_ = [one for one in flood if one is not None and not one.disconnected]
    assert len(open_) <= LIMITS.connections + MAX_UNHEARD


def test_a_port_rests_while_many_have_come_that_were_not_heard() -> None:
    desk = Desk()
    came = 0
    while desk.endpoint.port.takes:
        visitor(desk, f"10.6.6.{came}")
        came += 1
    assert came == MAX_UNHEARD // 2

    desk.clock.advance(HEARD_WITHIN - 0.1)
    assert not desk.endpoint.port.takes
    for _ in range(5):
        desk.clock.advance(0.05)
    assert desk.endpoint.port.takes
    assert desk.endpoint.port.numberAccepts == IN_A_TURN


@pytest.mark.parametrize(
    ("hosts", "count"),
    [
        ([f"2001:db8:0:7::{n:x}" for n in range(1, 11)], LIMITS.strangers),
        (["10.6.6.6", "::ffff:10.6.6.6"] * 5, LIMITS.strangers),
        ([f"::ffff:10.6.6.{n}" for n in range(10)], 10),
    ],
)
def test_strangers_are_counted_by_what_one_party_has(
    hosts: list[str], count: int
) -> None:
    desk, theirs = Desk(), []
    for host in hosts:
        theirs.append(visitor(desk, host))
        desk.clock.advance(HEARD_WITHIN)

    stay = [wire for wire in theirs if wire is not None and not wire.disconnected]
    assert len(stay) == count


def test_those_who_showed_the_token_are_not_pushed_out() -> None:
    desk = Desk()
    rooms = [
        visitor(desk, f"10.0.0.{n}", is_known=True) for n in range(LIMITS.connections)
    ]

    assert visitor(desk, "10.6.6.6") is None
    assert not any(wire is None or wire.disconnected for wire in rooms)


@pytest.mark.parametrize("every_s", [0.5, 0.9])
def test_headers_have_a_deadline_in_all_however_they_drip(every_s: float) -> None:
    desk = Desk()
    connected = desk.connect()
    assert connected is not None
    protocol, wire = connected
    while desk.clock.seconds() + every_s < LIMITS.headers_within:
        protocol.dataReceived(b"P")
        desk.clock.advance(every_s)
    assert not wire.disconnected
    desk.clock.advance(every_s)

    assert wire.disconnected


def test_a_body_has_a_deadline_in_all_too() -> None:
    desk = Desk()
    connected = desk.connect()
    assert connected is not None
    protocol, wire = connected
    head = request("/v1/orders", b"", TOKEN).replace(b"th: 0", b"th: 100")
    protocol.dataReceived(head)
    for _ in range(4):
        protocol.dataReceived(b" ")
        desk.clock.advance(LIMITS.body_within / 5)
    assert not wire.disconnected
    desk.clock.advance(LIMITS.body_within / 5)

    assert wire.disconnected


def test_who_has_no_token_is_told_so_before_the_body() -> None:
    desk = Desk()
    connected = desk.connect()
    assert connected is not None
    protocol, wire = connected

    protocol.dataReceived(
        request("/v1/orders", b"", "wrong").replace(b"th: 0", b"th: 100")
    )

    assert wire.value().startswith(b"HTTP/1.1 401 ")
    assert wire.value().count(b"HTTP/1.1") == 1
    assert wire.disconnecting


def test_a_body_is_read_of_who_shows_the_token_alone() -> None:
    desk = Desk()
    connected = desk.connect()
    assert connected is not None
    protocol, wire = connected
    protocol.dataReceived(b"POST /v1/orders HTTP/1.1\r\nContent-Length: 8000\r\n\r\n")

    assert wire.value().startswith(b"HTTP/1.1 401 ")
    assert wire.disconnecting
    protocol.dataReceived(b"a" * 8000)
    assert wire.value().count(b"HTTP/1.1") == 1


def test_a_connection_may_wait_between_requests_and_then_has_a_deadline_again() -> None:
    desk = Desk()
    connected = desk.connect()
    assert connected is not None
    protocol, wire = connected
    kept = request("/v1/lease", b"", TOKEN).replace(b"Connection: close\r\n", b"")
    protocol.dataReceived(kept)
    desk.clock.advance(IDLE - 1)
    protocol.dataReceived(kept[:9])
    assert not wire.disconnected
    desk.clock.advance(LIMITS.headers_within)

    assert wire.disconnected
    assert desk.listener.renewed == ["grid"]


def test_what_is_in_force_is_told_with_who_said_it_and_until_when() -> None:
    desk = Desk()
    desk.order(watts=2e6, seq=7, for_s=900, reason="line 2")

    status, found = desk.send(request("/v1/orders", b"", TOKEN, "GET"))

    assert status == 200
    assert (found["budget_w"], found["ruled_by"], found["more"]) == (5.0, "an order", 0)
    (order,) = found["orders"]
    assert (order["source"], order["seq"], order["watts"]) == ("grid", 7, 2e6)
    assert (order["expires"], order["reason"]) == (NOW + 900, "line 2")


def test_a_seq_that_leaves_no_room_above_is_refused() -> None:
    desk = Desk()

    assert desk.order(watts=1, seq=MAX_SEQ + 1)[0] == 400
    assert desk.order(watts=1, seq=MAX_SEQ)[0] == 200
    assert desk.order(watts=2)[1]["seq"] == MAX_SEQ + 1


def test_a_stopped_signal_says_nothing_more() -> None:
    desk = Desk()
    stopped = Deferred.fromCoroutine(desk.signal.stop())
    assert stopped.called

    assert desk.order(watts=1)[0] == 409
    assert not desk.listener.orders


def test_callers_that_stay_connected_are_hung_up_on_when_it_stops() -> None:
    desk = Desk()
    connections = [desk.connect(), desk.connect()]
    assert all(connections)
    (caller, wire), (_, strangers) = (c for c in connections if c is not None)
    caller.dataReceived(
        request("/v1/lease", b"", TOKEN).replace(b"Connection: close\r\n", b"")
    )
    assert not wire.disconnecting, "it may ask again on this connection"

    _ = Deferred.fromCoroutine(desk.signal.stop())

    assert wire.value().startswith(b"HTTP/1.1 200 "), "its answer is not taken back"
    assert wire.disconnecting
    assert strangers.disconnecting


def test_an_order_that_was_given_long_ago_only_lowers() -> None:
    book = OrderDesk({"grid": Seconds(30.0)})
    desk = Desk(book, book.clock)
    desk.order(watts=600_000, issued_at=NOW)
    book.clock.advance(20.0)

    raises, answer = desk.order(watts=700_000, issued_at=NOW - 41)
    assert (raises, float(book.budget.watts)) == (409, 600_000)
    assert answer["reason"] == "stale: issued too long ago: it may only lower"
    lowers, _ = desk.order(watts=500_000, issued_at=NOW - 41)
    assert (lowers, float(book.budget.watts)) == (200, 500_000)
    # It is no sign of life: the lease runs on from the word before it.
    book.clock.advance(11.0)
    assert (book.budget.rule.value, float(book.budget.watts)) == ("lapse", 100_000)


def test_a_stale_repetition_renews_nothing() -> None:
    book = OrderDesk({"grid": Seconds(30.0)})
    desk = Desk(book, book.clock)
    desk.order(watts=600_000, id="a", issued_at=NOW)
    book.clock.advance(20.0)

    status, answer = desk.order(watts=600_000, id="a", issued_at=NOW - 60)

    assert (status, answer["taken"]) == (200, True)
    book.clock.advance(11.0)
    assert book.budget.rule.value == "lapse"
    desk.order(watts=600_000, id="a", issued_at=NOW + 31)
    assert float(book.budget.watts) == 600_000


def test_an_order_of_the_future_only_lowers() -> None:
    book = OrderDesk({"grid": Seconds(30.0)})
    desk = Desk(book, book.clock)
    desk.order(watts=600_000)

    assert desk.order(watts=700_000, issued_at=NOW + 3600)[0] == 409
    assert desk.order(watts=500_000, issued_at=NOW + 3600)[0] == 200
