"""`history.sqlite3`: the pieces of all rings, each in its place."""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from pathlib import Path

from attrs import define, frozen
from twisted.logger import Logger

from proxy.history import schema
from proxy.history.columns import KINDS
from proxy.history.history import History, Key
from proxy.history.ring import TIERS, Piece
from proxy.runtime.database_damage import set_aside
from proxy.runtime.database_file import (
    DamagedFileError,
    DatabaseFileError,
    DatabaseKind,
    open_file,
    steps_in,
    told_as,
)

HISTORY_FILE = "history.sqlite3"
"""In `state_dir`; 4.5 MB a site and as much a pool at the most."""

BUSY_S = 5.0
"""How long a write waits for a reader, as a backup is one; it is on a thread."""

_KIND = DatabaseKind("history", steps_in(schema))
_SERIES = "INSERT OR REPLACE INTO series VALUES (?, ?, ?)"
_PIECE = "INSERT OR REPLACE INTO piece VALUES (?, ?, ?, ?, ?, ?)"
_PIECES = "SELECT step, position, start, body FROM piece WHERE kind = ? AND name = ?"
_GONE = (
    "DELETE FROM series WHERE kind = ? AND name = ?",
    "DELETE FROM piece WHERE kind = ? AND name = ?",
)


@frozen
class Saved:
    """What one save writes.

    Attributes:
        gone: Whose rows are to be let go.
    """

    pieces: Sequence[tuple[Key, Piece]]
    gone: Sequence[Key]


@define(eq=False, repr=False)
class HistoryFile:
    """Reads and writes the file; every method may take its time: call it on a thread.

    A file that is damaged is moved aside, in the place of the one before it: charts
    alone are lost with it.
    """

    _log = Logger()

    path: Path

    def read(self, now: float) -> History:
        """Return all that is in it; nothing where it cannot be read.

        Args:
            now: Unix time, for the name of one that is set aside.
        """
        history = History()
        try:
            with closing(self._opened(now)) as db:
                self._fill(history, db)
        except DamagedFileError as error:
            self._set_aside(error, now)
            history = History()
        except (DatabaseFileError, OSError) as error:
            self._log.warn("charts begin anew: {error}", error=error)
            return History()
        history.restored()
        return history

    def write(self, saved: Saved) -> None:
        """Write pieces, all or none of them.

        Raises:
            DamagedFileError: The file is broken, or has gone.
            DatabaseFileError: It does not take them.
        """
        if not self.path.exists():
            raise DamagedFileError(self.path, "it has gone")
        try:
            with closing(self._connected()) as db:
                db.execute("BEGIN IMMEDIATE")
                for key in saved.gone:
                    for sql in _GONE:
                        db.execute(sql, key)
                keys = {key for key, _ in saved.pieces}
                db.executemany(_SERIES, [(*k, _columns_of(k)) for k in keys])
                db.executemany(_PIECE, map(_as_row, saved.pieces))
                db.execute("COMMIT")
        except sqlite3.Error as error:
            raise told_as(self.path, error) from error

    def begin_anew(self, error: DamagedFileError, now: float) -> None:
        """Move a broken file aside and make an empty one.

        Raises:
            DatabaseFileError: It cannot be done.
        """
        if self.path.exists():
            self._set_aside(error, now)
        open_file(self.path, _KIND, busy_s=BUSY_S).close()

    def _opened(self, now: float) -> sqlite3.Connection:
        try:
            return open_file(self.path, _KIND, busy_s=BUSY_S)
        except DamagedFileError as error:
            self._set_aside(error, now)
            return open_file(self.path, _KIND, busy_s=BUSY_S)

    def _connected(self) -> sqlite3.Connection:
        address = f"{self.path.absolute().as_uri()}?mode=rw"
        return sqlite3.connect(address, timeout=BUSY_S, isolation_level=None, uri=True)

    def _fill(self, history: History, db: sqlite3.Connection) -> None:
        try:
            known = db.execute("SELECT kind, name, columns FROM series").fetchall()
            for kind, name, columns in known:
                if kind in KINDS:
                    key = Key(kind, name)
                    _restore(history, key, columns.split(), db.execute(_PIECES, key))
        except sqlite3.Error as error:
            raise told_as(self.path, error) from error
        except (TypeError, ValueError, AttributeError) as error:
            raise DamagedFileError(self.path, str(error)) from error

    def _set_aside(self, error: DamagedFileError, now: float) -> None:
        for older in self.path.parent.glob(f"{self.path.name}.damaged-*"):
            with suppress(OSError):
                older.unlink()
        aside = set_aside(self.path, now)
        self._log.warn(
            "{path} is damaged: {fault}. It is {aside} now, and charts begin anew",
            path=str(self.path),
            fault=error.fault,
            aside=aside.name,
        )


def _restore(
    history: History,
    key: Key,
    columns: Sequence[str],
    rows: Iterable[tuple[int, int, int, bytes]],
) -> None:
    series = history.restore(key)
    if series is None:
        return
    where = [
        columns.index(name) if name in columns else None
        for name in series.columns.names
    ]
    rings = {tier.step: series.ring(tier) for tier in TIERS}
    for row in rows:
        piece = Piece(*row)
        if piece.step in rings:
            rings[piece.step].restore(piece, where)


def _as_row(one: tuple[Key, Piece]) -> tuple[object, ...]:
    key, piece = one
    return (*key, piece.step, piece.position, piece.start, piece.body)


def _columns_of(key: Key) -> str:
    return " ".join(KINDS[key.kind].names)
