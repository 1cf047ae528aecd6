"""What the doctor says of pools, sound and not."""

import socket
import time

import pytest

from proxy.config import PoolConfig
from proxy.doctor import stratum
from proxy.doctor.check import Finding
from tests.fakes.odd_pools import Answer, a_pool, answers


def found(port: int, **more: str) -> list[Finding]:
    url = f"stratum+tcp://127.0.0.1:{port}"
    config = PoolConfig(**{"name": "main", "url": url, "user": "me", **more})  # type: ignore[arg-type]
    return list(stratum.pool(config, time.time))  # noqa: TID251  (held against a pool's)


def test_a_sound_pool_gives_a_job() -> None:
    with a_pool(answers()) as port:
        (one,) = found(port)

    assert (one.check, one.level) == ("pool main", "ok")
    assert "at 512; extranonce2 of 8 B" in one.seen


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (answers(takes=False), "refuses 'me'"),
        (answers(room=2), "leaves 2 B"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "no Stratum"),
        (
            b'{"id":1,"result":null,"error":[20,"no",null]}\n',
            "refuses to be subscribed",
        ),
        (b'{"id":1,"result":[[],"aa",8]}\n{"method":"mining.notify"}\n', "be read"),
        (b"[1]\n", "no Stratum"),
    ],
)
def test_a_fault_of_a_pool_is_told(answer: Answer | bytes, seen: str) -> None:
    with a_pool(answer) as port:
        (one,) = found(port)

    assert one.level == "fail"
    assert seen in one.seen
    assert one.remedy


def test_a_pool_without_work_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stratum, "JOB_WITHIN_S", 0.2)
    with a_pool(answers(has_job=False)) as port:
        (one,) = found(port)

    assert one.level == "fail"
    assert "is given no job within 0.2 s" in one.seen


def test_a_clock_that_is_apart_is_told() -> None:
    with a_pool(answers(age_s=3600)) as port:
        skew, job = found(port)

    assert skew.level == "warn"
    assert skew.seen.startswith("its job is of 36")
    assert job.level == "ok"


def test_a_port_that_nobody_has_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    (one,) = found(port)
    assert "cannot be reached: Connection refused" in one.seen


def test_a_pool_that_speaks_no_tls_is_told() -> None:
    with a_pool(b"what?\n" * 10) as port:
        (one,) = found(port, url=f"stratum+tls://localhost:{port}")

    assert "no certificate that is trusted" in one.seen


def test_a_worker_stands_for_any_in_the_user() -> None:
    with a_pool(answers(takes=False)) as port:
        (one,) = found(port, user="a.{worker}")

    assert "'a.doctor'" in one.seen
