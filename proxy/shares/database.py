"""Open the ledger's file."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path

from proxy.runtime.database_file import (
    DatabaseFileError,
    DatabaseKind,
    open_file,
    steps_in,
)
from proxy.shares import schema

LEDGER_FILE = "ledger.sqlite3"
"""In `state_dir`."""

BUSY_SECONDS = 0.2
"""How long a write waits for a lock: above a checkpoint's last step and its fsync."""

WAL_KEPT_BYTES = 64_000_000
"""A write-ahead log that begins anew is cut down to this."""

_LEVELS = {"process": "NORMAL", "power": "FULL"}


def open_database(
    path: Path, *, durability: str, steps: Mapping[int, str] | None = None
) -> sqlite3.Connection:
    """Return a connection to the ledger at `path`, made or upgraded if need be.

    Args:
        path: The file; its folder exists.
        durability: `process` survives a kill, `power` a power cut as well.
        steps: SQL of each schema version from 1 on; None for this release's own.

    Raises:
        DatabaseFileError: It is damaged, no ledger, one of a newer release, or not
            to be written.
    """
    kind = DatabaseKind("ledger", steps or steps_in(schema))
    connection = open_file(path, kind, busy_s=BUSY_SECONDS)
    try:
        # In WAL mode NORMAL syncs at checkpoints alone: a power cut may take the last
        # transactions, never the file (SQLite, PRAGMA synchronous).
        connection.execute(f"PRAGMA synchronous = {_LEVELS[durability]}")
        connection.execute("PRAGMA wal_autocheckpoint = 0")  # a thread of its own does
        connection.execute(f"PRAGMA journal_size_limit = {WAL_KEPT_BYTES}")
    except sqlite3.Error as error:
        connection.close()
        raise DatabaseFileError(f"{path} cannot be used: {error}") from error
    return connection
