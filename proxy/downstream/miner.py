"""A connected miner: what it has been told, and what is asked of it.

Theory of operation
    A miner is one search space's worth of hashing: a connection of Stratum V1, or
    one channel of V2 (ADR 7). It is born when it connects, takes a slot when it
    subscribes, which it keeps for the life of its connection, joins a group when
    its first worker is authorised (the worker's name decides the route), and gets
    jobs from then on, if a controller does not hold it parked.

    Each job is sent with a difficulty, and a share is judged by the terms of the
    job that it names: a job remembered with the difficulty that it was sent with
    (`take_on`). A new difficulty therefore comes with a revision of the job and
    never changes what is on its way. `Vardiff` decides when; what the miner asks
    for bounds it.

    Verdicts that are ours (no source, no successor yet, overload) never count
    against it; its conduct counts what does. `Sv1Miner` and `Sv2Miner` speak; their
    twins in `downstream.fast` leave shares to the engine in C, and mirror into it
    what it judges by: slot, group, terms, whether work is granted.
"""

import math

from attrs import define

from protocol.units import Difficulty, Seconds, WorkerName
from protocol.work.job import Job
from protocol.work.judge import Terms, judge
from protocol.work.share import JudgedShare, Submission, Verdict
from proxy.downstream.miner_state import MinerState, SiteFullError
from proxy.downstream.tally import PARKED_GRACE, is_unauthorised
from proxy.downstream.worker_refusals import why_not_here
from proxy.jobs.members import hashrate_class
from proxy.jobs.space import HeldSlot


@define(eq=False, repr=False)
class Miner(MinerState):
    """One channel that hashes: what the site does with it, whatever it speaks."""

    # towards the miner

    def take_on(self, job: Job) -> Difficulty | None:
        """Note that it is given `job`; return its difficulty if that is another."""
        # Before it is written: a job on its way out counts as known to the miner.
        self.last_seq = job.seq
        mask = self._mask_of(job)
        if mask != self.conduct.mask:  # it seldom changes
            self.conduct.note_mask(mask, self.version_mask, self.context.now())
        # Never above the source's: shares that it would pay for would not be sent.
        difficulty = min(self.vardiff.difficulty, self._ceiling(job))
        if not self._asked.ask(job.seq, difficulty):
            return None
        self.context.parking.note(self.id)
        return difficulty

    def weigh(self, now: Seconds) -> None:
        """Move it to the class of the hashrate that it has now."""
        found = hashrate_class(self.meter.rate(now))
        if found == self.hashrate_class:
            return
        self.hashrate_class = found
        if self.group is not None:
            self.context.board.reorder(self, self.group)

    def resend_job(self) -> None:
        """Give it fresh work."""
        if self.group is not None:
            self.context.board.want_revision(self, self.group)

    def park(self) -> None:
        """Give it no more work."""
        self.is_allowed = False
        self._settle()

    def grant(self) -> None:
        """Let it work, as soon as there is some."""
        self.is_allowed = True
        self._settle()

    def hold_out(self, *, is_out: bool) -> None:
        """Park it while no source has work, or end that."""
        self.is_held_out = is_out
        self._settle()

    def hold_off(self, *, is_off: bool) -> None:
        """Park it by hand, or end that."""
        self.is_held_off = is_off
        self._settle()

    def bounds_changed(self) -> None:
        """Take on the site's bounds of difficulty, as they are from now on."""
        if not self.wishes.is_fixed:
            self.set_requested_difficulty()

    def _settle(self) -> None:
        """Begin or end being parked. A parked time is not held against the miner."""
        is_held = self.is_held_out or self.is_held_off
        is_granted = self.is_allowed and not is_held
        if is_granted is self.is_granted:
            return
        now = self.context.now()
        self.is_granted = is_granted
        self.context.parking.note_state(self.id)
        self.pardon(now)
        self.parked_at = None if is_granted else now
        if not is_granted:
            return
        # The parked time has no shares: as a part of the window it would lower the
        # difficulty.
        self.vardiff.restart_at(self.vardiff.difficulty, now)
        current = self.group.current if self.group else None
        if current is None:
            return
        if self.last_seq is not None and self.last_seq >= current.job.seq:
            # Told the same job again, it would begin anew and find what it has found.
            self.resend_job()
        else:
            self.assign(current.job, current.clean_line)

    # from the miner

    def settle(self) -> None:
        """Take note of what was counted for it elsewhere."""

    def leave(self) -> None:
        """Give back what it held."""
        board = self.context.board
        if self.group is not None:
            board.leave(self, self.group)
            self.group = None
        if self.held_slot is not None:
            # what is on its way out counts as known: the newest job at the latest
            self.held_slot.release(board.last_seq if self.last_seq else None)
            self.held_slot = None

    def judge(self, share: Submission, job_id: str, now: Seconds) -> JudgedShare:
        """Return the verdict on a share of one of its workers."""
        context = self.context
        entry = self.live.get(job_id)
        if entry is None or self._asked.newest is None:  # or it had none of them
            return self.reject(share.worker, share.job_id, Verdict.UNKNOWN_JOB)
        job = entry.job
        terms = Terms(
            self.held_slot.extranonce1 if self.held_slot else b"",
            self._asked.required(job.seq),
            self.version_mask & job.work.version_mask,
            now >= entry.stale_at or self._is_overdue(now),
        )
        return judge(share, job, terms, context.site, context.wall_clock())

    def reject(self, worker: str, job_id: str, verdict: Verdict) -> JudgedShare:
        """Return the verdict on a share that cannot be judged."""
        # What a stranger wrote goes into rows and tables: under the name of a worker
        # that is known, or none.
        name = worker if worker.isprintable() else "?"
        return JudgedShare(
            at=self.context.wall_clock(),
            site=self.context.site,
            worker=WorkerName(name if name in self.workers else self._first_worker),
            job_id=job_id if job_id.isalnum() else "?",
            difficulty=self.difficulty,
            verdict=verdict,
        )

    @property
    def _first_worker(self) -> str:
        return next(iter(self.workers), "?")

    def _is_overdue(self, now: Seconds) -> bool:
        """Tell whether it has been parked for too long to be still at its last job."""
        return self.parked_at is not None and now - self.parked_at >= PARKED_GRACE

    def count(self, share: JudgedShare, now: Seconds) -> None:
        """Take note of a verdict."""
        self.context.parking.note(self.id)
        if share.verdict is not Verdict.ACCEPTED:
            # Hashes that nobody allowed are counted as such, since they draw watts all
            # the same.
            if self._is_overdue(now) and is_unauthorised(share):
                self.tally.refuse(share)
                self.context.parking.tally.refuse(share)
            self._count_rejected(share.verdict.value, 1)
            if self._blame(share.verdict.value, 1, now):
                self.conduct.begin_run(now)
            return
        self.tally.count(share, is_parked=self.parked_at is not None)
        self.context.parking.tally.count(share, is_parked=self.parked_at is not None)
        self.accepted += 1
        # The first accepted share is the price by which a stranger is told from a
        # miner.
        if self.accepted == 1:
            self.context.proved(self)
        self.share_at = now
        self.conduct.end_run()
        self.meter.add(share.difficulty, now)
        if self.vardiff.count(share.difficulty):
            self.retarget(now)

    def _count_rejected(self, verdict: str, number: int) -> None:
        self.rejected[verdict] += number
        if not self.is_granted:
            self.context.parking.rejected[verdict] += number
            self.stale_parked += number if verdict == Verdict.STALE else 0
        if verdict == Verdict.STALE:
            self.tally.stale += number
            self.context.parking.tally.stale += number

    def _blame(self, verdict: str, number: int, now: Seconds) -> bool:
        """Take note of bad shares; return whether they are held against it.

        None are while it is parked or no source has work for it.
        """
        if not self.is_granted or self.is_without_source:
            return False
        return self.conduct.blame(verdict, number, now)

    def pardon(self, now: Seconds) -> None:
        """Hold nothing against it that it did or did not do until now."""
        self.heard_at = now
        self.conduct.end_run()

    def retarget(self, now: Seconds) -> None:
        """Change its difficulty if its shares say so."""
        if self.wishes.is_fixed or not self.is_granted or not self.vardiff.is_due(now):
            return
        before = self.difficulty
        better = self.vardiff.retarget(now)
        if better is None or self.group is None or self.group.current is None:
            return
        if min(better, self._ceiling(self.group.current.job)) != before:
            self.context.board.want_revision(self, self.group)

    def sit_down(self, rolled: int = 0) -> HeldSlot:
        """Return its slot, taken now if it has none.

        Args:
            rolled: Bytes that it has to be able to roll: at most what there are.

        Raises:
            SiteFullError: There is none.
        """
        held_slot = self.held_slot
        if held_slot is None:
            board = self.context.board
            # Known only if it authorised first, as some do: else any route's may be
            # its.
            sources = board.routes.sources_of(next(iter(self.workers), None))
            held_slot = board.slots.acquire(rolled, sources)
            self.slot_taken_at = self.context.now()
        if held_slot is None:
            raise SiteFullError("no slot is free")
        self.held_slot = held_slot
        return held_slot

    def join(self) -> None:
        """Give it work, once its slot and its worker are known.

        Raises:
            SiteFullError: There is no search space for it.
        """
        self.context.parking.note(self.id)
        if self.group is not None or self.held_slot is None or not self.workers:
            return
        self.context.parking.look_at_hold(self)
        worker = next(iter(self.workers))
        found = self.context.board.find_group(self.held_slot, worker, self.last_seq)
        if found is None:
            raise SiteFullError("no search space is free")
        self.group, held_slot = found
        self.held_slot = held_slot
        # Before it joins: else it is given a job of a source that is gone.
        if self.group in self.context.parking.out:
            self.hold_out(is_out=True)
        self.context.board.join(self, self.group)
        self.context.parking.on_join()

    def reroute(self) -> None:
        """Go to a group of the route that its worker has now, if that is another.

        Its slot stays its own. What it has been given of the former group's jobs is
        unknown from now on: it gets a new one at once. With workers of several routes
        it is hung up on: each has to come on a connection of its own.
        """
        board, group = self.context.board, self.group
        if group is None:
            return
        refusals = (why_not_here(self, worker) for worker in self.workers)
        if why := next(filter(None, refusals), ""):
            self.drop(why)
            return
        if board.rerouting.is_for(group, next(iter(self.workers))):
            return
        board.leave(self, group)
        self.group = None
        try:
            self.join()
        except SiteFullError as error:
            self.drop(str(error))
            return
        if self.is_held_out and self.group not in self.context.parking.out:
            self.context.parking.bring_back(self)

    def set_requested_difficulty(
        self,
        *,
        start: Difficulty | None = None,
        fixed: Difficulty | None = None,
        minimum: Difficulty | None = None,
    ) -> None:
        """Take on a difficulty that the miner asks for, within the site's bounds."""
        is_open = self.wishes.note(fixed, minimum)
        policy = self.vardiff.policy = self.wishes.policy(self.context.policy)
        if not is_open:
            return
        requested = policy.clamp(fixed or start or self.vardiff.difficulty)
        if requested != self.vardiff.difficulty and math.isfinite(requested):
            self.context.parking.note(self.id)
            self.vardiff.restart_at(requested, self.context.now())
            self.resend_job()
