from typing import Any

import msgspec
from twisted.internet.task import Clock
from twisted.logger import Logger, LogPublisher
from typing_extensions import override

from protocol.bitcoin.coinbase import height_push
from protocol.units import Difficulty, JobId, UnixTime, WorkerName
from protocol.work.share import JudgedShare, Verdict
from proxy.admin.events import AlarmObserver, News
from proxy.admin.operations import Operations
from proxy.admin.source_views import PoolView
from proxy.admin.topics import TOPICS, Subscriber, Topics
from proxy.config import LimitsConfig
from proxy.downstream.connection import SiteFactory
from proxy.runtime.logs import SecretRedactor
from tests.builders import a_job, a_work
from tests.fakes.hall import Hall


class Reader:
    """Subscribes to everything and keeps what comes."""

    def __init__(self, topics: Topics) -> None:
        self.news: list[tuple[str, dict[str, Any]]] = []

        def write(line: bytes) -> None:
            message = msgspec.json.decode(line)
            self.news.append((message["method"], message["params"]))

        topics.subscribe(Subscriber(write), TOPICS)

    def of(self, topic: str) -> list[dict[str, Any]]:
        return [value for name, value in self.news if name == topic]


class Site:
    """A running process of one site in memory."""

    def __init__(self) -> None:
        self.memory = Hall()
        self.power = None
        self.recorder = self.memory.recorder
        self.factories = {
            "hall-a": SiteFactory(self.memory.context, LimitsConfig(), lambda: 0.0)
        }
        self.topics = Topics()
        self.reader = Reader(self.topics)
        running: Any = self
        self.operations = FakePools(running)
        news = News(running, self.topics, self.operations)
        self.clock = Clock()
        self.service = news.service(self.clock)
        self.service.startService()


class FakePools(Operations):
    state = ("connecting", "")
    is_gone = False

    @override
    def pool_views(self) -> list[PoolView]:
        if self.is_gone:
            return []
        state, reason = self.state
        return [
            PoolView(
                name="main", state=state, difficulty=None, accepted=0, rejected=0,
                connections=0, last_job_age_s=None, url="u", reason=reason,
                version_mask=None, extranonce2_size=None, rejects={}, lost={},
            )
        ]  # fmt: skip


def judged(verdict: Verdict = Verdict.ACCEPTED, **more: Any) -> JudgedShare:
    return JudgedShare(
        UnixTime(1.0), "hall-a", WorkerName("rig1"), JobId("1"), Difficulty(1.0),
        verdict, **more,
    )  # fmt: skip


def test_shares_are_told_as_sums_of_what_is_new() -> None:
    site = Site()
    site.recorder.record([judged(), judged(Verdict.STALE)])
    site.clock.advance(1)
    site.recorder.record([judged()])
    site.clock.advance(1)
    site.clock.advance(1)

    told = site.reader.of("share")
    assert [(n["accepted"], n["rejected"]) for n in told] == [
        (1, {"stale": 1}),
        (1, {}),
    ]


def test_each_new_job_of_a_group_is_told_once() -> None:
    site = Site()
    site.memory.sources[0].post()
    site.memory.connect().work()
    site.clock.advance(1)
    site.clock.advance(1)

    told = site.reader.of("job")
    assert [(n["site"], n["source"]) for n in told] == [("hall-a", "pool0")]


def test_a_pool_is_told_when_it_changes() -> None:
    site = Site()
    site.operations.state = ("left", "refused most shares")
    site.clock.advance(1)
    site.clock.advance(1)

    assert site.reader.of("pool") == [
        {"name": "main", "state": "connecting", "reason": ""},
        {"name": "main", "state": "left", "reason": "refused most shares"},
    ]


def test_a_pool_that_was_removed_is_told_when_it_is_back() -> None:
    site = Site()
    for is_gone in (True, False):
        site.operations.is_gone = is_gone
        site.clock.advance(1)

    assert [pool["state"] for pool in site.reader.of("pool")] == ["connecting"] * 2


def test_a_block_is_told_when_found_and_when_judged() -> None:
    site = Site()
    start = bytes(4) + b"\x01" + bytes(32) + b"\xff" * 4  # version, one input of none
    coinb1 = start + b"\x08" + height_push(925_113)
    work = a_work(source="pool0", coinb1=coinb1)
    share = judged(job=a_job(work=work), hash=b"\x01" + bytes(31), is_block=True)

    site.recorder.block_found(share)
    token = next(iter(site.memory.sink.sent))[1]
    site.recorder.settled(token, "accepted", "")
    site.memory.clock.advance(0)  # it has a row now

    told = site.reader.of("block")
    assert [n["verdict"] for n in told] == ["found", "accepted"]
    assert told[0]["hash"] == "00" * 31 + "01"
    assert [n["height"] for n in told] == [925_113] * 2


def test_an_error_in_the_log_is_an_alarm_without_secrets() -> None:
    topics = Topics()
    reader = Reader(topics)
    log = LogPublisher(AlarmObserver(topics.publish, SecretRedactor(["hunter2"])))
    twisted_log = Logger("proxy.test", observer=log)

    twisted_log.warn("no alarm")
    twisted_log.error("pool {name} wants {what}", name="main", what="hunter2")

    assert reader.of("alarm") == [{"level": "error", "text": "pool main wants ***"}]
