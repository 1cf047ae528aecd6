"""Open the file of the controller's database."""

import sqlite3
from pathlib import Path

from proxy.power.journal import schema
from proxy.runtime.database_file import (
    DatabaseFileError,
    DatabaseKind,
    open_file,
    steps_in,
)

STORE_FILE = "controller.sqlite3"
"""In `state_dir`."""

STORE_LOCK_FILE = "controller.lock"
"""In `state_dir`: held by the site controller as long as it runs."""

BUSY_SECONDS = 0.5
"""Another process that reads the file for a moment is waited for so long: half of
the second between two looks at a site."""


def store_kind() -> DatabaseKind:
    """Return what tells the controller's database from other files."""
    return DatabaseKind("controller's database", steps_in(schema))


def open_database(path: Path) -> sqlite3.Connection:
    """Return a connection to the database at `path`, made or upgraded if need be.

    Raises:
        DatabaseFileError: It cannot be used.
    """
    db = open_file(path, store_kind(), busy_s=BUSY_SECONDS)
    try:
        db.execute("PRAGMA synchronous = FULL")  # an order survives a power cut
    except sqlite3.Error as error:
        db.close()
        raise DatabaseFileError(f"{path} cannot be used: {error}") from error
    return db
