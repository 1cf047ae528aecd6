"""Our channel at a pool: which jobs it has been given, and which one runs."""

from attrs import define, field
from msgspec import Struct

from protocol.bitcoin.target import difficulty_from_target, target_from_nbits
from protocol.errors import MalformedMessageError, RemoteError
from protocol.sv2.channels import ROLLABLE_MASK
from protocol.sv2.mining import (
    NewExtendedMiningJob,
    OpenExtendedMiningChannelSuccess,
    SetNewPrevHash,
)
from protocol.sv2.types import MAX_EXTRANONCE_BYTES
from protocol.work.job import Work, check_coinbase
from protocol.work.ntime import latest_ntime

MAX_FUTURE_JOBS = 64
"""A pool prepares one or two for the next block, but may do so anew with each template
for as long as no block comes."""

MAX_PATH = 32
"""2**32 transactions do not fit a block."""


class _Future(Struct, frozen=True):
    """A job that waits for its block, with the prefix that it was sent under."""

    job: NewExtendedMiningJob
    prefix: bytes


@define
class PoolChannel:
    """An extended channel that all our miners hash for.

    Attributes:
        id: Its own; messages may also be addressed to `group`.
        group: None if the pool has told of no group.
        prefix: The pool's bytes of the extranonce, for jobs that come now.
        size: Bytes that it leaves to us after `prefix`.
        target: For jobs that start from here on.
    """

    source: str
    session: int
    id: int
    group: int | None
    prefix: bytes
    size: int
    target: int
    _futures: dict[int, _Future] = field(factory=dict, init=False)
    _tip: SetNewPrevHash | None = field(default=None, init=False)

    @classmethod
    def opened(
        cls, source: str, session: int, answer: OpenExtendedMiningChannelSuccess
    ) -> "PoolChannel":
        """Return the channel that a pool has opened.

        Raises:
            MalformedMessageError: It cannot be mined on.
        """
        size, prefix = answer.extranonce_size, answer.extranonce_prefix
        # SV2 05: prefix and extranonce together have 32 B at most.
        if len(prefix) + size > MAX_EXTRANONCE_BYTES:
            raise MalformedMessageError(
                f"extranonce of {len(prefix)} + {size} B > {MAX_EXTRANONCE_BYTES} B"
            )
        return cls(
            source,
            session,
            answer.channel_id,
            answer.group_channel_id,
            prefix,
            size,
            _checked(answer.target),
        )

    def is_addressed(self, channel_id: int) -> bool:
        """Return whether a message to `channel_id` is for this channel."""
        return channel_id in {self.id, self.group}

    def set_target(self, target: int) -> None:
        """Take on the target of jobs that start from here on.

        Raises:
            MalformedMessageError: No hash could meet it.
        """
        self.target = _checked(target)

    def set_prefix(self, prefix: bytes) -> None:
        """Take on the prefix of jobs that are sent from here on.

        Raises:
            MalformedMessageError: It has another length than the one before.
        """
        # Miners' layouts are cut for the bytes that follow it.
        if len(prefix) != len(self.prefix):
            raise MalformedMessageError(
                f"extranonce_prefix of {len(prefix)} B, had {len(self.prefix)} B"
            )
        self.prefix = prefix

    def add(self, job: NewExtendedMiningJob) -> Work | None:
        """Take in a job; return its work if it starts now, None if it waits.

        Raises:
            RemoteError: It cannot be mined on.
        """
        if len(job.merkle_path) > MAX_PATH:
            raise MalformedMessageError(
                f"merkle_path of {len(job.merkle_path)} > {MAX_PATH}"
            )
        check_coinbase(job.coinbase_tx_prefix, job.coinbase_tx_suffix)
        if job.min_ntime is None:
            self._keep(job)
            return None
        if self._tip is None:
            raise RemoteError(f"job {job.job_id} starts before any SetNewPrevHash")
        # The prefix of now: SetExtranoncePrefix binds the jobs that are sent after it.
        started = _Future(job, self.prefix)
        return self._work(started, self._tip, job.min_ntime, clean=False)

    def _keep(self, job: NewExtendedMiningJob) -> None:
        """Keep a job for a block to come; the oldest gives way."""
        # Taken out first, so that a number sent anew is again the newest of the dict.
        self._futures.pop(job.job_id, None)
        if len(self._futures) >= MAX_FUTURE_JOBS:
            del self._futures[next(iter(self._futures))]
        self._futures[job.job_id] = _Future(job, self.prefix)

    def start(self, tip: SetNewPrevHash) -> Work:
        """Return the work of the future job that `tip` starts; all others are over.

        Raises:
            RemoteError: There is no such job, or no such block.
        """
        future = self._futures.get(tip.job_id)
        if future is None:
            raise RemoteError(f"SetNewPrevHash starts job {tip.job_id}, not kept")
        self._futures.clear()
        self._tip = tip
        return self._work(future, tip, tip.min_ntime, clean=True)

    def _work(
        self, future: _Future, tip: SetNewPrevHash, ntime: int, *, clean: bool
    ) -> Work:
        """Return the work; its target is fixed here, at the start of the job."""
        job = future.job
        try:
            block_target = target_from_nbits(tip.nbits)
        except ValueError as error:
            raise MalformedMessageError(str(error)) from error
        return Work(
            source=self.source,
            source_job=str(job.job_id),
            prev_hash=tip.prev_hash,
            coinb1=job.coinbase_tx_prefix,
            extranonce1=future.prefix,
            extranonce2_size=self.size,
            coinb2=job.coinbase_tx_suffix,
            merkle_branch=job.merkle_path,
            version=job.version,
            nbits=tip.nbits,
            ntime=ntime,
            version_mask=ROLLABLE_MASK if job.version_rolling_allowed else 0,
            target=self.target,
            difficulty=difficulty_from_target(self.target),
            # A pool refuses what misses its own target, be it a block of the network's
            # (regtest).
            block_target=min(block_target, self.target),
            clean=clean,
            max_ntime=latest_ntime(ntime),
            session=self.session,
        )


def _checked(target: int) -> int:
    if target == 0:
        raise MalformedMessageError("target 0: no hash can meet it")
    return target
