"""The controller's database: what a restart finds, and the log of all that happened.

One rule: what shall be done is written down first (`Store.write`), in one transaction
with why. What cannot be written is not done, but for what lowers power: that is done
and written later (`effect_runner`). A power cut between the two leaves a machine that
was not told yet, and a restart tells it; it never leaves one running that nobody knows
was told to.

    event      the log: a chain of hashes, row by row (`chain`), so that an edited, a
               missing or an added row shows. The oldest rows go beyond a limit; the
               hash before the first that is left stays as the anchor
    site_order all orders that may still matter, as JSON
    spoken     when each source was last heard
    document   signed documents that stand or wait, and the ids that may not come again
    machine    whether each was told to run, and when; what it is owed
    found_limit  the limit each was first read with, by its identity; outlives the row
    learned    the estimator's bias, so that a restart does not begin with a guess

A restart takes over machines as they were: those told to run count at full power, those
told not to as on their way down since then. Time goes on from the newest moment that is
found here (`newest_at`), within limits: `wall_clock` says why.

The database is at synchronous = FULL: an order survives a power cut. A file that was
removed or replaced under us takes nothing more (`FileWatch`): it would be lost. One
connection writes; `first_broken` reads through one of its own, on a thread.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from attrs import define, field

from protocol.units import UnixTime
from proxy.power.journal.chain import FIRST_HASH, Row, first_broken, rows_after
from proxy.power.journal.database import open_database
from proxy.power.journal.document_rows import (
    forget_documents,
    kept_documents,
    save_documents,
)
from proxy.power.journal.effects import Effects, Learned
from proxy.power.journal.energy import EnergyRow, add_energy, energy_total
from proxy.power.journal.event_log import EVENTS, MINUTES, append, edge, row_of, trimmed
from proxy.power.journal.kept import Kept, kept, newest_at
from proxy.power.journal.machine_rows import save_machines
from proxy.power.journal.openings import save_openings
from proxy.power.journal.order_rows import save_orders, save_spoken
from proxy.power.journal.published import Published, save_published
from proxy.power.machines.rows import Debt
from proxy.power.orders.documents import DocumentRow
from proxy.power.orders.order import Order
from proxy.runtime.database_file import DatabaseFileError, reading
from proxy.runtime.file_watch import FileWatch

MAX_EVENTS = 5_000_000
"""About 1.5 GB: a year of a site of 1,000 machines."""


class StoreError(Exception):
    """The database cannot be used; the message says what to do."""


@define(eq=False, repr=False)
class Store:
    """Writes what must be durable before it is acted upon.

    Attributes:
        max_events: Rows of the log that are kept.
        spared_after: Rows with a higher id are kept however many they are: they are
            not in a log that others have seen. None: there is no such log.
    """

    _db: sqlite3.Connection
    _path: Path
    max_events: int = MAX_EVENTS
    spared_after: int | None = field(default=None, init=False)
    _last: tuple[int, bytes] = field(init=False)
    _anchor: tuple[int, bytes] = field(init=False)
    _is_closed: bool = field(default=False, init=False)
    _watch: FileWatch = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._watch = FileWatch(self._path)
        self._anchor = edge(self._db, "SELECT id, hash FROM anchor") or (0, FIRST_HASH)
        newest = "SELECT id, hash FROM event ORDER BY id DESC LIMIT 1"
        self._last = edge(self._db, newest) or self._anchor

    def write(
        self,
        site: str,
        effects: Effects,
        orders: Sequence[Order],
        at: UnixTime,
    ) -> list[Row]:
        """Make what `effects` hold durable; return the rows of the log.

        Args:
            site: Whose they are.
            effects: Only what is to be written is looked at.
            orders: All of the site's, written if they changed.
            at: Wall time.

        Raises:
            StoreError: It could not be written: nothing may be acted upon.
        """
        rows = rows_after(*self._last, effects.events)
        with self._writing() as db:
            append(db, rows)
            save_openings(db, self._last[0] + 1, effects.events)
            anchor = trimmed(db, self._trims_to(), self._anchor)
            save_machines(db, site, effects, at)
            last = rows[-1].id if rows else self._last[0]
            save_documents(db, site, effects.documents, last)
            if effects.has_orders:
                save_orders(db, site, orders)
        self._anchor = anchor
        if rows:
            self._last = rows[-1].id, rows[-1].hash
        return rows

    def spoke(self, site: str, source: str, at: UnixTime) -> None:
        """Note when a source was heard.

        Raises:
            StoreError: It could not be written.
        """
        with self._writing() as db:
            save_spoken(db, site, source, at)

    def remember(
        self,
        site: str,
        learned: Learned,
        debts: Iterable[Debt],
        energy: Sequence[EnergyRow] = (),
    ) -> None:
        """Keep what was learned, what machines are owed (of those known), and energy.

        Raises:
            StoreError: It could not be written.
        """
        sql = "INSERT OR REPLACE INTO learned VALUES (?, ?, ?)"
        owed = "UPDATE machine SET debt_h = ?, cycles = ? WHERE site = ? AND key = ?"
        with self._writing() as db:
            db.execute(sql, (site, learned.bias, learned.reference))
            db.executemany(owed, [(d.hours, d.cycles, site, d.key) for d in debts])
            add_energy(db, site, energy)

    def publish(self, what: Published) -> None:
        """Keep what of the log is going to be signed for others.

        It survives a kill at once, and a power cut with the next event: that may take
        it, and with it nothing that was signed, since rows are on disk before they are
        published. So no order waits for a disk on its account.

        Raises:
            StoreError: It could not be written: nothing may be signed.
        """
        self._synchronous("NORMAL")
        try:
            with self._writing() as db:
                save_published(db, what)
        finally:
            self._synchronous("FULL")
        self.spared_after = what.spared_after

    def kept(self, site: str, at: UnixTime, latest: UnixTime | None = None) -> Kept:
        """Return what a restart finds of `site`.

        In doubt it is `at` to machines, which may be on their way down, and `latest` to
        sources, which may be silent since long.
        """
        return kept(self._db, site, at, latest)

    def energy_wh(self, site: str) -> float:
        """Return what a site has drawn since it was first seen, watt-hours."""
        return energy_total(self._db, site)

    def documents(self, site: str) -> list[DocumentRow]:
        """Return the signed documents of `site`, the oldest first.

        Raises:
            StoreError: They could not be read.
        """
        try:
            return kept_documents(self._db, site)
        except (sqlite3.Error, ValueError) as error:
            raise StoreError(f"the controller's database: {error}") from error

    def forget_documents(self, site: str, until: UnixTime) -> None:
        """Forget documents that can have no effect since a moment.

        Raises:
            StoreError: It could not be written.
        """
        with self._writing() as db:
            forget_documents(db, site, until)

    def log_base(self, origin: str) -> int:
        """Return the row before the first leaf of a log for others, 0 for the first."""
        sql = "SELECT base FROM published WHERE origin = ?"
        found = self._db.execute(sql, (origin,)).fetchone()
        return 0 if found is None else int(found[0])

    def newest_at(self) -> UnixTime:
        """Return the latest moment at which anything was written; 0: nothing was.

        The log's by its last row: what a clock that was wrong wrote before is out of
        sight once it is mended. That an order was given is never out of sight.
        """
        return newest_at(self._db)

    def history(self, site: str | None, limit: int, before: int | None) -> list[Row]:
        """Return the newest events first; minutes of the meter and of shares are none.

        Args:
            site: None: of every site.
            limit: How many at the most.
            before: Only those with a lower id; None: the newest.

        Raises:
            StoreError: They could not be read.
        """
        which = (
            " WHERE id < ? AND (? IS NULL OR site = ?) AND kind NOT IN (?, ?)"
            " ORDER BY id DESC LIMIT ?"
        )
        wanted = (before or self._last[0] + 1, site, site, *MINUTES, limit)
        try:
            return [row_of(r) for r in self._db.execute(EVENTS + which, wanted)]
        except sqlite3.Error as error:
            raise StoreError(f"the controller's database: {error}") from error

    def first_broken(self) -> int | None:
        """Return the id of the first event that was tampered with, None if none was.

        It reads them all, 3 s for each million, through a connection of its own:
        from a thread, if anything else is to go on. `close` ends it early.

        Raises:
            StoreError: They could not be read.
        """
        self._look_at_file()
        try:
            with closing(reading(self._path)) as db:
                db.execute("BEGIN")  # what is written meanwhile is not seen
                anchor = edge(db, "SELECT id, hash FROM anchor") or (0, FIRST_HASH)
                return first_broken(self._rows(db), *anchor)
        except sqlite3.Error as error:
            raise StoreError(f"the controller's database: {error}") from error

    def close(self) -> None:
        """Let go of the file."""
        self._is_closed = True
        self._db.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Write all or nothing; what cannot be written is a `StoreError`."""
        self._look_at_file()
        try:
            with self._db:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
        except sqlite3.Error as error:
            raise StoreError(f"the controller's database: {error}") from error

    def _synchronous(self, how: str) -> None:
        """Say what waits for the disk from now on; see the head."""
        try:
            self._db.execute(f"PRAGMA synchronous = {how}")
        except sqlite3.Error as error:
            raise StoreError(f"the controller's database: {error}") from error

    def _trims_to(self) -> int:
        """Return the id of the newest row that there is no room for."""
        excess = self._last[0] - self.max_events
        return excess if self.spared_after is None else min(excess, self.spared_after)

    def _look_at_file(self) -> None:
        """Refuse where the file was removed or replaced: what is written is lost."""
        fault = "" if self._is_closed else self._watch.fault()
        if fault:
            raise StoreError(f"the controller's database: {fault}")

    def _rows(self, db: sqlite3.Connection) -> Iterator[Row]:
        for row in db.execute(f"{EVENTS} ORDER BY id"):
            if self._is_closed:
                raise StoreError("the controller stops")
            yield row_of(row)


def open_store(path: Path) -> Store:
    """Return the controller's database at `path`, upgraded if need be.

    Raises:
        StoreError: It cannot be used.
    """
    try:
        return Store(open_database(path), path)
    except DatabaseFileError as error:
        raise StoreError(str(error)) from error
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be used: {error}") from error
