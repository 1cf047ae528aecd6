import json
from typing import Any

import pytest

from protocol.errors import MalformedMessageError
from protocol.units import Difficulty, Seconds, WorkerName
from proxy.sim.dialect import BITAXE, CGMINER, MinerDialect
from proxy.sim.session import Counters, MinerSession, same_domain

NOW = Seconds(0.0)
SUBSCRIBED = [[["mining.notify", "1"]], "0000002a", 4]


def session_of(dialect: MinerDialect) -> MinerSession:
    return MinerSession(dialect, WorkerName("rack-a.0001"), 1, Counters())


def say(session: MinerSession, **message: Any) -> list[dict[str, Any]]:
    sent = session.receive(json.dumps(message).encode(), NOW)
    return [json.loads(line) for line in sent.splitlines()]


def call(session: MinerSession, method: str, *params: Any) -> list[dict[str, Any]]:
    return say(session, id=None, method=method, params=list(params))


def notify(session: MinerSession, job_id: str, clean: bool = False) -> None:  # noqa: FBT001, FBT002
    call(
        session,
        "mining.notify",
        job_id,
        "00" * 32,
        "01",
        "02",
        [],
        "20000000",
        "207fffff",
        "65000000",
        clean,
    )


def ready(dialect: MinerDialect) -> MinerSession:
    session = session_of(dialect)
    session.begin()
    configured = {"version-rolling": True, "version-rolling.mask": "1fffe000"}
    say(session, id=1, result=configured, error=None)
    say(session, id=2, result=SUBSCRIBED, error=None)
    say(session, id=3, result=True, error=None)
    return session


def test_cgminer_waits_for_each_reply() -> None:
    session = session_of(CGMINER)

    assert session.begin().count(b"\n") == 1
    assert say(session, id=1, result={})[0]["method"] == "mining.subscribe"
    assert say(session, id=2, result=SUBSCRIBED)[0]["method"] == "mining.authorize"
    assert say(session, id=3, result=True) == []
    assert session.is_authorized
    assert session.breaches == []


def test_bitaxe_pipelines_its_three_requests() -> None:
    lines = [json.loads(line) for line in session_of(BITAXE).begin().splitlines()]

    assert [line["method"] for line in lines] == [
        "mining.configure",
        "mining.subscribe",
        "mining.authorize",
    ]


def test_a_notification_before_the_subscribe_reply_is_a_breach() -> None:
    session = session_of(CGMINER)
    session.begin()

    call(session, "mining.set_difficulty", 1)

    assert session.breaches == ["mining.set_difficulty before the subscribe reply"]


def test_cgminer_applies_one_difficulty_at_each_notify() -> None:
    session = ready(CGMINER)
    call(session, "mining.set_difficulty", 2)
    call(session, "mining.set_difficulty", 4)
    seen = [session.difficulty]
    for job_id in ("a", "b"):
        notify(session, job_id)
        seen.append(session.difficulty)

    assert seen == [1.0, 2.0, 4.0]


def test_bitaxe_applies_a_difficulty_at_once() -> None:
    session = ready(BITAXE)

    call(session, "mining.set_difficulty", 0.5)

    assert session.difficulty == 0.5


@pytest.mark.parametrize("value", [0, -1, True, "1", None, 1e31])
def test_a_difficulty_that_is_none_is_a_breach(value: object) -> None:
    session = ready(BITAXE)

    call(session, "mining.set_difficulty", value)

    assert len(session.breaches) == 1
    assert session.difficulty == 1.0


def test_bitaxe_ignores_a_repeated_job_unless_clean() -> None:
    session = ready(BITAXE)
    notify(session, "a")
    first = session.search

    notify(session, "a")
    assert session.search is first

    notify(session, "a", clean=True)
    assert session.search is not first


def test_a_new_job_replaces_the_search_of_the_old_one() -> None:
    session = ready(CGMINER)
    notify(session, "a")
    notify(session, "b", clean=True)

    assert session.search is not None
    shares = session.search.run(4096, Difficulty(2.0**-30), NOW)
    assert {share.job_id for share in shares} == {"b"}


def test_a_submit_carries_the_rolled_bits_and_its_answer_is_counted() -> None:
    session = ready(CGMINER)
    notify(session, "a")
    assert session.search is not None
    shares = session.search.run(64, Difficulty(2.0**-32), NOW)
    first, second = (json.loads(session.submit(share)) for share in shares[:2])

    say(session, id=second["id"], result=None, error=[21, "Stale share", None])
    say(session, id=first["id"], result=True, error=None)

    assert len(first["params"]) == 6
    assert session.counters.accepted == 1
    assert session.counters.reasons == {"Stale share": 1}
    assert session.breaches == []


def test_each_dialect_answers_a_ping_in_its_own_way() -> None:
    ping = {"id": 9, "method": "mining.ping", "params": []}

    assert say(ready(BITAXE), **ping) == [{"id": 9, "method": "pong", "params": []}]
    assert say(ready(CGMINER), **ping)[0]["result"] == "pong"


def test_a_new_extranonce_holds_from_the_next_notify() -> None:
    session = ready(CGMINER)
    notify(session, "a")
    call(session, "mining.set_extranonce", "ffff", 2)
    assert session.search is not None
    assert session.search.order.extranonce1.hex() == "0000002a"

    notify(session, "b")
    assert session.search.order.extranonce1.hex() == "ffff"


@pytest.mark.parametrize("line", [b"", b"[]", b"{", b"\xff", b'{"method":1}'])
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(MalformedMessageError):
        ready(CGMINER).receive(line, NOW)


def test_only_the_same_domain_may_call_a_cgminer_away() -> None:
    assert same_domain("a.pool.example", "b.pool.example")
    assert same_domain("a.pool.example", "")
    assert not same_domain("a.pool.example", "pool.evil")
    assert not same_domain("localhost", "evil")
