"""From a condition to those who are told, over restarts and reloads."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from typing_extensions import override

from protocol.units import UnixTime
from proxy.alerts.alarm import Condition, Severity
from proxy.alerts.delivery import DeliveryError
from proxy.alerts.receivers import Sender
from proxy.alerts.service import Alerts
from proxy.alerts.told_file import TOLD_FILE, ToldFile
from proxy.config.alerts import AlertConfig

TRIP = Condition("trip", "hall-a", Severity.CRITICAL, "above the budget")
TOKEN = "s3cret"  # noqa: S105  (of a test)


def row(**keys: Any) -> AlertConfig:
    tables = {"kind": "webhook", "name": "pager", "url": "http://127.0.0.1:9", **keys}
    return msgspec.convert(tables, AlertConfig, dec_hook=lambda k, v: k(v))


class Post:
    """Takes the place of HTTP."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.posted: list[Any] = []
        self.fetched: list[str] = []
        monkeypatch.setattr("proxy.alerts.receivers.HttpClient", lambda _: self)
        monkeypatch.setattr("proxy.alerts.service.HttpClient", lambda _: self)

    async def post(self, _: str, body: bytes, headers: dict[str, str]) -> None:
        self.posted.append((msgspec.json.decode(body), headers))

    async def get(self, url: str) -> None:
        self.fetched.append(url)


async def at_once(work: Callable[[], Any]) -> Any:
    """Take the place of a thread."""
    return work()


class Plant:
    """What is so, and who is told."""

    def __init__(self, folder: Path, on_thread: Any = at_once) -> None:
        self.reactor = MemoryReactorClock()
        self.now: list[Condition] = []
        self.is_well = True
        sender = Sender("unit-1", self.reactor, lambda: UnixTime(1.7e9 + self.seconds))
        self.alerts = Alerts(
            sender,
            lambda: self.now,
            lambda: self.is_well,
            ToldFile(folder / TOLD_FILE, on_thread),
        )

    @property
    def seconds(self) -> float:
        return float(self.reactor.seconds())

    def live(self, seconds: int, *conditions: Condition) -> None:
        self.now = list(conditions)
        for _ in range(seconds):
            _ = Deferred.fromCoroutine(self.alerts.look())
            self.reactor.advance(1)


def statuses(post: Post) -> list[str]:
    return [body["status"] for body, _ in post.posted]


def told_of(post: Post, kind: str) -> list[Any]:
    alerts = [alert for body, _ in post.posted for alert in body["alerts"]]
    return [alert for alert in alerts if alert["labels"]["alertname"] == kind]


def test_a_trip_is_told_with_the_token_and_so_is_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post, plant = Post(monkeypatch), Plant(tmp_path)
    plant.alerts.take_on([row(token=TOKEN)])
    plant.live(30, TRIP)
    assert statuses(post) == ["firing"]
    assert post.posted[0][1]["Authorization"] == f"Bearer {TOKEN}"
    assert [a.kind for a in plant.alerts.standing.all] == ["trip"]
    plant.live(90)
    assert statuses(post) == ["firing", "resolved"]


def test_a_restart_says_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post, before = Post(monkeypatch), Plant(tmp_path)
    before.alerts.take_on([row()])
    before.live(30, TRIP)
    after = Plant(tmp_path)
    after.alerts.take_on([row()])
    after.live(60, TRIP)
    assert statuses(post) == ["firing"]
    after.live(200)
    assert statuses(post) == ["firing", "resolved"]


class Away(Post):
    """Answers nobody while it is away."""

    is_away = True

    @override
    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> None:
        if self.is_away:
            raise DeliveryError("status 500")
        await super().post(url, body, headers)


@pytest.mark.parametrize("ends", ["before the kill", "while nothing runs"])
def test_what_a_killed_process_could_not_tell_the_next_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    post, before = Away(monkeypatch), Plant(tmp_path)
    before.alerts.take_on([row()])
    before.live(30, TRIP)
    if ends == "before the kill":
        before.live(90)
    post.is_away = False
    after = Plant(tmp_path)
    after.alerts.take_on([row()])
    after.live(300)

    (alert,) = told_of(post, "trip")
    assert alert["status"] == "resolved"
    assert alert["startsAt"] < alert["endsAt"]
    again = Plant(tmp_path)
    again.alerts.take_on([row()])
    again.live(300)
    assert len(told_of(post, "trip")) == 1


def test_a_disk_that_hangs_keeps_nobody_from_being_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post, plant = Post(monkeypatch), Plant(tmp_path, lambda _: Deferred())
    plant.alerts.take_on([row()])
    plant.live(30, TRIP)
    plant.live(90)
    assert statuses(post) == ["firing", "resolved"]


def test_what_a_stop_finds_unwritten_is_written_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs = True

    def on_thread(work: Callable[[], Any]) -> Any:
        return Deferred() if hangs else at_once(work)

    post, before = Post(monkeypatch), Plant(tmp_path, on_thread)
    before.alerts.take_on([row()])
    before.live(30, TRIP)
    hangs = False
    _ = Deferred.fromCoroutine(before.alerts.stop())
    after = Plant(tmp_path)
    after.alerts.take_on([row()])
    after.live(60, TRIP)
    assert statuses(post) == ["firing"]


def test_a_damaged_file_tells_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / TOLD_FILE).write_bytes(b'{"pager": [{"al')
    post, plant = Post(monkeypatch), Plant(tmp_path)
    plant.alerts.take_on([row()])
    plant.live(30, TRIP)
    assert statuses(post) == ["firing"]


def test_a_reload_keeps_what_those_know_who_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post, plant = Post(monkeypatch), Plant(tmp_path)
    plant.alerts.take_on([row()])
    plant.live(30, TRIP)
    plant.alerts.take_on([row(), row(name="night")])
    plant.live(30, TRIP)
    assert [body["receiver"] for body, _ in post.posted] == ["pager", "night"]
    plant.alerts.take_on([row(url="http://127.0.0.1:10"), row(name="night")])
    plant.live(30, TRIP)
    assert len(post.posted) == 2
    plant.alerts.take_on([])
    plant.live(100)
    assert len(post.posted) == 2


def test_alertmanager_hears_of_what_stands_each_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post, plant = Post(monkeypatch), Plant(tmp_path)
    plant.alerts.take_on([row(kind="alertmanager")])
    plant.live(660, TRIP)
    assert 10 <= len(post.posted) <= 11


def test_a_heartbeat_ends_while_all_is_not_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post, plant = Post(monkeypatch), Plant(tmp_path)
    plant.alerts.take_on([row(kind="heartbeat", every_s=60)])
    plant.live(121)
    assert len(post.fetched) == 3
    plant.is_well = False
    plant.live(300)
    assert len(post.fetched) == 3
    plant.is_well = True
    plant.live(2)
    assert len(post.fetched) == 4


def test_a_test_is_sent_to_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    post, plant = Post(monkeypatch), Plant(tmp_path)
    plant.alerts.take_on([row(), row(name="night")])
    _ = Deferred.fromCoroutine(plant.alerts.test("night"))
    assert [body["receiver"] for body, _ in post.posted] == ["night"]
    assert statuses(post) == ["firing"]  # a pager shows nothing else
