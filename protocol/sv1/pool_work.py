"""The works of one connection to a pool: its jobs, under what it has said before."""

from collections.abc import Iterator

from attrs import define, field

from protocol.bitcoin.target import target_from_difficulty
from protocol.sv1.pool_messages import Extranonce, Notify
from protocol.units import Difficulty
from protocol.work.job import Work
from protocol.work.ntime import latest_ntime
from protocol.work.pool_events import (
    ExtranonceChanged,
    MaskChanged,
    PoolEvent,
    Subscribed,
    WorkReceived,
)


@define
class PoolWork:
    """What the jobs that come now are held to, and the works that they make.

    Attributes:
        source: Name of the pool, for the work.
        session: Number of the connection, for the work.
        requested_mask: Version bits that we would roll.
        version_mask: Version bits that we may roll: 0 until the pool agreed to some.
        difficulty: What the next job will ask of a share.
        extranonce: Of the work that comes now; None until subscribed.
        next_extranonce: Of the work from the next job on; None: the same.
    """

    source: str
    session: int
    requested_mask: int
    version_mask: int = field(default=0, init=False)
    difficulty: Difficulty = field(default=Difficulty(1.0), init=False)
    extranonce: Extranonce | None = field(default=None, init=False)
    next_extranonce: Extranonce | None = field(default=None, init=False)
    _early: tuple[Notify, Difficulty] | None = field(default=None, init=False)

    def subscribe(self, extranonce: Extranonce) -> Iterator[PoolEvent]:
        """Take on what the pool subscribed us with."""
        self.extranonce, self.next_extranonce = extranonce, None
        yield Subscribed(
            extranonce.extranonce1, extranonce.extranonce2_size, self.version_mask
        )
        # Notifications may come ahead of the answer to the subscription.
        if self._early is not None:
            notify, difficulty = self._early
            self._early = None
            yield WorkReceived(self._work(notify, difficulty, extranonce))

    def notify(self, notify: Notify) -> Iterator[PoolEvent]:
        """Take on a job."""
        if self.extranonce is None:  # before its subscription: only the last counts
            self._early = notify, self.difficulty
            return
        changed, self.next_extranonce = self.next_extranonce, None
        # A pool may repeat what is in force: then it is no news for the layout.
        if changed is not None and changed != self.extranonce:
            self.extranonce = changed
            yield ExtranonceChanged(changed.extranonce1, changed.extranonce2_size)
        yield WorkReceived(self._work(notify, self.difficulty, self.extranonce))

    def allow(self, mask: int) -> Iterator[PoolEvent]:
        """Take on the version bits that the pool lets us roll."""
        # A pool may name bits that nobody asked for.
        allowed = mask & self.requested_mask
        if allowed == self.version_mask:
            return
        self.version_mask = allowed
        if self.extranonce is not None:  # else Subscribed will tell
            yield MaskChanged(allowed)

    def _work(
        self, notify: Notify, difficulty: Difficulty, extranonce: Extranonce
    ) -> Work:
        target = target_from_difficulty(difficulty)
        return Work(
            source=self.source,
            source_job=notify.source_job,
            prev_hash=notify.prev_hash,
            coinb1=notify.coinb1,
            extranonce1=extranonce.extranonce1,
            extranonce2_size=extranonce.extranonce2_size,
            coinb2=notify.coinb2,
            merkle_branch=notify.merkle_branch,
            version=notify.version,
            nbits=notify.nbits,
            ntime=notify.ntime,
            version_mask=self.version_mask,
            target=target,
            difficulty=difficulty,
            # A pool refuses what misses its own target, be it a block of the network's
            # (regtest).
            block_target=min(notify.block_target, target),
            clean=notify.clean,
            max_ntime=latest_ntime(notify.ntime),
            session=self.session,
        )
