"""Turn verdicts into sums and rows: all of them count, not all of them are stored."""

import sqlite3
from collections.abc import Sequence

from attrs import define, field

from protocol.units import UnixTime
from protocol.work.share import JudgedShare, Verdict
from proxy.shares.counted import CountedBatch
from proxy.shares.rollup import Rollup
from proxy.shares.rows import Cells, ShareRow, rows_of

MAX_REJECTS_PER_MINUTE = 60
"""Rejected shares of a worker stored row by row; a flood is only counted."""

MAX_ALL_REJECTS_PER_MINUTE = 60_000
"""The same over all workers with an accepted share in that minute."""

MAX_STRANGE_REJECTS_PER_MINUTE = 6_000
"""The same over all others: a flood may come under many names."""


@define(eq=False, repr=False)
class Intake:
    """What each share goes through on its way to the ledger.

    Attributes:
        rollup: The sums of the minutes.
    """

    _db: sqlite3.Connection
    rollup: Rollup = field(init=False)
    _minute_end: float = field(default=0.0, init=False)
    _rejects: int = field(default=0, init=False)
    _strange_rejects: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self.rollup = Rollup(self._db)

    def turn_minute(self, at: float, last_id: int) -> None:
        """Close the minute before, if `at` is not in the one that runs.

        Args:
            at: Wall time of what comes.
            last_id: Id of the last share row before that.
        """
        # Either way: a clock that was set back begins another minute, too.
        if not self._minute_end - 60.0 <= at < self._minute_end:
            self._minute_end = self.rollup.turn(at, last_id)
            self._rejects = self._strange_rejects = 0

    def is_over(self, now: UnixTime) -> bool:
        """Tell whether the minute that runs has ended."""
        return now >= self._minute_end

    def take(self, batch: Sequence[JudgedShare]) -> Cells:
        """Count each share and return the rows: the loop that each share pays for."""
        cells: Cells = []
        sums_of = self.rollup.current.get
        accepted = Verdict.ACCEPTED
        for share in batch:
            site, worker = share.site, share.worker
            sums = sums_of((site, worker))
            difficulty, verdict, text = share.difficulty, share.verdict, "accepted"
            # By identity: a comparison of StrEnums is one of text, and this is a loop
            # over every share.
            if verdict is accepted:
                sums = sums or self.rollup.accept(site, worker)
                sums[0] += 1
                sums[2] += difficulty
            else:
                sums = sums or self.rollup.refuse(site, worker)
                sums[1] += 1
                # Counted, but without a row: the sums are the same whether rows are
                # stored or not.
                if self._is_flood(sums):
                    continue
                text = verdict.value
            display = share.hash[::-1].hex()
            cells += share.at, site, worker, share.job_id, difficulty, text, display
        return cells

    def take_counted(self, batch: CountedBatch) -> Cells:
        """Count a batch whose rows are made, and return those to be stored."""
        site, sums_of, stored = batch.site, self.rollup.current.get, batch.cells
        # Accepted rows are all stored: a batch without rejects is taken as it is.
        if batch.rejected:
            stored = []
            for row in rows_of(batch.cells):
                stored += row if self._is_stored(row) else ()
        # Rejects with a row were counted when the row was looked at: `rejected` is of
        # the others.
        for worker, accepted, rejected, work in batch.sums:
            sums = sums_of((site, worker)) or self._open(site, worker, accepted)
            sums[0] += accepted
            sums[1] += rejected
            sums[2] += work
        return stored

    def _open(self, site: str, worker: str, accepted: int) -> list[float]:
        if accepted:
            return self.rollup.accept(site, worker)
        return self.rollup.refuse(site, worker)

    def _is_stored(self, row: ShareRow) -> bool:
        _, site, worker, _, _, verdict, _ = row
        if verdict == Verdict.ACCEPTED:
            return True
        held = self.rollup.current.get((site, worker))
        sums = held or self.rollup.refuse(site, worker)
        # The bound is of the shares so far, so each is counted before it is held
        # against it.
        sums[1] += 1
        return not self._is_flood(sums)

    def _is_flood(self, sums: list[float]) -> bool:
        accepted, rejected, _ = sums
        if rejected > MAX_REJECTS_PER_MINUTE:
            return True
        if accepted:
            self._rejects += 1
            return self._rejects > MAX_ALL_REJECTS_PER_MINUTE
        self._strange_rejects += 1
        return self._strange_rejects > MAX_STRANGE_REJECTS_PER_MINUTE
