"""What one miner's connection says and hears, fetched by the admin socket."""

import json
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from protocol.units import UnixTime
from proxy.admin.capture import GONE_AFTER, MAX_CAPTURES, CapturePart, CaptureView
from proxy.admin.operations import Operations
from proxy.admin.refused import Refused
from tests.engines import NEEDS_ENGINE
from tests.fakes.hall import AUTHORIZE, SUBSCRIBE, Hall
from tests.fakes.sv2_wire import Door

EVERY = (1 << 256) - 1


class NativeHall(Hall):
    engine = "native"


BOTH_ENGINES = pytest.mark.parametrize(
    "hall_type",
    [
        pytest.param(Hall, id="python"),
        pytest.param(NativeHall, id="native", marks=NEEDS_ENGINE),
    ],
)


class V1Miner:
    """A miner on a connection that Twisted holds."""

    def __init__(self, hall: Hall) -> None:
        self.transport = StringTransport(peerAddress=IPv4Address("TCP", "10.0.0.1", 1))
        self.connection: Any = hall.connections.enter(hall.context)
        self.connection.makeConnection(self.transport)

    def say(self, *messages: dict[str, Any]) -> None:
        for message in messages:
            self.connection.dataReceived(json.dumps(message).encode() + b"\n")

    def send(self, data: bytes) -> None:
        self.connection.dataReceived(data)

    def hang_up(self) -> None:
        self.connection.connectionLost()


class Captures:
    """A site whose connections are captured, at the time of day of the engine."""

    def __init__(self, hall_type: type[Hall] = Hall) -> None:
        self.hall = hall_type()
        self.ahead = 0.0
        self.hall.context.wall_clock = self.now
        self.hall.sources[0].post(target=EVERY)
        running: Any = SimpleNamespace(
            factories={"hall-a": self.hall.connections},
            recorder=self.hall.recorder,
            power=None,
        )
        self.capture = Operations(running).capture

    def now(self) -> UnixTime:
        return UnixTime(time.time() + self.ahead)  # noqa: TID251  (as the engine's)

    def v1_miner(self) -> Any:
        is_native = self.hall.engine == "native"
        miner: Any = self.hall.connect() if is_native else V1Miner(self.hall)
        miner.say(SUBSCRIBE, AUTHORIZE)
        return miner

    def start(self, miner: str = "rig1", **params: Any) -> CaptureView:
        asked = Deferred.fromCoroutine(self.capture.start(miner, **params))
        found: list[Any] = []
        _ = asked.addBoth(found.append)
        while not found:
            self.hall.clock.advance(0)
        if isinstance(found[0], Failure):
            found[0].raiseException()
        view: CaptureView = found[0]
        return view

    def rest(self, view: CaptureView) -> CapturePart:
        """Return all that there is, as one part."""
        whole = CapturePart([], False, "")
        while True:
            part = self.capture.next(view.id)
            whole.messages += part.messages
            whole.ended = part.ended
            if part.ended or not part.more:
                return whole


def said(part: CapturePart) -> list[tuple[str, Any]]:
    return [(m.way, json.loads(m.line).get("method")) for m in part.messages]


@BOTH_ENGINES
def test_both_directions_are_recorded_from_its_start_in_order(
    hall_type: type[Hall],
) -> None:
    site = Captures(hall_type)
    miner = site.v1_miner()
    began = site.now()

    view = site.start()
    miner.send(b'{"id":7,"method":"mining.submit",')
    miner.send(b'"params":["rig1","x","00000000","6553f100","00000000"]}\n')
    site.hall.clock.advance(1.0)  # the answer waits for its batch
    part = site.rest(view)

    assert said(part) == [("in", "mining.submit"), ("out", None)]
    asked, answered = part.messages
    assert asked.line.startswith('{"id":7,"method":"mining.submit","params":["rig1"')
    assert json.loads(answered.line)["id"] == 7
    assert began <= asked.at <= answered.at <= site.now()
    assert (view.worker, view.address, view.dialect) == ("rig1", "10.0.0.1", "sv1")


@BOTH_ENGINES
def test_no_password_is_shown(hall_type: type[Hall]) -> None:
    site = Captures(hall_type)
    miner = site.v1_miner()
    view = site.start()

    miner.say({**AUTHORIZE, "params": ["rig1", "hunter2"]})
    part = site.rest(view)

    assert "hunter2" not in repr(part)
    (line,) = (m for m in part.messages if "authorize" in m.line)
    assert json.loads(line.line)["params"] == ["rig1", "***"]
    assert line.masked


@BOTH_ENGINES
def test_frames_are_recorded_in_the_clear(hall_type: type[Hall]) -> None:
    site = Captures(hall_type)
    wire = Door(site.hall).connect().set_up()
    channel = wire.extended()[0].channel_id

    view = site.start()
    nonce = wire.accepted_nonce(channel)
    part = site.rest(view)

    names = [(m.way, m.message) for m in part.messages]
    assert names[0] == ("in", "SubmitSharesExtended")
    assert ("out", "SubmitSharesSuccess") in names
    shares = [m for m in part.messages if m.way == "in"]
    assert shares[-1].fields["nonce"] == nonce
    assert shares[-1].fields["channel_id"] == channel
    assert view.dialect == "sv2"


@BOTH_ENGINES
def test_a_job_that_all_get_is_recorded(hall_type: type[Hall]) -> None:
    site = Captures(hall_type)
    site.v1_miner()
    view = site.start()

    site.hall.sources[0].post(target=EVERY)
    site.hall.board.tick()
    part = site.rest(view)

    assert ("out", "mining.notify") in said(part)


@BOTH_ENGINES
def test_what_a_miner_said_last_is_there_when_it_is_gone(hall_type: type[Hall]) -> None:
    site = Captures(hall_type)
    miner = site.v1_miner()
    view = site.start()

    miner.send(b'{"id":8,"method":"mining.term","params":[]}\n')
    if hall_type is Hall:
        miner.hang_up()
    part = site.rest(view)

    assert said(part)[0] == ("in", "mining.term")
    assert part.ended == "the miner is gone"


@BOTH_ENGINES
def test_it_ends_by_itself_after_its_time(hall_type: type[Hall]) -> None:
    site = Captures(hall_type)
    miner = site.v1_miner()
    view = site.start(seconds=5.0)

    site.ahead += 5.0
    part = site.rest(view)
    miner.say(AUTHORIZE)

    assert part.ended == "5 s are over"
    with pytest.raises(Refused, match="no such capture"):
        site.capture.next(view.id)
    assert site.start().miner == view.miner  # the connection is recorded no more


@BOTH_ENGINES
def test_it_ends_by_itself_after_so_many_bytes(hall_type: type[Hall]) -> None:
    site = Captures(hall_type)
    miner = site.v1_miner()
    view = site.start(bytes=100)

    for _ in range(10):
        miner.say(AUTHORIZE)
    part = site.rest(view)

    assert part.ended == "100 B are full"
    assert 1 <= len(part.messages) <= 3


@pytest.mark.parametrize("passed", [GONE_AFTER, GONE_AFTER - 1])
def test_it_ends_when_its_client_fetches_nothing_more(passed: float) -> None:
    site = Captures()
    site.v1_miner()
    view = site.start()
    site.hall.clock.advance(5.0)
    site.capture.next(view.id)

    site.hall.clock.advance(passed)

    if passed < GONE_AFTER:
        assert site.capture.next(view.id).ended == ""
        return
    with pytest.raises(Refused, match="not fetched"):
        site.capture.next(view.id)
    assert site.start().id != view.id


def test_its_client_may_end_it() -> None:
    site = Captures()
    miner = site.v1_miner()
    view = site.start()
    miner.say(AUTHORIZE)

    part = site.capture.next(view.id, end=True)

    assert part.messages
    assert part.ended == "its client ended it"
    assert site.start().id != view.id


def a_second(site: Captures) -> None:
    site.start()


def one_too_many(site: Captures) -> None:
    for number in range(MAX_CAPTURES):
        miner = site.v1_miner()
        miner.say({**AUTHORIZE, "params": [f"other{number}", "x"]})
        site.start(f"other{number}")


def two_of_a_name(site: Captures) -> None:
    site.v1_miner()


@pytest.mark.parametrize(
    ("prepare", "name", "why"),
    [
        (a_second, "rig1", "captured already"),
        (one_too_many, "1", "4 captures are under way"),
        (two_of_a_name, "rig1", "rig1 is several miners: name one by its id, as 1, 2"),
        (lambda _: None, "nobody", "no miner 'nobody'"),
    ],
)
def test_a_capture_that_cannot_be_is_refused_with_the_reason(
    prepare: Callable[[Captures], None], name: str, why: str
) -> None:
    site = Captures()
    site.v1_miner()
    prepare(site)

    with pytest.raises(Refused, match=why):
        site.start(name)


@BOTH_ENGINES
def test_what_nobody_fetched_in_time_is_counted(hall_type: type[Hall]) -> None:
    site = Captures(hall_type)
    miner = site.v1_miner()
    view = site.start(bytes=100_000_000)
    line = json.dumps({"id": 9, "method": "mining.submit", "params": ["a" * 15_000]})

    for _ in range(100):
        miner.send(line.encode() + b"\n")
        getattr(miner, "hear", lambda: None)()
    first = site.rest(view)
    for _ in range(2):  # the first after a gap may be half a line
        miner.send(line.encode() + b"\n")
    second = site.rest(view)

    kept = sum(message.way == "in" for message in first.messages)
    assert 50 <= kept <= 70  # of a MiB
    assert not any(message.missed for message in first.messages)
    assert [m.missed for m in second.messages if m.missed and m.way == "in"] == [
        100 - kept
    ]
