"""A miner whose shares the engine judges by copies of what was decided here."""

from abc import abstractmethod

from twisted.logger import Logger
from typing_extensions import override

from protocol.units import Difficulty, Seconds
from protocol.work.job import Job
from proxy.downstream.miner import Miner
from proxy.engine.engine import Jobs, Row


class EngineMiner(Miner):
    """Decides as any miner does, and copies down what the engine judges by.

    The engine counts what it judges; `settle` fetches that.
    """

    _log = Logger()
    __slots__ = ()
    is_native = True

    @property
    @abstractmethod
    def mirror(self) -> Row:
        """What the engine knows of it."""

    @override
    def settle(self) -> None:
        shares, work, work2, share_at, heard_at, bad_since, rejected = (
            self.mirror.settle()
        )
        self.heard_at = Seconds(max(self.heard_at, heard_at))
        if rejected:
            self.context.parking.note(self.id)
        is_blamed = bool(rejected) and self._settle_rejected(rejected)
        if shares:
            self._settle_accepted(shares, work, work2, Seconds(share_at))
            self._copy_requested()
        if is_blamed and bad_since is not None:
            self.conduct.begin_run(Seconds(bad_since))

    def _settle_rejected(self, rejected: list[tuple[str, int]]) -> bool:
        """Count rejects by reason; return whether any is held against the miner."""
        now = self.context.now()
        is_blamed = False
        for reason, number in rejected:
            self._count_rejected(reason, number)
            is_blamed |= self._blame(reason, number, now)
        return is_blamed

    def _settle_accepted(
        self, shares: int, work: float, work2: float, at: Seconds
    ) -> None:
        self.context.parking.note(self.id)
        for tally in (self.tally, self.context.parking.tally):
            tally.add(shares, work, work2)
        is_first = not self.accepted
        self.accepted += shares
        if is_first:
            self.context.proved(self)
        self.share_at = at
        self.conduct.end_run()
        self.meter.add(work, at)
        if self.vardiff.count(work, shares):
            self.retarget(at)

    @override
    def take_on(self, job: Job) -> Difficulty | None:
        difficulty = super().take_on(job)
        if difficulty is not None:
            self.mirror.add_terms(job.seq, difficulty)
        return difficulty

    @override
    def retarget(self, now: Seconds) -> None:
        super().retarget(now)
        self._copy_requested()

    @override
    def set_requested_difficulty(
        self,
        *,
        start: Difficulty | None = None,
        fixed: Difficulty | None = None,
        minimum: Difficulty | None = None,
    ) -> None:
        super().set_requested_difficulty(start=start, fixed=fixed, minimum=minimum)
        self._copy_requested()

    @override
    def weigh(self, now: Seconds) -> None:
        super().weigh(now)
        self.mirror.set_class(self.hashrate_class)

    @override
    def reroute(self) -> None:
        self.settle()
        super().reroute()
        self._copy_place(len(self.workers))

    @override
    def leave(self) -> None:
        with self._log.failuresHandled("settling a miner that leaves"):
            self.settle()
        self.mirror.join(None)
        super().leave()

    @override
    def _settle(self) -> None:
        self.settle()  # as the one it was until now
        super()._settle()
        self.mirror.set_granted(self.is_granted)
        self._copy_requested()

    def _begin_to_copy(self) -> None:
        self.mirror.belongs_to(self)
        self.mirror.set_granted(self.is_granted)
        self._copy_requested()

    def _copy_place(self, workers_copied: int) -> int:
        """Copy its slot, its group and its new workers; return how many it has."""
        if self.held_slot is not None:
            self.mirror.set_slot(self.held_slot.extranonce1)
        if len(self.workers) > workers_copied:
            for worker in list(self.workers)[workers_copied:]:
                self.mirror.add_worker(worker)
        if self.group is not None and isinstance(self.group.copies, Jobs):
            self.mirror.join(self.group.copies)
        return len(self.workers)

    def _copy_requested(self) -> None:
        vardiff = self.vardiff
        is_moving = not self.wishes.is_fixed and vardiff.policy.shares_per_minute > 0
        left = vardiff.shares_left if is_moving else 0
        self.mirror.set_requested(vardiff.difficulty, left)
