import json
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from proxy.signals.http_client import Answer
from proxy.signals.mqtt_build import tls_context
from proxy.signals.mqtt_client import Broker, Topics
from proxy.signals.mqtt_ports import Ear
from proxy.signals.openadr_notices import Notices
from proxy.signals.openadr_session import VtnAccess, VtnSession
from proxy.signals.openadr_vtn import Vtn
from tests.fakes.order_desk import OrderDesk
from tests.fakes.vtn import KNOWN, FakeVtn

URL = "https://vtn.example"


class FakeLine:
    def __init__(self, broker: Broker, topics: Topics) -> None:
        self.broker, self.topics = broker, topics
        self.ear: Ear | None = None
        self.is_stopped = False
        self.name = "a broker"

    def start(self, ear: Ear) -> None:
        self.ear = ear

    async def stop(self) -> None:
        self.is_stopped = True

    def say(self, topic: str, payload: bytes, *, is_retained: bool = False) -> None:
        raise AssertionError((topic, payload, is_retained))


class Rig:
    def __init__(self, authentication: dict[str, str], *uris: str) -> None:
        desk = OrderDesk({})
        self.vtn = FakeVtn(lambda: desk.wall)
        self.lines: list[FakeLine] = []
        self.wakes = 0
        http: Any = self.vtn
        access = VtnAccess(URL, f"{URL}/auth/token", *KNOWN_PAIR)
        self.asked = Vtn(VtnSession(access, http, desk.clock), lambda: desk.wall)
        self.notices = Notices(self._line, tls_context(None), self._wake)
        binding = {"URIS": uris, "authentication": authentication}
        self.say("/notifiers/mqtt/topics/events", topics("events"))
        self.say("/notifiers/mqtt/topics/vens/v/events", topics("vens/v/events"))
        self.say("/notifiers", {"WEBSOCKET": True, "MQTT": binding})

    def say(self, path: str, body: Any) -> None:
        self.vtn.override[path] = Answer(200, json.dumps(body).encode())

    def follow(self) -> None:
        done = Deferred.fromCoroutine(self.notices.follow(self.asked, "v"))
        failed: list[Any] = []
        _ = done.addErrback(failed.append)
        assert not failed
        assert done.called

    def _line(self, broker: Broker, topics: Topics) -> FakeLine:
        self.lines.append(FakeLine(broker, topics))
        return self.lines[-1]

    def _wake(self) -> None:
        self.wakes += 1


KNOWN_PAIR = (KNOWN.client_id, KNOWN.client_secret)
ANYBODY = {"method": "ANONYMOUS"}
TOKEN = {"method": "OAUTH2_BEARER_TOKEN", "username": "{clientID}"}


def topics(of: str) -> dict[str, Any]:
    each = {one.upper(): f"{of}/{one}" for one in ("create", "update", "delete")}
    return {"topics": each | {"ALL": f"{of}/+"}}


def test_a_notice_calls_for_a_look_whatever_it_says_and_so_does_the_broker() -> None:
    rig = Rig(ANYBODY, "tcp://127.0.0.1:1883")
    rig.follow()
    (line,) = rig.lines
    assert line.ear is not None

    line.ear.came()
    line.ear.heard("events/create", b"\xff garbage", is_retained=True)

    assert rig.wakes == 2
    assert (line.broker.host, line.broker.port, line.broker.tls) == (
        "127.0.0.1",
        1883,
        None,
    )
    assert line.topics.base is None
    assert [whole for whole, _ in line.topics.heard] == [
        f"{of}/{one}"
        for of in ("events", "vens/v/events")
        for one in ("create", "update", "delete")
    ]


def test_a_broker_that_asks_for_it_is_shown_the_token_of_the_moment() -> None:
    rig = Rig(TOKEN, "mqtts://broker.example")
    rig.follow()
    rig.follow()
    assert len(rig.lines) == 1

    rig.asked._session.token = ""  # it is over
    rig.follow()

    first, second = rig.lines
    assert (first.broker.username, first.broker.password) == (
        KNOWN.client_id,
        "token-1",
    )
    assert first.broker.tls is not None
    assert second.broker.password not in {None, "token-1"}
    assert first.is_stopped


@pytest.mark.parametrize(
    ("told", "uris"),
    [
        (TOKEN, ["mqtt://broker.example:1883"]),  # the token in the clear
        (ANYBODY, []),
        (ANYBODY, ["amqp://broker.example"]),
        (ANYBODY, ["mqtt://:1883"]),
    ],
)
def test_where_there_is_no_broker_to_go_to_there_are_no_notices(
    told: dict[str, str], uris: list[str]
) -> None:
    rig = Rig(told, *uris)

    rig.follow()

    assert rig.lines == []


@pytest.mark.parametrize(
    "told", [{"WEBSOCKET": True}, {"MQTT": {"URIS": 7}}, {"MQTT": None}, []]
)
def test_a_server_without_a_broker_is_asked_all_the_same(told: Any) -> None:
    rig = Rig(ANYBODY)
    rig.say("/notifiers", told)

    rig.follow()

    assert rig.lines == []
