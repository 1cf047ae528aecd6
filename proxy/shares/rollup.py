"""Work per worker and minute, hour and day: what outlives the single shares."""

import sqlite3

from attrs import define, field

from protocol.units import UnixTime

KEEP_MINUTES = 35 * 24 * 60

MAX_WORKERS = 500_000
"""Workers counted apart in one minute; the rest are counted as one."""

OTHERS = "(others)"

_Key = tuple[str, str, int]

_ADD = (
    "INSERT INTO work_{unit} (site, worker, {unit}, accepted, rejected, work)"
    " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
    " accepted = accepted + excluded.accepted,"
    " rejected = rejected + excluded.rejected, work = work + excluded.work"
)
_REBUILD = (
    "SELECT site, worker, CAST(at / 60 AS INTEGER), verdict = 'accepted',"
    " count(*), sum(difficulty) FROM share WHERE id > ? GROUP BY 1, 2, 3, 4"
)
_UNITS = (("minute", 1), ("hour", 60), ("day", 1440))


@define(eq=False)
class Rollup:
    """Sums of the minutes that are not in the tables yet.

    The tables say up to which share they reach, so after a kill the rest is summed
    again from the rows themselves.
    """

    _db: sqlite3.Connection
    _sums: dict[_Key, list[float]] = field(factory=dict, init=False)
    _minute: int = field(default=0, init=False)

    def count(
        self,
        site: str,
        worker: str,
        minute: int,
        difficulty: float,
        is_accepted: bool,  # noqa: FBT001
    ) -> None:
        """Count one share."""
        sums = self._sums_of((site, worker, minute))
        if is_accepted:
            sums[0] += 1
            sums[2] += difficulty
        else:
            sums[1] += 1

    def rebuild(self) -> None:
        """Sum the rows that a killed process did not get to."""
        (reached,) = self._db.execute("SELECT share_id FROM rolled_up").fetchone()
        for site, worker, minute, good, number, work in self._db.execute(
            _REBUILD, (reached,)
        ):
            sums = self._sums_of((site, worker, minute))
            sums[0 if good else 1] += number
            sums[2] += work if good else 0.0

    def flush(self, now: UnixTime, *, force: bool = False) -> None:
        """Write all sums if a new minute has begun since the last time.

        Args:
            now: Wall time.
            force: Write them in any case: the file is about to be closed.

        Raises:
            sqlite3.Error: The disk did not take it; nothing is lost, nothing written.
        """
        minute = int(now // 60)
        if (minute == self._minute and not force) or not self._sums:
            self._minute = minute
            return
        rows = [(*key, *sums) for key, sums in self._sums.items()]
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._write(rows, minute)
        except sqlite3.Error:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        self._sums.clear()
        self._minute = minute

    def _write(self, rows: list[tuple[object, ...]], minute: int) -> None:
        for unit, minutes in _UNITS:
            sql = _ADD.format(unit=unit)
            shifted = [(*r[:2], int(str(r[2])) // minutes, *r[3:]) for r in rows]
            self._db.executemany(sql, shifted)
        self._db.execute(
            "UPDATE rolled_up SET share_id = (SELECT coalesce(max(id), 0) FROM share)"
        )
        oldest = minute - KEEP_MINUTES
        self._db.execute("DELETE FROM work_minute WHERE minute < ?", (oldest,))

    def _sums_of(self, key: _Key) -> list[float]:
        sums = self._sums.get(key)
        if sums is None:
            if len(self._sums) >= MAX_WORKERS:
                key = (key[0], OTHERS, key[2])
            sums = self._sums.setdefault(key, [0, 0, 0.0])
        return sums
