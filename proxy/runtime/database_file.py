"""Open a SQLite file of ours: made whole, upgraded step by step, never guessed at."""

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from importlib.resources import files
from pathlib import Path
from types import ModuleType

from attrs import frozen

CHECKED_BYTES = 64_000_000
"""A file up to this is read whole at each start: 0.2 s."""

_DAMAGE = frozenset((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB))
SUFFIXES = ("", "-wal", "-shm", "-journal")
"""Of a file and of all that SQLite keeps beside it."""


class DatabaseFileError(Exception):
    """The file cannot be used; the message says what to do."""


class DamagedFileError(DatabaseFileError):
    """It was one of ours, and is broken.

    Attributes:
        fault: In what way, as part of a sentence.
    """

    def __init__(self, path: Path, fault: str) -> None:
        self.fault = fault
        super().__init__(
            f"{path} is damaged: {fault}. Put a sound copy back, or start once with"
            f" `baseload run --recover`, which moves it aside as"
            f" {path.name}.damaged-UNIXTIME and begins a new one"
        )


@frozen
class DatabaseKind:
    """What is kept in a file of this kind.

    Attributes:
        what: As operators call it.
        steps: SQL that leads to each version of the schema from the one before.
    """

    what: str
    steps: Mapping[int, str]


def steps_in(schema: ModuleType) -> dict[int, str]:
    """Return the SQL files of a package by the number that they are named by."""
    names = sorted(f.name for f in files(schema).iterdir() if f.name.endswith(".sql"))
    return {
        int(name.removesuffix(".sql")): files(schema).joinpath(name).read_text("utf-8")
        for name in names
    }


def open_file(path: Path, kind: DatabaseKind, *, busy_s: float) -> sqlite3.Connection:
    """Return a connection to the file at `path`, made or upgraded if need be.

    It and all that SQLite keeps beside it are the owner's alone (mode 0600).

    Raises:
        DamagedFileError: It is broken.
        DatabaseFileError: It is none of this kind, one of a newer release, or not to
            be had.
    """
    try:
        if not path.exists():
            _create(path, kind)
        # Without a level the module begins no transaction of its own: BEGIN and COMMIT
        # are ours.
        connection = sqlite3.connect(path, isolation_level=None, timeout=busy_s)
    except (OSError, sqlite3.Error) as error:
        raise DatabaseFileError(f"{path} cannot be opened: {error}") from error
    try:
        _prepare(connection, path, kind)
    except sqlite3.Error as error:
        connection.close()
        raise told_as(path, error) from error
    except DatabaseFileError:
        connection.close()
        raise
    return connection


def refuse_newer(path: Path, kind: DatabaseKind) -> None:
    """Look at the version of the file at `path`, if it is there, and change nothing.

    Raises:
        DamagedFileError: It is broken.
        DatabaseFileError: It is of a newer release, or cannot be read.
    """
    if not path.exists():
        return
    try:
        with closing(reading(path)) as connection:
            _version(connection, path, kind)
    except sqlite3.Error as error:
        raise told_as(path, error) from error


def beside(path: Path, suffix: str) -> Path:
    """Return the file at `path` with one of the `SUFFIXES`."""
    return path.with_name(path.name + suffix)


def told_as(path: Path, error: sqlite3.Error) -> DatabaseFileError:
    """Return `error` as one of ours, which says what to do."""
    # Extended codes keep the primary one in their lowest byte (SQLite, result codes).
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE:
        return DamagedFileError(path, str(error))
    return DatabaseFileError(f"{path} cannot be used: {error}")


def reading(path: Path, timeout: float = 5.0) -> sqlite3.Connection:
    """Return a connection that cannot write to the file at `path`.

    Args:
        path: Of the file; its write-ahead log is read with it.
        timeout: How long it waits for a lock, seconds.
    """
    address = f"{path.absolute().as_uri()}?mode=ro"
    return sqlite3.connect(address, timeout=timeout, uri=True)


def reading_alone(path: Path) -> sqlite3.Connection:
    """Return a connection to a file that nobody writes to, without its log or locks."""
    # immutable: SQLite looks for no lock, log or change, which only a file at rest
    # allows.
    address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    return sqlite3.connect(address, uri=True)


def _version(connection: sqlite3.Connection, path: Path, kind: DatabaseKind) -> int:
    """Return the version of its schema, which this release knows."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    newest = max(kind.steps)
    if version > newest:
        raise DatabaseFileError(
            f"{path} has schema {version}, this release knows up to {newest}:"
            " run the newer release, or move the file away"
        )
    # Something is in it that has no version of ours: another program's file.
    if version < 1 and connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        raise DatabaseFileError(
            f"{path} is no {kind.what}: move it away to start a new one"
        )
    return version


def _prepare(connection: sqlite3.Connection, path: Path, kind: DatabaseKind) -> None:
    # Before the first write: a newer release's file is left as it is.
    version = _version(connection, path, kind)
    connection.execute("PRAGMA journal_mode = WAL")
    with suppress(sqlite3.OperationalError):  # a full disk: the log stays as it is
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    # After the checkpoint: pages that were in the log alone are read, too.
    if path.stat().st_size <= CHECKED_BYTES:
        quick_check(connection, path)
    _upgrade(connection, version, kind.steps)


def quick_check(connection: sqlite3.Connection, path: Path) -> None:
    """Read every page.

    Raises:
        DamagedFileError: It is broken.
        sqlite3.Error: It cannot be read.
    """
    (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if said != "ok":
        fault = " ".join(said.split()).removeprefix("*** in database main *** ")
        raise DamagedFileError(path, fault)


def _create(path: Path, kind: DatabaseKind) -> None:
    """Write a new file beside `path` and put it in place whole."""
    # A half-made file would be taken for one of ours, or for somebody else's.
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    # Made here, since SQLite gives its files the mode of the database's.
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
        _upgrade(connection, 0, kind.steps)
    os.replace(draft, path)  # noqa: PTH105  (atomic)


def _upgrade(
    connection: sqlite3.Connection, version: int, steps: Mapping[int, str]
) -> None:
    """Take each step that is missing, whole or not at all."""
    for step in range(version + 1, max(steps) + 1):
        connection.executescript(
            # The version is in the file's header, so it is part of the transaction.
            f"BEGIN IMMEDIATE; {steps[step]}; PRAGMA user_version = {step}; COMMIT;"
        )
