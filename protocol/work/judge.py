"""Judge a share from first principles: the reference for every other path.

The order of the tests is what miners and pools can rely on: job known, extranonce2
size, ntime, version bits, then the hash; the block test comes before any reject that
is a matter of policy, and a duplicate is found before a low difficulty. A block is one
once: its hash is remembered whatever the verdict, and a replay of it is none.
"""

import struct
from hashlib import sha256

import msgspec

from protocol.bitcoin.merkle import root_from_branch
from protocol.bitcoin.target import target_from_difficulty
from protocol.units import Difficulty, UnixTime
from protocol.work.job import Job
from protocol.work.share import JudgedShare, Submission, Verdict
from protocol.work.version_rolling import roll_version

_pack_header = struct.Struct("<I32s32sIII").pack

DUPLICATE_KEY_BYTES = 16
"""Bytes of a hash that tell it from the others of its job, from the random end."""


class Terms(msgspec.Struct):
    """On what terms a miner's share of a job is judged.

    Attributes:
        slot: The miner's extranonce1.
        difficulty: What is required of it.
        version_mask: Bits that it may roll: its own mask and the job's.
        is_stale: The job's time is over.
    """

    slot: bytes
    difficulty: Difficulty
    version_mask: int
    is_stale: bool


def judge(
    submission: Submission, job: Job, terms: Terms, site: str, at: UnixTime
) -> JudgedShare:
    """Return `submission` with its verdict, and remember it in `job.seen` if good."""
    work = job.work
    judged = JudgedShare(
        at=at,
        site=site,
        worker=submission.worker,
        job_id=submission.job_id,
        difficulty=terms.difficulty,
        verdict=Verdict.ACCEPTED,
        job=job,
        slot=terms.slot,
        extranonce2=submission.extranonce2,
        ntime=submission.ntime,
        nonce=submission.nonce,
    )
    # Together, not each: a proxy's slot is shorter, and what it rolls is longer.
    if len(terms.slot) + len(submission.extranonce2) != job.room:
        judged.verdict = Verdict.MALFORMED
        return judged
    # The source's bounds and not those of the revision: it is the source that would
    # refuse the share.
    if not work.ntime <= submission.ntime <= work.max_ntime:
        judged.verdict = Verdict.BAD_NTIME
        return judged
    version = roll_version(work.version, submission.version_bits, terms.version_mask)
    if version is None:
        judged.verdict = Verdict.BAD_VERSION
        return judged
    judged.version = version
    _weigh(judged, job, header_of(job, judged), terms)
    return judged


def header_of(job: Job, share: JudgedShare) -> bytes:
    """Return the 80 B header that `share` hashed."""
    work = job.work
    coinbase = b"".join((job.coinb1, share.slot, share.extranonce2, work.coinb2))
    root = root_from_branch(
        sha256(sha256(coinbase).digest()).digest(), work.merkle_branch
    )
    return _pack_header(
        share.version, work.prev_hash, root, share.ntime, work.nbits, share.nonce
    )


def _weigh(judged: JudgedShare, job: Job, header: bytes, terms: Terms) -> None:
    """Hash `header` and fill in what the hash decides."""
    judged.hash = digest = sha256(sha256(header).digest()).digest()
    value = int.from_bytes(digest, "little")
    # Internal order has the zeros of a good hash at its end: the first bytes are
    # random.
    key = digest[:DUPLICATE_KEY_BYTES]
    # As integers: a difficulty as a float can miss the network's exact target.
    is_block = value <= job.work.block_target
    is_enough = value <= target_from_difficulty(terms.difficulty)
    # A block on an old tip is still told: our news of the tip may be the ones that are
    # wrong.
    if terms.is_stale and not is_block:
        judged.verdict = Verdict.STALE
        return
    if key in job.seen:
        # A stale block that comes again is no block any more, but stale it is.
        judged.verdict = Verdict.STALE if terms.is_stale else Verdict.DUPLICATE
        return
    if is_block or is_enough:
        job.seen.add(key)  # only paid-for hashes: a flood of bad shares costs no memory
    judged.is_block = is_block
    # The verdict is for the miner and is_block for the node: both may be set.
    if terms.is_stale:
        judged.verdict = Verdict.STALE
    elif is_enough:
        judged.meets_source = value <= job.work.target
    else:
        judged.verdict = Verdict.LOW_DIFFICULTY
