from typing import Any

import pytest

from protocol.units import Difficulty
from protocol.work.judge import header_of, judge
from protocol.work.share import JudgedShare, Submission, Verdict
from tests.builders import (
    EASY,
    NOW,
    VECTORS,
    a_job,
    a_submission,
    a_work,
    job_of_vector,
    terms,
)

BLOCK = (1 << 256) - 1
"""Every hash is a block at this target."""


def judged(share: Submission, job: Any = None, **how: Any) -> JudgedShare:
    return judge(share, job or a_job(), terms(**how), "hall-a", NOW)


def first_good(job: Any, **changes: Any) -> Submission:
    for nonce in range(1000):
        share = a_submission(nonce=nonce, **changes)
        if judged(share, a_job(work=job.work)).verdict is Verdict.ACCEPTED:
            return share
    raise AssertionError("no good nonce")


@pytest.mark.parametrize("vector", VECTORS["sv1"], ids=lambda v: v["name"])
def test_a_vector_is_hashed_and_judged_as_it_says(vector: dict[str, Any]) -> None:
    job = job_of_vector(vector)
    submit, expect = vector["submit"], vector["expect"]
    bits = int(submit[5], 16) if len(submit) > 5 else None
    share = a_submission(
        job_id=submit[1],
        extranonce2=bytes.fromhex(submit[2]),
        ntime=int(submit[3], 16),
        nonce=int(submit[4], 16),
        version_bits=bits,
    )
    mask = int(vector["mask"] or "0", 16)
    slot = bytes.fromhex(vector["extranonce1"])

    result = judged(
        share, job, slot=slot, version_mask=mask, difficulty=Difficulty(1e-10)
    )

    assert result.verdict is Verdict.ACCEPTED
    assert header_of(job, result).hex() == expect["header"]
    assert result.hash[::-1].hex() == expect["hash_display"]
    assert result.is_block is expect["is_block"]


def test_a_good_share_is_accepted_once_and_then_a_duplicate() -> None:
    job = a_job()
    share = first_good(job)

    first = judged(share, job)
    second = judged(share, job)

    assert first.verdict is Verdict.ACCEPTED
    assert second.verdict is Verdict.DUPLICATE
    assert len(job.seen) == 1


def test_the_same_header_is_a_duplicate_however_its_bits_are_spelled() -> None:
    job = a_job()
    share = first_good(job)
    judged(share, job)
    spelled = a_submission(nonce=share.nonce, version_bits=0)

    assert judged(spelled, job).verdict is Verdict.DUPLICATE


def test_a_low_share_is_refused_each_time_and_costs_no_memory() -> None:
    job = a_job()
    hard = Difficulty(1e6)

    verdicts = {judged(a_submission(), job, difficulty=hard).verdict for _ in "ab"}

    assert verdicts == {Verdict.LOW_DIFFICULTY}
    assert not job.seen


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"extranonce2": b"\0" * 3}, Verdict.MALFORMED),
        ({"extranonce2": b"\0" * 5}, Verdict.MALFORMED),
        ({"ntime": 1_699_999_999}, Verdict.BAD_NTIME),
        ({"ntime": 1_700_007_001}, Verdict.BAD_NTIME),
        ({"version_bits": 0x20000000}, Verdict.BAD_VERSION),
        ({"version_bits": 0x00001000}, Verdict.BAD_VERSION),
    ],
)
def test_what_cannot_be_hashed_is_refused_unhashed(
    changes: dict[str, Any], verdict: Verdict
) -> None:
    result = judged(a_submission(**changes))

    assert result.verdict is verdict
    assert result.hash == b""
    assert not result.is_block


@pytest.mark.parametrize("ntime", [1_700_000_000, 1_700_007_000])
def test_both_ends_of_the_ntime_range_are_inside(ntime: int) -> None:
    assert judged(a_submission(ntime=ntime)).verdict is not Verdict.BAD_NTIME


def test_rolled_bits_replace_those_of_the_job() -> None:
    job = a_job(work=a_work(version=0x3FFFE000))

    result = judged(a_submission(version_bits=0x00002000), job)

    assert result.version == 0x20002000


def test_a_stale_share_is_stale_even_if_it_is_good() -> None:
    job = a_job()
    share = first_good(job)

    assert judged(share, job, is_stale=True).verdict is Verdict.STALE
    assert not job.seen


@pytest.mark.parametrize(
    "how", [{"is_stale": True}, {"difficulty": Difficulty(1e6)}, {}]
)
def test_a_block_is_seen_whatever_policy_says_of_the_share(how: dict[str, Any]) -> None:
    job = a_job(work=a_work(block_target=BLOCK))

    assert judged(a_submission(), job, **how).is_block


@pytest.mark.parametrize(
    ("how", "later", "verdict"),
    [
        ({}, {}, Verdict.DUPLICATE),
        ({}, {"is_stale": True}, Verdict.STALE),
        ({"is_stale": True}, {"is_stale": True}, Verdict.STALE),
        ({"difficulty": Difficulty(1e6)}, {}, Verdict.DUPLICATE),
        ({"difficulty": Difficulty(1e6)}, {"is_stale": True}, Verdict.STALE),
    ],
)
def test_a_block_that_is_sent_again_is_none(
    how: dict[str, Any], later: dict[str, Any], verdict: Verdict
) -> None:
    job = a_job(work=a_work(block_target=BLOCK, target=BLOCK))
    share = first_good(job)
    assert judged(share, job, **how).is_block

    again = judged(share, job, **later)

    assert not again.is_block
    assert again.verdict is verdict
    assert not again.meets_source
    assert len(job.seen) == 1


def test_a_share_for_the_source_is_marked_and_only_if_it_counts() -> None:
    every = a_job(work=a_work(target=BLOCK))
    none = a_job(work=a_work(target=0))
    share = first_good(every)

    assert judged(share, every).meets_source
    assert not judged(share, none).meets_source
    assert not judged(share, every, is_stale=True).meets_source


def test_a_hash_equal_to_the_target_is_good_enough() -> None:
    share = first_good(a_job())
    value = int.from_bytes(judged(share).hash, "little")

    assert judged(share, a_job(work=a_work(block_target=value))).is_block
    assert not judged(share, a_job(work=a_work(block_target=value - 1))).is_block
    assert judged(share, a_job(work=a_work(target=value))).meets_source
    assert not judged(share, a_job(work=a_work(target=value - 1))).meets_source


def test_the_verdict_says_on_what_terms_it_was_given() -> None:
    result = judged(first_good(a_job()))

    assert result.difficulty == EASY
    assert result.site == "hall-a"
    assert result.worker == "rig1"
    assert result.at == NOW
    assert result.slot == b"\0\0\0\1"


def test_two_slots_hash_different_headers() -> None:
    one, other = (judged(a_submission(), slot=bytes([0, 0, 0, n])) for n in (1, 2))

    assert one.hash != other.hash
