"""One channel towards a miner: how its jobs and answers are spelled."""

import math
from functools import lru_cache
from hashlib import sha256

from attrs import define, field

from protocol.bitcoin.merkle import root_from_branch
from protocol.sv2.codec import encode
from protocol.sv2.frame import HEADER_BYTES
from protocol.sv2.mining import (
    CloseChannel,
    NewExtendedMiningJob,
    NewMiningJob,
    OpenExtendedMiningChannelSuccess,
    OpenStandardMiningChannelSuccess,
    SetNewPrevHash,
    SetTarget,
    SubmitSharesError,
    SubmitSharesSuccess,
)
from protocol.work.job import Job
from protocol.work.version_rolling import OFFERED_MASK

ROLLABLE_MASK = 0x1FFFFFE0
"""Bits that a V2 miner may roll where rolling is allowed. Source: BIP 323."""

_ID_BYTES = 4
_JOBS_ENCODED = 16  # a job goes to all of its group in one sweep


@define(eq=False, repr=False)
class ServerChannel:
    """What a miner knows of one of its channels.

    The coinbase that it hashes is the job's coinb1, `slot`, `filling`, the rolled
    extranonce, coinb2. Nothing of this changes for the life of the channel: the
    bytes that change with the source are in coinb1.

    Attributes:
        worker: As it named itself.
        slot: Our bytes of the extranonce, no other channel's.
        filling: Zeros in place of what it could roll but does not.
        rolled_size: Bytes that it rolls; 0 makes it a standard channel.
    """

    id: int
    worker: str
    slot: bytes
    filling: bytes
    rolled_size: int
    _tip: SetNewPrevHash | None = field(default=None, init=False)
    _last_accepted: int = field(default=0, init=False)
    _accepted: int = field(default=0, init=False)
    _work_done: float = field(default=0.0, init=False)
    _refused: list[bytes] = field(factory=list, init=False)

    @property
    def is_standard(self) -> bool:
        """It rolls only what is in the header."""
        return self.rolled_size == 0

    @property
    def prefix(self) -> bytes:
        """The extranonce_prefix as the miner knows it."""
        return self.slot + self.filling

    def opened(self, request_id: int, target: int, group: int) -> list[bytes]:
        """Return the answer to the request; all else of the channel comes after."""
        if self.is_standard:
            standard = OpenStandardMiningChannelSuccess(
                request_id, self.id, target, self.prefix, group
            )
            return [encode(standard)]
        extended = OpenExtendedMiningChannelSuccess(
            request_id, self.id, target, self.rolled_size, self.prefix, group
        )
        return [encode(extended)]

    def target(self, target: int) -> list[bytes]:
        """Return SetTarget: for the jobs that are assigned from here on."""
        return [encode(SetTarget(self.id, target))]

    def assign(self, job: Job) -> list[bytes]:
        """Return what makes the miner hash `job`.

        On a new block that is a future job, then SetNewPrevHash which starts it;
        else the job alone: a SetNewPrevHash that repeats the last one makes
        firmware hash the same headers again. The ntime of such a job is not below
        the block's, though another source may have begun earlier: peers refuse it.
        """
        work = job.work
        tip = self._tip
        if tip is not None and (tip.prev_hash, tip.nbits) == work.tip:
            return [self._job_frame(job, max(job.ntime, tip.min_ntime))]
        self._tip = SetNewPrevHash(
            self.id, _number(job), work.prev_hash, job.ntime, work.nbits
        )
        # The job comes first: SetNewPrevHash may only name a job that was sent (SV2
        # 05).
        return [self._job_frame(job, None), encode(self._tip)]

    def accept(self, sequence: int, difficulty: float) -> None:
        """Count an accepted share in; `answers` will tell."""
        self._last_accepted = sequence
        self._accepted += 1
        self._work_done += difficulty

    def refuse(self, sequence: int, code: str) -> None:
        """Note a refused share; `answers` will tell."""
        self._refused.append(encode(SubmitSharesError(self.id, sequence, code)))

    def answers(self) -> list[bytes]:
        """Return the verdicts since the last call: refusals first.

        One message accepts all shares up to its number that were not refused
        before: so each refusal must come ahead of it.
        """
        frames, self._refused = self._refused, []
        # new_shares_sum is a whole number, and a share's difficulty may be less than 1.
        if self._accepted:
            whole = int(self._work_done)
            answer = SubmitSharesSuccess(
                self.id, self._last_accepted, self._accepted, whole
            )
            self._work_done -= whole  # parts add up until they are one
            self._accepted = 0
            frames.append(encode(answer))
        return frames

    def close(self, reason: str) -> list[bytes]:
        """Return what ends the channel."""
        return [encode(CloseChannel(self.id, reason))]

    def _job_frame(self, job: Job, ntime: int | None) -> bytes:
        if not self.is_standard:
            frame = _extended_job(job, ntime)
            # The id stands first in the payload of every channel message (SV2 03), so
            # one encoding serves all of a group with four bytes exchanged.
            head, rest = frame[:HEADER_BYTES], frame[HEADER_BYTES + _ID_BYTES :]
            return head + self.id.to_bytes(_ID_BYTES, "little") + rest
        work = job.work
        coinbase = b"".join((job.coinb1, self.slot, self.filling, work.coinb2))
        # Both parts are without witness (BIP 141): the hash of them is the txid.
        txid = sha256(sha256(coinbase).digest()).digest()
        root = root_from_branch(txid, work.merkle_branch)
        return encode(NewMiningJob(self.id, _number(job), ntime, work.version, root))


def may_roll(job: Job) -> bool:
    """Return whether all bits that shipped firmware rolls may be rolled."""
    # V2 has one bit for it and no mask: with a narrower one of the pool's a miner would
    # roll bits that void its shares.
    return job.work.version_mask & OFFERED_MASK == OFFERED_MASK


def _number(job: Job) -> int:
    # Two jobs with one number would be 2**32 jobs apart: no miner has both.
    return job.seq & 0xFFFFFFFF


@lru_cache(maxsize=_JOBS_ENCODED)
def _extended_job(job: Job, ntime: int | None) -> bytes:
    """Return the job for channel 0: all else is the same for a group's channels."""
    work = job.work
    return encode(
        NewExtendedMiningJob(
            0,
            _number(job),
            ntime,
            work.version,
            may_roll(job),
            work.merkle_branch,
            job.coinb1,
            work.coinb2,
        )
    )


def is_hashrate(value: float) -> bool:
    """Tell whether a nominal hashrate can be one: finite, and not below 0."""
    return math.isfinite(value) and value >= 0
