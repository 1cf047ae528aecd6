"""A miner whose socket the share engine holds, and who judges most of its shares."""

from attrs import define, field
from typing_extensions import override

from protocol.units import Difficulty, Seconds
from protocol.work.job import Job
from proxy.downstream.native.engine import Jobs, Wire
from proxy.downstream.sv1_miner import Sv1Miner


@define(eq=False)
class NativeMiner(Sv1Miner):
    """Decides as any miner does, and copies down what the engine judges by.

    The engine counts what it judges; `settle` fetches that.
    """

    is_native = True

    outbox: Wire
    _workers_copied: int = field(default=0, init=False)

    @override
    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.outbox.belongs_to(self)
        self.outbox.set_granted(self.is_granted)
        self._copy_wish()

    def hear(self, line: bytes) -> None:
        """Take in a line that the engine does not judge.

        Raises:
            RemoteError: They break the protocol: drop the miner.
        """
        self.settle()
        try:
            self.receive(line + b"\n")
        finally:
            self._copy()

    def settle(self) -> None:
        """Take note of what the engine has counted since the last time."""
        shares, work, work2, share_at, heard_at, bad_since, rejected = (
            self.outbox.settle()
        )
        self.heard_at = Seconds(max(self.heard_at, heard_at))
        for reason, number in rejected:
            self.rejected[reason] += number
            self.voided += number if reason == "bad_version" else 0
        if shares:
            self._settle_accepted(shares, work, work2, Seconds(share_at))
        if self.bad_since is None and bad_since is not None:
            self.bad_since = Seconds(bad_since)
        self._copy_wish()

    def _settle_accepted(
        self, shares: int, work: float, work2: float, at: Seconds
    ) -> None:
        for tally in (self.tally, self.floor.parking.tally):
            tally.add(shares, work, work2)
        self.accepted += shares
        self.share_at = at
        self.bad_since = None
        self.scolded = 0
        self.meter.add(work, at)
        if self.vardiff.count(work, shares):
            self.retarget(at)

    @override
    def assign(self, job: Job, line: bytes) -> None:
        super().assign(job, line)
        self._copy_session()

    @override
    def take_on(self, job: Job) -> Difficulty | None:
        difficulty = super().take_on(job)
        if difficulty is not None:
            self.outbox.add_terms(job.seq, difficulty)
        return difficulty

    @override
    def retarget(self, now: Seconds) -> None:
        super().retarget(now)
        self._copy_wish()

    @override
    def wish(
        self,
        *,
        start: Difficulty | None = None,
        fixed: Difficulty | None = None,
        minimum: Difficulty | None = None,
    ) -> None:
        super().wish(start=start, fixed=fixed, minimum=minimum)
        self._copy_wish()

    @override
    def leave(self) -> None:
        self.settle()
        self.outbox.join(None)
        super().leave()

    @override
    def _settle(self) -> None:
        self.settle()  # as the one it was until now
        super()._settle()
        self.outbox.set_granted(self.is_granted)
        self._copy_wish()

    def _copy(self) -> None:
        self._copy_session()
        if self.seat is not None:
            self.outbox.set_slot(self.seat.extranonce1)
        for worker in list(self.workers)[self._workers_copied :]:
            self.outbox.add_worker(worker)
        self._workers_copied = len(self.workers)
        if self.group is not None and isinstance(self.group.copies, Jobs):
            self.outbox.join(self.group.copies)

    def _copy_session(self) -> None:
        session = self.session
        self.outbox.set_session(
            session.is_subscribed, session.version_mask, self._mask_told
        )

    def _copy_wish(self) -> None:
        vardiff = self.vardiff
        is_moving = not self._is_fixed and vardiff.policy.shares_per_minute > 0
        left = vardiff.shares_left if is_moving else 0
        self.outbox.set_wish(vardiff.difficulty, left)
