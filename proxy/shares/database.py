"""Open the ledger's file: made whole, upgraded step by step, never guessed at."""

import os
import sqlite3
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from proxy.shares import schema

BUSY_SECONDS = 0.2
"""How long a write waits for a lock: above a checkpoint's last step and its fsync."""

WAL_KEPT_BYTES = 64_000_000
"""A write-ahead log that begins anew is cut down to this."""

_LEVELS = {"process": "NORMAL", "power": "FULL"}


class LedgerError(Exception):
    """The ledger cannot be used; the message says what to do."""


def open_database(
    path: Path, *, durability: str, steps: Mapping[int, str] | None = None
) -> sqlite3.Connection:
    """Return a connection to the ledger at `path`, made or upgraded if need be.

    Args:
        path: The file; its folder exists.
        durability: `process` survives a kill, `power` a power cut as well.
        steps: SQL of each schema version from 1 on; None for this release's own.

    Raises:
        LedgerError: It is no ledger, one of a newer release, or not to be written.
    """
    steps = steps or schema_steps()
    try:
        if not path.exists():
            _create(path, steps)
        connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS)
    except (OSError, sqlite3.Error) as error:
        raise LedgerError(f"{path} cannot be opened: {error}") from error
    try:
        _prepare(connection, path, steps, _LEVELS[durability])
    except sqlite3.Error as error:
        connection.close()
        raise LedgerError(f"{path} is no ledger, or not to be had: {error}") from error
    except LedgerError:
        connection.close()
        raise
    return connection


def schema_steps() -> dict[int, str]:
    """Return the SQL that leads to each schema version from the one before."""
    names = sorted(f.name for f in files(schema).iterdir() if f.name.endswith(".sql"))
    return {
        int(name.removesuffix(".sql")): files(schema).joinpath(name).read_text("utf-8")
        for name in names
    }


def _prepare(
    connection: sqlite3.Connection, path: Path, steps: Mapping[int, str], level: str
) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    newest = max(steps)
    if version > newest:
        raise LedgerError(
            f"{path} has schema {version}, this release knows up to {newest}:"
            " run the newer release, or move the file away"
        )
    if version < 1:
        raise LedgerError(f"{path} is no ledger: move it away to start a new one")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {level}")
    connection.execute("PRAGMA wal_autocheckpoint = 0")  # a thread of its own does
    connection.execute(f"PRAGMA journal_size_limit = {WAL_KEPT_BYTES}")
    _upgrade(connection, version, steps)


def _create(path: Path, steps: Mapping[int, str]) -> None:
    """Write a new ledger beside `path` and put it in place whole."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    connection = sqlite3.connect(draft, isolation_level=None)
    try:
        _upgrade(connection, 0, steps)
    finally:
        connection.close()
    os.replace(draft, path)  # noqa: PTH105  (atomic)


def _upgrade(
    connection: sqlite3.Connection, version: int, steps: Mapping[int, str]
) -> None:
    """Take each step that is missing, whole or not at all."""
    for step in range(version + 1, max(steps) + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; {steps[step]}; PRAGMA user_version = {step}; COMMIT;"
        )
