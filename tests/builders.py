"""Data for tests: valid by default, with what matters named at the call."""

import json
from pathlib import Path
from typing import Any

import msgspec

from protocol.bitcoin.target import target_from_difficulty, target_from_nbits
from protocol.units import Difficulty, JobId, UnixTime, WorkerName
from protocol.work.job import Job, Work
from protocol.work.judge import Terms
from protocol.work.share import JudgedShare, Submission, Verdict

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "vectors" / "protocol_vectors.json").read_text("utf-8")
)

DEEP_JSON = b"[" * 100_000 + b"]" * 100_000
"""Ends in RecursionError in every JSON parser that recurses."""

EASY = Difficulty(1e-9)
"""About one hash in four meets it."""


def a_work(**changes: Any) -> Work:
    work = Work(
        source="main",
        source_job="up1",
        prev_hash=bytes(range(32)),
        coinb1=b"\x01" * 40,
        extranonce1=b"\xaa\xbb\xcc\xdd",
        extranonce2_size=8,
        coinb2=b"\x02" * 60,
        merkle_branch=(b"\x03" * 32, b"\x04" * 32),
        version=0x20000000,
        nbits=0x1D00FFFF,
        ntime=1_700_000_000,
        version_mask=0x1FFFE000,
        target=target_from_difficulty(Difficulty(1e-8)),
        difficulty=Difficulty(1e-8),
        block_target=target_from_nbits(0x1D00FFFF),
        clean=True,
        max_ntime=1_700_007_000,
        session=1,
    )
    return msgspec.structs.replace(work, **changes)


def a_job(**changes: Any) -> Job:
    work = changes.pop("work", None) or a_work()
    job = Job(
        id=JobId("1"),
        seq=1,
        work=work,
        coinb1=work.coinb1 + work.extranonce1,
        padding=b"",
        room=8,
        ntime=work.ntime,
        clean=True,
        ceiling=Difficulty(1e18),
        seen=set(),
    )
    return msgspec.structs.replace(job, **changes)


def a_submission(**changes: Any) -> Submission:
    share = Submission(WorkerName("rig1"), "1", b"\0\0\0\0", 1_700_000_000, 0, None)
    return msgspec.structs.replace(share, **changes)


def terms(**changes: Any) -> Terms:
    easy = Terms(b"\0\0\0\1", EASY, 0x1FFFE000, is_stale=False)
    return msgspec.structs.replace(easy, **changes)


NOW = UnixTime(1_700_000_010.0)


def job_of_vector(vector: dict[str, Any]) -> Job:
    """Return the job that a vector's notify describes."""
    job_id, prev, coinb1, coinb2, branch, version, nbits, ntime, clean = vector[
        "notify"
    ]
    words = [bytes.fromhex(prev[i : i + 8])[::-1] for i in range(0, 64, 8)]
    bits = int(nbits, 16)
    work = a_work(
        source_job=job_id,
        prev_hash=b"".join(words),
        coinb1=bytes.fromhex(coinb1),
        extranonce1=b"",
        extranonce2_size=vector["extranonce2_size"],
        coinb2=bytes.fromhex(coinb2),
        merkle_branch=tuple(bytes.fromhex(b) for b in branch),
        version=int(version, 16),
        nbits=bits,
        ntime=int(ntime, 16),
        max_ntime=int(ntime, 16) + 7000,
        block_target=target_from_nbits(bits),
        target=target_from_difficulty(Difficulty(1e-10)),
        clean=clean,
    )
    return a_job(
        id=JobId(job_id),
        work=work,
        coinb1=work.coinb1,
        room=len(vector["extranonce1"]) // 2 + vector["extranonce2_size"],
    )


def judge_loosely(share: Submission, slot: bytes) -> JudgedShare:
    """Return `share` as judged, for what only needs its fields."""
    return JudgedShare(
        at=NOW,
        site="hall-a",
        worker=share.worker,
        job_id=share.job_id,
        difficulty=EASY,
        verdict=Verdict.ACCEPTED,
        slot=slot,
        extranonce2=share.extranonce2,
        ntime=share.ntime,
        nonce=share.nonce,
        version=0x20000000,
    )
