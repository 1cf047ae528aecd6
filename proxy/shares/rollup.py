"""Work per worker and minute, hour and day: what outlives the single shares."""

import sqlite3
from collections import deque
from math import isfinite

import msgspec
from attrs import define, field

from protocol.units import UnixTime

KEEP_MINUTES = 35 * 24 * 60

MAX_WORKERS = 100_000
"""Workers counted apart in one minute; the rest of a site is counted as one."""

MAX_REFUSED = 10_000
"""Workers without an accepted share in one minute, of whom it is known how many were
refused; names cost nothing, and these get no row of their own."""

MAX_CLOSED = 3
"""Minutes that may wait for the disk; after that the current one goes on growing."""

OTHERS = "(other)"

SLICES = 45
"""A minute is written in so many calls, lest a big fleet's hold up a share."""

MIN_SLICE = 200

_ADD = (
    "INSERT INTO work_{unit} (site, worker, {unit}, accepted, rejected, work)"
    " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
    " accepted = accepted + excluded.accepted,"
    " rejected = rejected + excluded.rejected, work = work + excluded.work"
)
_ADD_UNITS = tuple(
    (_ADD.format(unit=unit), minutes)
    for unit, minutes in (("minute", 1), ("hour", 60), ("day", 1440))
)
_REBUILD = (
    "SELECT site, worker,"
    " CASE WHEN id <= :through THEN :minute ELSE CAST(at / 60 AS INTEGER) END,"
    " verdict = 'accepted', count(*), sum(difficulty)"
    " FROM share WHERE id > :reached GROUP BY 1, 2, 3, 4"
)
_DROP_OLD = (
    # SQLite has no DELETE with LIMIT unless it is built with it.
    "DELETE FROM work_minute WHERE (minute, site, worker) IN (SELECT minute, site,"
    " worker FROM work_minute WHERE minute < ? ORDER BY minute LIMIT ?)"
)
_READ_MARK = "SELECT share_id, through_id, minute, site, worker FROM rolled_up"
_WRITE_MARK = (
    "UPDATE rolled_up SET share_id = ?, through_id = ?, minute = ?, site = ?,"
    " worker = ?"
)

_Sums = dict[tuple[str, str], list[float]]
"""Per (site, worker): accepted, rejected, work."""

_Mark = tuple[int, int, int, str, str]


class _Closed(msgspec.Struct):
    """A minute that is over.

    Attributes:
        through: Id of the last share row in it.
        left: What is still to be written, by key, last first.
    """

    minute: int
    through: int
    left: list[tuple[tuple[str, str], list[float]]]
    slice_size: int


@define(eq=False, repr=False)
class Rollup:
    """Sums of the minutes that are not in the tables yet.

    The tables say how far they reach, so after a kill the rest is summed again
    from the share rows themselves: each share counts once.

    A row is opened by an accepted share alone. Refused ones of those who had none in
    their minute are in their site's row `(other)`.

    Attributes:
        current: Sums of the minute that runs; the ledger adds to them.
        refused: The same of workers who had no accepted share in it.
        reached: Id of the last share row that is in the tables.
    """

    _db: sqlite3.Connection
    current: _Sums = field(factory=dict, init=False)
    refused: _Sums = field(factory=dict, init=False)
    _minute: int = field(default=0, init=False)
    reached: int = field(default=0, init=False)
    _closed: deque[_Closed] = field(factory=deque, init=False)

    def accept(self, site: str, worker: str) -> list[float]:
        """Return the sums of a worker that `current` does not hold yet."""
        key = _key(site, worker)
        refused = self.refused.pop(key, None)
        if len(self.current) >= MAX_WORKERS:
            key = (site, OTHERS)
        sums = self.current.setdefault(key, [0, 0, 0.0])
        if refused is not None:
            # What was refused before its first accepted share in this minute is its own
            # again.
            sums[1] += refused[1]
        return sums

    def refuse(self, site: str, worker: str) -> list[float]:
        """Return where to count a refused share of one that `current` does not hold."""
        key = _key(site, worker)
        if key not in self.refused and len(self.refused) >= MAX_REFUSED:
            key = (site, OTHERS)
        return self.refused.setdefault(key, [0, 0, 0.0])

    def turn(self, at: float, last_id: int) -> float:
        """Begin the minute of `at` and return when it ends, in Unix seconds.

        Args:
            at: Wall time of the batch that comes.
            last_id: Id of the last share row before that batch.
        """
        minute = int(at // 60)
        # A disk that takes nothing must not have minutes pile up: the current one grows
        # on.
        if minute != self._minute and len(self._closed) < MAX_CLOSED:
            self._close(last_id)
            self._minute = minute
        return (minute + 1) * 60.0

    def rebuild(self, last_id: int) -> None:
        """Sum the rows that a killed process did not get to.

        Raises:
            sqlite3.Error: The file cannot be read or written.
        """
        reached, through, minute, *done = self._db.execute(_READ_MARK).fetchone()
        self.reached = reached
        found: dict[int, _Sums] = {}
        for site, worker, when, good, number, work in self._db.execute(
            _REBUILD, {"through": through, "minute": minute, "reached": reached}
        ):
            sums = found.setdefault(when, {}).setdefault((site, worker), [0, 0, 0.0])
            sums[0 if good else 1] += number
            sums[2] += work if good else 0.0
        found = {when: _with_others(*_split(sums)) for when, sums in found.items()}
        # The killed process was in the middle of this minute: what it had written, up
        # to the key in the mark, is not counted again.
        if through > reached and minute in found:
            rest = {k: s for k, s in found[minute].items() if list(k) > done}
            found[minute] = rest
        if last_id > reached:
            self._write(found, (last_id, last_id, 0, "", ""), 0)
            self.reached = last_id

    def flush(self, now: UnixTime) -> None:
        """Write the next slice of the minutes that are over.

        Raises:
            sqlite3.Error: The disk did not take it; nothing is lost, nothing written.
        """
        if not self._closed:
            return
        closed = self._closed[0]
        # From the end, since that is cheap to cut off: `left` is sorted in reverse.
        part = closed.left[-closed.slice_size :]
        mark: _Mark = (self.reached, closed.through, closed.minute, *part[0][0])
        # The minute is whole: from now on its shares are in the tables.
        if len(part) == len(closed.left):
            mark = (closed.through, closed.through, 0, "", "")
        self._write({closed.minute: dict(part)}, mark, int(now // 60))
        del closed.left[-len(part) :]
        self.reached = mark[0]
        if not closed.left:
            self._closed.popleft()

    def skip(self, share_id: int) -> None:
        """Take note that the row that would have had this id is not to come."""
        for closed in self._closed:
            # Ids after it move down by one, and so does the end of each minute behind
            # it.
            closed.through -= closed.through >= share_id

    def finish(self, now: UnixTime, last_id: int) -> None:
        """Write all there is: the file is about to be closed.

        Raises:
            sqlite3.Error: The disk did not take it; a rebuild will find it again.
        """
        self._close(last_id)
        while self._closed:
            self.flush(now)

    def _close(self, last_id: int) -> None:
        if not self.current and not self.refused:
            return
        sums = _with_others(self.current, self.refused)
        for one in sums.values():
            one[2] = one[2] if isfinite(one[2]) else 0.0  # NaN is NULL to SQLite
        left = sorted(sums.items(), reverse=True)
        size = max(MIN_SLICE, len(left) // SLICES + 1)
        self._closed.append(_Closed(self._minute, last_id, left, size))
        self.current, self.refused = {}, {}

    def _write(self, minutes: dict[int, _Sums], mark: _Mark, now_minute: int) -> None:
        rows = [(k, m, s) for m, sums in minutes.items() for k, s in sums.items()]
        # The sums and the mark of how far they reach in one transaction: that is why a
        # kill counts no share twice.
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for sql, per in _ADD_UNITS:
                self._db.executemany(sql, [(*k, m // per, *s) for k, m, s in rows])
            self._db.execute(_WRITE_MARK, mark)
            self._db.execute(_DROP_OLD, (now_minute - KEEP_MINUTES, 2 * len(rows)))
            self._db.execute("COMMIT")
        except sqlite3.Error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise


def _key(site: str, worker: str) -> tuple[str, str]:
    # One name that SQLite cannot take would stop a whole minute.
    return site, worker.encode("utf-8", "replace").decode()  # no lone surrogates


def _with_others(kept: _Sums, refused: _Sums) -> _Sums:
    """Return `kept` with all that is in `refused` added up, in one row a site."""
    sums = dict(kept)
    for (site, _), one in refused.items():
        others = sums.setdefault((site, OTHERS), [0, 0, 0.0])
        others[1] += one[1]
    return sums


def _split(sums: _Sums) -> tuple[_Sums, _Sums]:
    """Return those with an accepted share, and the others."""
    kept = {key: one for key, one in sums.items() if one[0]}
    return kept, {key: one for key, one in sums.items() if not one[0]}
