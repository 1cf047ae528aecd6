"""What a miner reads when its share is refused."""

from protocol.work.share import Verdict

OTHER = 20
UNKNOWN_JOB = 21
DUPLICATE = 22
LOW_DIFFICULTY = 23
UNAUTHORIZED = 24
NOT_SUBSCRIBED = 25

REJECTS: dict[Verdict, tuple[int, str]] = {
    Verdict.STALE: (UNKNOWN_JOB, "Stale share"),
    Verdict.UNKNOWN_JOB: (UNKNOWN_JOB, "Job not found"),
    Verdict.DUPLICATE: (DUPLICATE, "Duplicate share"),
    Verdict.LOW_DIFFICULTY: (LOW_DIFFICULTY, "Low difficulty share"),
    Verdict.UNAUTHORIZED: (UNAUTHORIZED, "Unauthorized worker"),
    Verdict.BAD_NTIME: (OTHER, "Ntime out of range"),
    Verdict.BAD_VERSION: (OTHER, "Version bits outside the mask"),
    Verdict.MALFORMED: (OTHER, "Malformed share"),
}
"""Code and text by verdict. Codes: the de facto set of Stratum V1 servers."""
