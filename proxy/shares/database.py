"""Open the ledger's file: made whole, upgraded step by step, never guessed at."""

import os
import sqlite3
from importlib.resources import files
from pathlib import Path

from proxy.shares import schema

VERSION = 1


class LedgerError(Exception):
    """The ledger cannot be used; the message says what to do."""


def open_database(path: Path, *, durability: str) -> sqlite3.Connection:
    """Return a connection to the ledger at `path`, made or upgraded if need be.

    Args:
        path: The file; its folder exists.
        durability: `process` survives a kill, `power` a power cut as well.

    Raises:
        LedgerError: It is no ledger, or one of a newer release.
    """
    if not path.exists():
        _create(path)
    connection = sqlite3.connect(path, isolation_level=None, timeout=0.05)
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise LedgerError(f"{path} is no ledger: {error}") from error
    if not 1 <= version <= VERSION:
        raise LedgerError(f"{path} has schema {version}, this release knows {VERSION}")
    connection.execute("PRAGMA journal_mode = WAL")
    level = "FULL" if durability == "power" else "NORMAL"
    connection.execute(f"PRAGMA synchronous = {level}")
    connection.execute("PRAGMA wal_autocheckpoint = 0")  # a thread of its own does
    return connection


def _create(path: Path) -> None:
    """Write a new ledger beside `path` and put it in place whole."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    connection = sqlite3.connect(draft)
    connection.executescript(files(schema).joinpath("0001.sql").read_text("utf-8"))
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()
    os.replace(draft, path)  # noqa: PTH105  (atomic)
