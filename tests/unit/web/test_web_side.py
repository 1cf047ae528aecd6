"""Pages, reading half of the API, streams: who gets what, and who is refused."""

import json
from base64 import b64decode
from collections.abc import Callable

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from typing_extensions import override

from protocol.units import Seconds, UnixTime
from proxy.admin.events import AlarmNews
from proxy.alerts.alarm import Condition, Severity
from proxy.web.event_log import MAX_EVENTS
from proxy.web.site import LIMITS
from proxy.web.site_map import (
    ABSENT,
    COLUMNS,
    LOOKED_AT_ONCE,
    NEW,
    NEW_COSTS,
    PARKED,
    STATES,
    UNKNOWN_LEVEL,
    Cell,
    Described,
    SiteMap,
)
from proxy.web.stream import MAX_OF_ADDRESS, MAX_UNSENT_BYTES, MAX_VIEWERS
from tests.fakes.web import Web

SITE = "/api/v1/sites/hall-a"


@pytest.mark.parametrize("path", ["/", "/fleet", "/m/rack-a.1", "/api/v1/nope", "/x"])
def test_every_answer_has_the_headers_that_keep_others_out(path: str) -> None:
    headers = Web().ask(path).headers

    assert headers["content-security-policy"].startswith("default-src 'none'; ")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8080", 200),
        ("LOCALHOST", 200),
        ("[::1]:8080", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example:8080", 421),
        ("", 400),  # HTTP/1.1 without one is no request: twisted.web's own answer
    ],
)
def test_only_our_names_are_answered(host: str, status: int) -> None:
    web = Web()
    assert web.ask("/api/v1/status", host=host).status in {status, 421}
    web.reload(hosts=("dash.example",))
    assert web.ask("/", host="dash.example").status == 200
    assert web.ask("/").status == 421


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nope", 404),
        ("GET", "/api/v1/sites/nowhere/map", 404),
        ("GET", f"{SITE}/miners?page=x", 400),
        ("GET", f"{SITE}/miners?state=asleep", 400),
        ("GET", "/api/v1/events?kind=x", 400),
        ("GET", "/api/v1/events?after=nan", 400),
        ("GET", "/api/v1/events?after=-1", 400),
        ("GET", "/api/v1/events?limit=2001", 400),
        ("GET", f"{SITE}/machines?filter={'x' * 257}", 400),
        ("GET", "/api/v1/stream?fields=x", 400),
        ("GET", "/api/v1/miners/rig9", 404),
        ("DELETE", "/api/v1/status", 405),
        ("PUT", "/fleet", 405),
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/%2e%2e/openapi.json", 404),
    ],
)
def test_what_cannot_be_done_is_a_problem(method: str, path: str, status: int) -> None:
    reply = Web().ask(path, method, accept="application/json" * ("str" not in path))

    assert reply.status == status
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json["status"] == status
    assert reply.json["detail"]
    assert (status != 405) or "GET" in reply.headers["allow"]


def test_a_kind_that_nobody_makes_is_not_acceptable() -> None:
    assert Web().ask(f"{SITE}/miners", accept="text/html").status == 406
    assert Web().ask(f"{SITE}/miners", accept="text/html, */*;q=0.1").status == 200


def test_a_body_has_a_limit() -> None:
    assert Web().ask("/api/v1/status", body=b"x" * 9000).status == 413


def test_status_is_what_the_admin_socket_says() -> None:
    web = Web()
    web.seat()

    shown = web.ask("/api/v1/status").json

    assert shown["sites"][0]["name"] == "hall-a"
    assert shown["sites"][0]["miners"]["connected"] == 1
    assert web.ask("/api/v1/sites").json == shown["sites"]


def test_all_alarms_that_stand_are_told() -> None:
    web = Web()
    assert web.ask("/api/v1/alarms").json == []
    found = Condition("rejects_high", "hall-a", Severity.WARNING, "9.1% are rejected")
    for second in range(2):
        now = Seconds(float(second)), UnixTime(1_800_000_000.0 + second)
        web.running.alerts.standing.look([found], *now)

    (alarm,) = web.ask("/api/v1/alarms").json

    assert (alarm["kind"], alarm["site"]) == ("rejects_high", "hall-a")
    assert (alarm["severity"], alarm["ended"]) == ("warning", None)


def test_miners_are_pages_or_a_table() -> None:
    web = Web()
    web.seat()

    page = web.ask(f"{SITE}/miners").json
    table = web.ask(f"{SITE}/miners", accept="text/csv")

    assert (page["total"], page["pages"]) == (1, 1)
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    head, row, *_ = table.body.decode().splitlines()
    assert head.startswith("id,site,worker,")
    assert row.startswith(f"{page['miners'][0]['id']},hall-a,")


def test_the_map_names_the_bytes_of_a_frame() -> None:
    web = Web()
    miner = web.seat()
    stream = web.open("/api/v1/stream")
    web.beat()

    shown = web.ask(f"{SITE}/map")
    frame = stream.data("map:hall-a")[-1]
    cells = b64decode(frame["cells"])

    assert shown.json["states"] == list(STATES)
    assert shown.json["ids"] == [miner.id]
    assert frame["gen"] == shown.json["gen"] == stream.data("now")[-1]["gens"]["hall-a"]
    assert len(cells) == frame["n"] == 1
    assert cells[0] == NEW | UNKNOWN_LEVEL << 3
    tag = shown.headers["etag"]
    assert web.ask(f"{SITE}/map", if_none_match=tag).status == 304

    miner.park()
    web.beat()
    assert b64decode(stream.data("map:hall-a")[-1]["cells"])[0] & 7 == PARKED
    del web.hall.connections.roster.miners[miner.id]
    web.beat()
    assert b64decode(stream.data("map:hall-a")[-1]["cells"])[0] & 7 == ABSENT


def many() -> tuple[SiteMap, list[Deferred[None]], Callable[[], Deferred[None]]]:
    """Return a map of more than one turn's machines, and turns that a test ends."""
    web = Web()
    for _ in range(LOOKED_AT_ONCE + 1):
        web.seat()
    turns: list[Deferred[None]] = []

    def turn() -> Deferred[None]:
        turns.append(Deferred())
        return turns[-1]

    return web.side.pulse.maps["hall-a"], turns, turn


def test_a_look_at_many_is_cut_into_turns() -> None:
    site_map, turns, turn = many()
    look = Deferred.fromCoroutine(site_map.look(Seconds(1000.0), turn))
    assert len(turns) == 1
    turns[0].callback(None)
    assert len(turns) == 2
    assert not look.called
    turns[1].callback(None)
    assert look.called


def test_machines_that_are_new_are_fewer_in_a_turn() -> None:
    web = Web()
    for number in range(LOOKED_AT_ONCE):
        web.seat().address = f"10.0.0.{number}"
    site_map = web.side.pulse.maps["hall-a"]

    def turns_of_a_look() -> int:
        turns: list[Deferred[None]] = []

        def turn() -> Deferred[None]:
            turns.append(Deferred())
            return turns[-1]

        look = Deferred.fromCoroutine(site_map.look(Seconds(1000.0), turn))
        while not look.called:
            turns[-1].callback(None)
        return len(turns)

    assert turns_of_a_look() >= NEW_COSTS
    assert turns_of_a_look() == 1


def test_a_map_is_made_a_column_in_a_turn_and_once_for_all_who_ask() -> None:
    site_map, turns, turn = many()
    site_map.cells.append(Cell(0, "rack-a.1", "10.0.0.1", Described("S21")))
    asking = [Deferred.fromCoroutine(site_map.view(turn)) for _ in range(2)]
    for number in range(len(COLUMNS)):
        assert len(turns) == number + 1
        turns[number].callback(None)

    (gen, body), same = (getattr(one, "result") for one in asking)  # noqa: B009
    assert (gen, body) == same
    shown = json.loads(body)
    assert shown["models"] == ["S21"]
    names = [name for name, _ in COLUMNS]
    assert [*shown] == ["site", "gen", "states", "more", *names]


def test_who_asks_for_a_map_while_it_is_looked_at_waits_for_that_look() -> None:
    site_map, turns, turn = many()
    looks = [
        Deferred.fromCoroutine(site_map.look(Seconds(1000.0), turn)) for _ in range(3)
    ]
    looks[1].addErrback(lambda _: None).cancel()  # it left
    for number in range(2):
        turns[number].callback(None)
    assert all(look.called for look in looks)
    assert len(turns) == 2
    assert site_map.cells
    assert ABSENT not in {byte & 7 for byte in site_map.states}


def test_news_is_told_as_it_comes_and_kept() -> None:
    web = Web()
    stream = web.open("/api/v1/stream?fields=now,alarm")
    topics = web.open("/api/v1/events")
    web.topics.publish("alarm", AlarmNews("error", "pool main is down"))
    web.topics.publish("power", {"x": "y" * 5000})

    assert stream.names() == ["alarm"]
    assert topics.data("alarm") == [{"level": "error", "text": "pool main is down"}]
    found = web.ask("/api/v1/events", accept="application/json").json
    assert [one["kind"] for one in found["events"]] == ["alarm", "power"]
    assert "too long" in found["events"][1]["value"]["text"]
    first, second = (one["id"] for one in found["events"])
    later = web.ask(f"/api/v1/events?after={first}", accept="application/json").json
    assert [one["id"] for one in later["events"]] == [second] == [first + 1]
    table = web.ask("/api/v1/events?kind=alarm", accept="text/csv").body.decode()
    assert table.splitlines()[0] == "id,at,kind,value"


def test_nothing_is_made_where_nobody_watches() -> None:
    web = Web()
    web.seat()
    web.beat()
    assert web.side.pulse.maps["hall-a"].cells == []


def test_who_does_not_read_is_dropped_and_the_others_are_not() -> None:
    web = Web()
    deaf, other = web.open("/api/v1/stream"), web.open("/api/v1/stream")
    deaf.protocol.wrappedProtocol._channel.pauseProducing()
    for _ in range(2 + MAX_UNSENT_BYTES // 60_000):
        web.side.streams.send("now", b"x" * 60_000, 0.0)

    assert len(web.side.streams) == 1
    assert deaf.transport.disconnecting or deaf.transport.disconnected
    assert len(other.names()) == 2 + MAX_UNSENT_BYTES // 60_000


class Deaf(StringTransport):
    """Takes so many bytes and no more, as a transport to who does not read."""

    room = 65_536

    @override
    def write(self, data: bytes) -> None:
        super().write(data)
        if len(self.value()) > self.room and self.producer is not None:
            self.producer.pauseProducing()


def test_who_asks_on_and_reads_nothing_is_hung_up_on() -> None:
    web, transport = Web(), Deaf()
    transport.peerAddr = IPv4Address("TCP", "10.0.0.1", 5)
    greedy = web.side.site.buildProtocol(None)
    greedy.makeConnection(transport)
    one = b"GET /vendor/uplot.js HTTP/1.1\r\nhost: localhost\r\n\r\n"
    greedy.dataReceived(one * (65_536 // len(one)))

    assert transport.disconnected
    assert len(transport.value()) < 3 * 65_536
    assert web.ask("/healthz").status == 200


def test_a_large_answer_goes_out_as_it_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("proxy.web.resource.PIECE_BYTES", 1000)
    monkeypatch.setattr("proxy.web.large_body.PIECE_BYTES", 1000)
    web, transport = Web(), Deaf()
    transport.room = 4000
    reader = web.side.site.buildProtocol(None)
    reader.makeConnection(transport)
    reader.dataReceived(b"GET /vendor/uplot.js HTTP/1.1\r\nhost: localhost\r\n\r\n")
    assert 4000 < len(transport.value()) < 6000

    transport.room = 1_000_000
    assert transport.producer is not None
    transport.producer.resumeProducing()
    head, _, body = transport.value().partition(b"\r\n\r\n")
    assert b"200 OK" in head
    assert body == web.ask("/vendor/uplot.js").body

    transport.room = 0
    reader.dataReceived(b"GET /vendor/uplot.js HTTP/1.1\r\nhost: localhost\r\n\r\n")
    reader.connectionLost(Failure(ConnectionDone()))  # and nothing is raised


def test_who_reads_again_gets_what_was_kept() -> None:
    web = Web()
    slow = web.open("/api/v1/stream?fields=now")
    slow.protocol.wrappedProtocol._channel.pauseProducing()
    web.beat()
    assert slow.names() == []
    slow.protocol.wrappedProtocol._channel.resumeProducing()
    assert slow.names() == ["now"]


def test_so_many_may_watch_and_who_leaves_makes_room() -> None:
    web = Web()
    web.reload(trusted_proxy=("192.168.1.1",))
    open_ones = [web.open("/api/v1/stream") for _ in range(MAX_VIEWERS)]
    refused = web.ask("/api/v1/stream")
    assert (refused.status, refused.headers["retry-after"]) == (503, "10")
    open_ones[0].protocol.connectionLost(Failure(ConnectionDone()))
    web.open("/api/v1/stream")
    assert len(web.side.streams) == MAX_VIEWERS


def test_one_address_does_not_take_all_the_places() -> None:
    web = Web()
    for _ in range(MAX_OF_ADDRESS):
        web.open("/api/v1/stream")
    refused = web.ask("/api/v1/events")
    assert (refused.status, refused.headers["retry-after"]) == (503, "10")
    assert "of this address" in refused.json["detail"]

    events = web.open("/api/v1/stream", peer="192.168.1.2")
    web.beat()
    assert "now" in events.names()


def test_who_comes_back_hears_what_was_missed_once() -> None:
    web = Web()
    for number in range(5):
        web.topics.publish("alarm", AlarmNews("error", f"alarm {number}"))
    web.topics.publish("power", {"site": "hall-a"})
    heard = web.side.pulse.events.last - 3

    back = web.open("/api/v1/events?kind=alarm", last_event_id=str(heard))
    web.topics.publish("alarm", AlarmNews("error", "alarm 5"))

    texts = [one["text"] for one in back.data("alarm")]
    assert texts == ["alarm 3", "alarm 4", "alarm 5"]
    assert f"id: {web.side.pulse.events.last}\n" in back.transport.value().decode()
    assert not web.open("/api/v1/events", last_event_id="x").names()
    assert not web.open("/api/v1/events", last_event_id="9" * 99).names()


def test_more_than_a_viewer_may_be_behind_is_not_sent_again() -> None:
    web = Web()
    for number in range(MAX_EVENTS):
        web.topics.publish("alarm", AlarmNews("error", f"alarm {number} {'x' * 500}"))

    found = web.open("/api/v1/events", last_event_id="0").data("alarm")

    assert found[-1]["text"].startswith(f"alarm {MAX_EVENTS - 1} ")
    assert 100 < len(found) < MAX_UNSENT_BYTES / 500


def test_events_of_the_next_process_are_after_those_of_this_one() -> None:
    before, after = Web(), Web()
    after.hall.clock.advance(10)
    before.topics.publish("power", {})
    last = before.side.pulse.events.last
    again = Web(hall=after.hall)
    again.topics.publish("power", {})

    found = again.ask(f"/api/v1/events?after={last}", accept="application/json").json
    assert len(found["events"]) == 1


def test_a_quiet_stream_has_a_comment() -> None:
    web = Web()
    stream = web.open("/api/v1/stream?fields=alarm")
    web.open("/api/v1/stream?fields=now")  # it is sent something each second
    for _ in range(16):
        web.beat()
    assert b": still here\n\n" in stream.transport.value()


def test_who_drips_goes_and_who_is_answered_stays() -> None:
    web = Web()
    watching = web.open("/api/v1/stream?fields=now")
    site = web.side.site
    dripping = []
    for n in range(3 * LIMITS.connections):
        protocol = site.buildProtocol(IPv4Address("TCP", f"10.0.{n % 7}.9", n + 1))
        assert protocol is not None
        protocol.makeConnection(StringTransport())
        protocol.dataReceived(b"GET / HTTP/1.1\r\nx: ")
        dripping.append(protocol)
    assert web.ask("/healthz").status == 200
    web.beat()
    assert watching.names() == ["now"]

    for _ in range(int(LIMITS.headers_within) + 1):
        for protocol in dripping:
            if not protocol.transport.disconnected:
                protocol.dataReceived(b"a")
        web.hall.clock.advance(1)
    assert all(protocol.transport.disconnected for protocol in dripping)
