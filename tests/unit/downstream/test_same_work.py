"""What a source sends again is not new: whoever hashed it is not paid twice."""

from typing import Any

import pytest

from protocol.sv2.pool_channel import PoolChannel
from protocol.work.job import Work
from tests.fakes.hall import Hall, Wire
from tests.fakes.sv2_ends import a_job, a_tip


def shares(wire: Wire, job: str, count: int = 40) -> list[Any]:
    """Submit the same nonces of `job`; return what was answered."""
    return [wire.submit(nonce, job=job) for nonce in range(count)]


def accepted(answers: list[Any]) -> int:
    return sum(answer["result"] is True for answer in answers)


def duplicates(answers: list[Any]) -> int:
    return sum((answer["error"] or [0])[0] == 22 for answer in answers)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"clean": False},
        {"source_job": "up2", "clean": False},
        {"target": 1 << 235, "difficulty": 2e-8, "clean": False},
        {"version": 0x20002000, "clean": False},
        {"coinb1": b"\x01" * 39, "extranonce1": b"\x01\xaa\xbb\xcc\xdd"},
    ],
)
def test_the_same_hashes_are_accepted_once(changes: dict[str, Any]) -> None:
    hall = Hall()
    hall.sources[0].post()
    wire = hall.connect().work()
    job = wire.miner.group.current.job.id  # type: ignore[union-attr]
    before = shares(wire, job)
    assert accepted(before) > 0

    hall.sources[0].post(**changes)
    hall.pass_time(2)
    again = wire.miner.group.current.job.id  # type: ignore[union-attr]
    after = shares(wire, again)

    if "version" not in changes:  # else they are other headers
        assert accepted(after) == 0
        assert duplicates(after) == accepted(before)


def test_a_miner_gets_no_job_for_what_it_has() -> None:
    hall = Hall()
    hall.sources[0].post()
    wire = hall.connect().work()

    hall.sources[0].post(clean=False)

    assert wire.hear() == []


def test_a_pool_that_comes_back_with_the_job_of_before_is_known() -> None:
    hall = Hall()
    hall.sources[0].post()
    wire = hall.connect().work()
    job = wire.miner.group.current.job  # type: ignore[union-attr]
    before = shares(wire, job.id)

    hall.sources[0].lose()
    hall.sources[0].post()
    back = wire.miner.group.current.job  # type: ignore[union-attr]

    assert back.work.session != job.work.session
    assert back.ntime > job.ntime
    assert duplicates(shares(wire, back.id)) == accepted(before)


def test_an_extended_job_that_a_pool_sends_again_is_known() -> None:
    channel = PoolChannel("p", 1, 1, None, b"\xaa" * 4, 8, 1 << 230)
    channel.add(a_job(job_id=1, min_ntime=None))
    first = channel.start(a_tip(job_id=1))

    again = channel.add(a_job(job_id=2, min_ntime=first.ntime))

    assert isinstance(again, Work)
    assert again.content == first.content
    assert again.source_job != first.source_job
