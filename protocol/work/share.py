"""What a miner submits and what we think of it."""

from enum import StrEnum

import msgspec

from protocol.units import Difficulty, UnixTime, WorkerName
from protocol.work.job import Job


class Verdict(StrEnum):
    """What became of a share; the text is the one in ledger, metrics and status."""

    ACCEPTED = "accepted"
    STALE = "stale"
    DUPLICATE = "duplicate"
    LOW_DIFFICULTY = "low_difficulty"
    UNKNOWN_JOB = "unknown_job"
    UNAUTHORIZED = "unauthorized"
    BAD_NTIME = "bad_ntime"
    BAD_VERSION = "bad_version"
    MALFORMED = "malformed"


class Submission(msgspec.Struct):
    """A share as it came in, its fields decoded.

    Attributes:
        version_bits: BIP 310's sixth parameter; None if it was not sent.
    """

    worker: WorkerName
    job_id: str
    extranonce2: bytes
    ntime: int
    nonce: int
    version_bits: int | None


class JudgedShare(msgspec.Struct):
    """A share with its verdict: the row that the ledger and the forwarder read.

    Attributes:
        at: When it was judged.
        job_id: As the miner spelled it; `job` is None if no such job lives.
        difficulty: What it was judged against and, if accepted, is credited at.
        hash: 32 B in internal order; empty if it was rejected before hashing.
        slot: The miner's extranonce1.
        version: The header's whole version, rolled bits included.
        meets_source: Its hash meets the source's target: to be forwarded.
        is_block: Its hash meets the block target. True whatever the verdict.
    """

    at: UnixTime
    site: str
    worker: WorkerName
    job_id: str
    difficulty: Difficulty
    verdict: Verdict
    job: Job | None = None
    hash: bytes = b""
    slot: bytes = b""
    extranonce2: bytes = b""
    ntime: int = 0
    nonce: int = 0
    version: int = 0
    meets_source: bool = False
    is_block: bool = False
