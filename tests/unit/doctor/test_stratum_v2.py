"""What the doctor says of pools of Stratum V2, sound and not."""

import pytest

from protocol.noise.handshake import Identity
from proxy.config import PoolConfig
from proxy.doctor import stratum
from proxy.doctor.check import Finding
from tests.fakes.odd_pools import V2Answer, a_pool, a_v2_pool, v2_answers
from tests.noise_peers import FROM, NOW, an_authority, an_identity

DAY = 86400


def found(port: int, authority: int = 77) -> list[Finding]:
    key = an_authority(authority).key.text
    url = f"stratum2+tcp://127.0.0.1:{port}/{key}"
    config = PoolConfig(name="main", url=url, user="me")
    return list(stratum.pool(config, lambda: NOW))


def test_a_sound_pool_gives_a_job() -> None:
    with a_v2_pool(v2_answers()) as port:
        (one,) = found(port)

    assert (one.check, one.level) == ("pool main", "ok")
    assert one.seen.startswith("a job after")
    assert one.seen.endswith("8 B to roll")


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (v2_answers(refuses="setup"), "refuses the setup: unsupported-protocol"),
        (v2_answers(refuses="channel"), "refuses the channel: unknown-user"),
    ],
)
def test_what_it_refuses_is_told(answer: V2Answer, seen: str) -> None:
    with a_v2_pool(answer) as port:
        (one,) = found(port)

    assert (one.level, one.seen) == ("fail", f"it {seen}")
    assert one.remedy


def test_another_authority_is_told() -> None:
    with a_v2_pool(v2_answers()) as port:
        (one,) = found(port, authority=78)

    assert one.level == "fail"
    assert "certificate" in one.seen
    assert "authority key" in one.remedy


@pytest.mark.parametrize(
    ("identity", "level"),
    [
        (an_identity(valid_from=FROM, not_valid_after=int(NOW) - DAY), "fail"),
        (an_identity(valid_from=FROM, not_valid_after=int(NOW) + DAY), "warn"),
        (an_identity(valid_from=int(NOW) - 60, not_valid_after=int(NOW) + DAY), "ok"),
    ],
)
def test_a_certificate_out_of_date_or_nearly_so_is_told(
    identity: Identity, level: str
) -> None:
    with a_v2_pool(v2_answers(), identity) as port:
        first, *_ = found(port)

    assert first.level == level
    assert level == "ok" or "certificate" in first.seen


def test_a_pool_without_work_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stratum, "JOB_WITHIN_S", 0.3)
    with a_v2_pool(v2_answers(has_job=False)) as port:
        (one,) = found(port)

    assert (one.level, one.seen) == ("fail", "nothing more within 0.3 s at the job")


def test_a_clock_that_is_apart_is_told() -> None:
    with a_v2_pool(v2_answers(ntime=int(NOW) - 3600)) as port:
        skew, job = found(port)

    assert (skew.level, skew.seen) == ("warn", "its job is of 3600 s ago")
    assert job.level == "ok"


def test_what_speaks_no_noise_is_told() -> None:
    with a_pool(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20) as port:
        (one,) = found(port)

    assert one.level == "fail"
    assert one.remedy == "is it a pool of Stratum V2?"
