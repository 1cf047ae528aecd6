"""The words that refusals are made of. Spec: SV2 03 and 05, error codes."""

from protocol.work.share import Verdict

UNSUPPORTED_PROTOCOL = "unsupported-protocol"
UNSUPPORTED_FLAGS = "unsupported-feature-flags"
VERSION_MISMATCH = "protocol-version-mismatch"

UNKNOWN_USER = "unknown-user"
MAX_TARGET = "max-target-out-of-range"
HASHRATE = "invalid-nominal-hashrate"
EXTRANONCE_SIZE = "unsupported-min-extranonce-size"
STANDARD_JOBS_ONLY = "extended-channels-not-supported-for-standard-jobs"
NO_ROOM = "channel-capacity-exhausted"

CHANNEL_ID = "invalid-channel-id"
JOB_TOKEN = "invalid-mining-job-token"  # noqa: S105  (a word of the protocol)

REJECTS: dict[Verdict, str] = {
    Verdict.STALE: "stale-share",
    Verdict.UNKNOWN_JOB: "invalid-job-id",
    Verdict.DUPLICATE: "duplicate-share",
    Verdict.LOW_DIFFICULTY: "difficulty-too-low",
    Verdict.UNAUTHORIZED: CHANNEL_ID,
    Verdict.BAD_NTIME: "invalid-share",
    Verdict.BAD_VERSION: "invalid-non-rollable-version-bit",
    Verdict.MALFORMED: "bad-extranonce-size",
}
"""What a miner reads when its share is refused."""
