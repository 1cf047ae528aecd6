"""A miner that is a channel of Stratum V2."""

import math
from collections.abc import Iterable
from typing import Protocol

from attrs import define, field
from typing_extensions import override

from protocol.bitcoin.target import (
    MAX_TARGET,
    difficulty_from_target,
    target_from_difficulty,
)
from protocol.dialect import Dialect
from protocol.errors import LocalError
from protocol.sv1.messages import MAX_WORKER_CHARS
from protocol.sv2.channels import ROLLABLE_MASK, ServerChannel, may_roll
from protocol.sv2.codes import REJECTS
from protocol.sv2.miner_events import ChannelUpdated, ShareSubmitted
from protocol.units import Difficulty, Seconds, WorkerName
from protocol.work.hashrate import HASHES_PER_DIFFICULTY
from protocol.work.job import Job
from protocol.work.share import Submission, Verdict
from protocol.work.vardiff import nearest_step
from proxy.downstream.miner import Miner
from proxy.downstream.wishes import LEEWAY
from proxy.downstream.worker_refusals import why_not_here

UPDATE_STEP = 2.0
"""A hashrate that has changed by less is left to the shares to tell."""


class Wire(Protocol):
    """The connection that a channel is on, as the channel needs it."""

    @property
    def has_one_miner(self) -> bool:
        """There is one channel, no more."""

    def send(self, frames: Iterable[bytes]) -> None:
        """Send these frames, in order."""

    def ask_to_reconnect(self) -> None:
        """Ask whoever is at the other end to connect anew."""

    def hang_up(self, why: str) -> None:
        """Close the connection for a reason of ours."""


@define(eq=False, repr=False)
class Sv2Miner(Miner):
    """One channel of a Stratum V2 connection.

    Attributes:
        hashrate: As it said last; 0 if it does not know.
    """

    dialect = Dialect.SV2

    wire: Wire
    hashrate: float
    _user_agent: str
    channel: ServerChannel | None = field(default=None, init=False)
    _told: int = field(default=0, init=False)
    _max_target: int = field(default=MAX_TARGET, init=False)

    @property
    @override
    def is_alone(self) -> bool:
        return self.wire.has_one_miner

    @property
    @override
    def version_mask(self) -> int:
        return ROLLABLE_MASK

    @property
    @override
    def user_agent(self) -> str:
        return self._user_agent

    def introduce(self, worker: WorkerName, max_target: int) -> None:
        """Take on its name, and a difficulty by the hashrate that it claims."""
        # A channel has its worker from the start: V2 knows no authorise.
        self.workers[worker] = None
        self._take_on_bound(max_target, self._fitting())

    def target_of(self, difficulty: Difficulty) -> int:
        """Return the target that it is told for `difficulty`.

        It is never easier than the miner can work at, though the shares may be judged
        by an easier one: its source's.
        """
        # The lower target is the harder one.
        return min(target_from_difficulty(difficulty), self._max_target)

    def start(self, channel: ServerChannel, target: int) -> None:
        """Give it work on `channel`, opened with `target`.

        Raises:
            SiteFullError: There is no search space for it.
        """
        self.channel = channel
        self._told = target
        self.join()

    # towards the miner

    @override
    def assign(self, job: Job, line: bytes) -> None:
        channel = self.channel
        if channel is None:
            return
        try:
            frames = channel.assign(job)
        except LocalError as error:  # nobody else shall miss the job for it
            self.wire.hang_up(f"the job does not fit Stratum V2: {error}")
            return
        difficulty = self.take_on(job)
        if difficulty is not None:
            # Ahead of the job: SetTarget is for the jobs that come after it (SV2 05).
            frames = [*self._target_frames(channel, difficulty), *frames]
        self.wire.send(frames)

    def reply(self, _data: bytes) -> None:
        """Send the verdicts that were held back until their shares were durable."""
        if self.channel is not None:
            self.wire.send(self.channel.answers())

    @override
    def ask_to_reconnect(self) -> None:
        self.wire.ask_to_reconnect()

    @override
    def keep_alive(self) -> None:
        if self.channel is not None:
            # The same target again changes nothing and is a sign of life.
            self.wire.send(self.channel.target(self._told))

    def _target_frames(
        self, channel: ServerChannel, difficulty: Difficulty
    ) -> list[bytes]:
        target = self.target_of(difficulty)
        if target == self._told:
            return []
        self._told = target
        return channel.target(target)

    # from the miner

    def submit(self, share: ShareSubmitted) -> None:
        """Judge a share; its verdict goes out once it is durable."""
        now = self.heard_at = self.context.now()
        # Jobs are kept by the id that V1 miners see: hex.
        job_id = f"{share.job_id:x}"
        submission = Submission(
            self._worker_of(share),
            job_id,
            share.extranonce2,
            share.ntime,
            share.nonce,
            self._rolled(share.version, job_id),
        )
        judged = self.judge(submission, job_id, now)
        self.count(judged, now)
        if judged.verdict is Verdict.ACCEPTED:
            share.channel.accept(share.sequence, judged.difficulty)
        else:
            share.channel.refuse(share.sequence, REJECTS[judged.verdict])
        # No bytes of its own: the channel gathers verdicts and tells of many in one
        # frame.
        self.context.batch.add(judged, self, b"")

    def update(self, update: ChannelUpdated) -> None:
        """Take on another hashrate, or another easiest target."""
        self.heard_at = self.context.now()
        before, self.hashrate = self.hashrate, update.hashrate
        low, high = sorted((before, update.hashrate))
        has_moved = high > 0 and low * UPDATE_STEP <= high
        self._take_on_bound(update.max_target, self._fitting() if has_moved else None)

    def _take_on_bound(self, max_target: int, fitting: Difficulty | None) -> None:
        """Take on the easiest target that it can work at.

        Who bounds its target has a vardiff of its own and is given that target exactly,
        unless it would then drown us in the shares that its hashrate makes.
        """
        self._max_target = max_target
        bound = bound_of(max_target)
        is_enough = (self._fitting() or bound) <= bound * LEEWAY
        self.wishes.leads = is_enough and bound > self.context.policy.minimum
        self.set_requested_difficulty(
            start=bound if self.wishes.leads else fitting, minimum=bound
        )

    @override
    def _ceiling(self, job: Job) -> Difficulty:
        """Return its own bound where that is below the source's difficulty.

        The power of two below that is for ASICs, which round down themselves.
        """
        # Between the power of two and the source's difficulty its own bound is met
        # exactly.
        own = min(bound_of(self._max_target), job.work.difficulty)
        return max(job.ceiling, own)

    @override
    def _mask_of(self, job: Job) -> int:
        return ROLLABLE_MASK if may_roll(job) else 0  # V2 says yes or no

    @override
    def _blame(self, verdict: str, number: int, now: Seconds) -> bool:
        is_standard = self.channel is not None and self.channel.is_standard
        if is_standard and verdict == Verdict.BAD_VERSION:
            return False  # V2 cannot tell a standard channel what it may roll
        return super()._blame(verdict, number, now)

    def _fitting(self) -> Difficulty | None:
        """Return the difficulty for the hashrate that it claims; None: no telling."""
        per_minute = self.context.policy.shares_per_minute
        if self.hashrate <= 0 or per_minute <= 0:
            return None
        work = self.hashrate * 60.0 / HASHES_PER_DIFFICULTY
        return nearest_step(Difficulty(work / per_minute))

    def _rolled(self, version: int, job_id: str) -> int | None:
        """Return the bits that `version` rolled; also any that it must not have."""
        entry = self.live.get(job_id)
        if entry is None:
            return None
        work = entry.job.work
        mask = self.version_mask & work.version_mask
        # V2 sends the whole version: what differs from the job's outside the mask was
        # not to be rolled.
        foreign = (version ^ work.version) & ~mask
        return foreign or version & mask

    def _worker_of(self, share: ShareSubmitted) -> WorkerName:
        """Return whose a share is: a proxy's miner's if it has a good name."""
        name = read_worker(share.worker or "")
        if (
            name is not None
            and name not in self.workers
            and not why_not_here(self, name)
        ):
            # By the TLV of extension 0x0002 a proxy's miners come without an authorise.
            self.workers[name] = None
        return name if name in self.workers and name else next(iter(self.workers))


def read_worker(name: str) -> WorkerName | None:
    """Return `name` if a worker can be called so."""
    if not 0 < len(name) <= MAX_WORKER_CHARS or not name.isprintable():
        return None
    return WorkerName(name)


def bound_of(max_target: int) -> Difficulty:
    """Return the difficulty of `max_target`, not above it by the last bit."""
    difficulty = difficulty_from_target(max_target)
    # A float is rounded: the difficulty of a target may lead back to a harder one.
    if target_from_difficulty(difficulty) >= max_target:
        return difficulty
    return Difficulty(math.nextafter(difficulty, 0.0))
