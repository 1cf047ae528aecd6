"""What a witness has cosigned: the newest checkpoint of each log, on disk."""

import sqlite3
from pathlib import Path

from attrs import define, frozen

from protocol.tlog.checkpoint import Checkpoint
from protocol.tlog.tree import EMPTY_ROOT

WITNESS_FILE = "witness.sqlite3"

_TABLE = """CREATE TABLE IF NOT EXISTS seen (
    origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root TEXT NOT NULL,
    note BLOB NOT NULL
) WITHOUT ROWID"""


@frozen
class Seen:
    """The newest state of a log.

    Attributes:
        note: The checkpoint, cosigned; empty: none was cosigned yet.
    """

    size: int
    root: bytes
    note: bytes


@define(eq=False, repr=False)
class WitnessStore:
    """Remembers; one at a time, on any thread."""

    _db: sqlite3.Connection

    def seen(self, origin: str) -> Seen:
        """Return the newest state that was cosigned, or the empty log."""
        sql = "SELECT size, root, note FROM seen WHERE origin = ?"
        found = self._db.execute(sql, (origin,)).fetchone()
        if found is None:
            return Seen(0, EMPTY_ROOT, b"")
        return Seen(found[0], bytes.fromhex(found[1]), found[2])

    def advance(self, old: Seen, point: Checkpoint, note: bytes) -> bool:
        """Remember a newer state if `old` is still the newest; return whether it was.

        It is on disk when this returns. Checking the old size and persisting the new
        checkpoint is one step: else a log could be set back between the two.
        """
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            if self.seen(point.origin) != old:
                return False
            self._db.execute(
                "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?)",
                (point.origin, point.size, point.root.hex(), note),
            )
        return True

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()


def open_witness_store(folder: Path) -> WitnessStore:
    """Return what is remembered in a folder, made if need be.

    Raises:
        sqlite3.Error, OSError: It cannot be used.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    db = sqlite3.connect(
        folder / WITNESS_FILE, isolation_level=None, check_same_thread=False
    )
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")  # what was cosigned survives a power cut
    db.execute(_TABLE)
    return WitnessStore(db)
