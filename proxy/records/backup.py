"""Copy the state folder of a proxy that goes on writing to it.

Each database is copied in one step. SQLite's step-wise backup begins anew whenever a
page changes, and never ends beside a steady writer. One step holds up no writer, since
the databases are in WAL mode; the write-ahead log grows for as long as it takes, 3 s a
gigabyte. Databases are copied one after the other: a copy of the controller's is of a
moment later than the ledger's.
"""

import hashlib
import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import msgspec

from proxy.history.file import HISTORY_FILE
from proxy.power.journal.database import STORE_FILE
from proxy.records.error import RecordsError
from proxy.runtime.database_file import (
    SUFFIXES,
    DatabaseFileError,
    quick_check,
    reading,
)
from proxy.shares.database import LEDGER_FILE

DATABASES = (LEDGER_FILE, STORE_FILE, HISTORY_FILE)
"""In the state folder."""

MANIFEST = "backup.json"
"""In a backup: what it holds."""

SHARES_UP_TO = 10_000_000_000
"""Of a larger ledger only sums are copied, unless single shares are asked for: a day of
27,000 machines is 70 GB of them."""

ROOM = 2.0
"""Free space that is asked for, in sizes of the databases: for the copy, and for the
write-ahead log that grows meanwhile."""

_NEWEST_SHARES = (
    "id > (SELECT min(share_id) FROM old.rolled_up)"  # they are in no sum yet
    " OR id = (SELECT max(id) FROM old.share)"  # so that no id is used twice
)


class CopiedFile(msgspec.Struct, frozen=True):
    """A file of a backup; `sha256` in hexadecimal."""

    name: str
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds.

    Attributes:
        version: Of the release that made it.
        at: When it was begun, Unix seconds.
        has_shares: The ledger's single shares are in it, not only their sums.
    """

    version: str
    at: float
    has_shares: bool
    files: tuple[CopiedFile, ...]


def back_up(
    state: Path, target: Path, *, version: str, at: float, shares: bool | None = None
) -> Manifest:
    """Copy the state folder to `target`, which appears once it is whole.

    Args:
        state: The folder.
        target: The folder to be made, the owner's alone.
        version: Of this release.
        at: Unix time.
        shares: Copy single shares; None: unless the ledger is large.

    Raises:
        RecordsError: It cannot be made; nothing is left of it.
    """
    databases = [p for n in DATABASES if (p := state / n).exists()]
    if not databases:
        raise RecordsError(f"{state} has no {LEDGER_FILE}: is it a state folder?")
    if shares is None:
        shares = _size(state / LEDGER_FILE) <= SHARES_UP_TO
    draft = _draft(target, databases)
    try:
        for path in databases:
            is_whole = shares or path.name != LEDGER_FILE
            try:
                _copy_database(path, draft / path.name, is_whole=is_whole)
            except (sqlite3.Error, DatabaseFileError):
                if path.name != HISTORY_FILE:  # charts are no reason to have no backup
                    raise
                (draft / path.name).unlink()
        for path in _other_files(state):
            _copy_file(path, draft / path.relative_to(state))
        manifest = Manifest(version, at, shares, tuple(_described(draft)))
        _write(draft / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
        draft.rename(target)
    except (OSError, sqlite3.Error, DatabaseFileError) as error:
        raise RecordsError(f"no backup was made: {error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return manifest


def check_backup(folder: Path) -> Manifest:
    """Read a backup whole; return what it holds.

    Raises:
        RecordsError: It is none, or not as it was made.
    """
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise RecordsError(f"{folder} is no backup: {error}") from error
    for there in manifest.files:
        path = folder / there.name
        try:
            if _digest(path) != there.sha256:
                raise RecordsError(f"{path} is not as it was copied")
            if path.suffix == ".sqlite3":
                _quick_check(path)
        except (OSError, sqlite3.Error, DatabaseFileError) as error:
            raise RecordsError(f"{path} cannot be read: {error}") from error
    return manifest


def _draft(target: Path, databases: list[Path]) -> Path:
    """Return the folder that the copy is made in, once there is room for it."""
    if target.exists():
        raise RecordsError(f"{target} is there already: name a new folder")
    draft = target.with_name(f"{target.name}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        free, needed = shutil.disk_usage(target.parent).free, sum(map(_size, databases))
        if free < ROOM * needed:
            raise RecordsError(
                f"{target.parent} has {free / 1e6:,.0f} MB free, of"
                f" {ROOM * needed / 1e6:,.0f} MB that a backup needs"
            )
        draft.mkdir(mode=0o700)
    except FileExistsError as error:
        raise RecordsError(
            f"{draft} is there: another backup is being made, or one was killed;"
            " then remove that folder"
        ) from error
    except OSError as error:
        raise RecordsError(f"{target} cannot be made: {error}") from error
    return draft


def _copy_database(source: Path, copy: Path, *, is_whole: bool) -> None:
    os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(
        sqlite3.connect(copy.absolute().as_uri(), uri=True, isolation_level=None)
    ) as new:
        if is_whole:
            with closing(reading(source)) as old:
                old.backup(new, pages=-1)
        else:
            _copy_sums(new, source)
        new.execute("PRAGMA journal_mode = DELETE")  # one file holds it all
        quick_check(new, copy)
    _sync(copy)


def _copy_sums(new: sqlite3.Connection, source: Path) -> None:
    """Copy a ledger as of one moment, without the shares that are in its sums."""
    new.execute("ATTACH ? AS old", (f"{source.absolute().as_uri()}?mode=ro",))
    new.execute("BEGIN")
    made = "SELECT name, sql FROM old.sqlite_master WHERE type = 'table'"
    for name, sql in new.execute(made).fetchall():
        new.execute(sql)
        which = _NEWEST_SHARES if name == "share" else "1"
        new.execute(f"INSERT INTO main.{name} SELECT * FROM old.{name} WHERE {which}")  # noqa: S608  (our own names)
    (version,) = new.execute("PRAGMA old.user_version").fetchone()
    new.execute(f"PRAGMA main.user_version = {version}")
    new.execute("COMMIT")
    new.execute("DETACH old")


def _other_files(state: Path) -> Iterator[Path]:
    """Yield what else a restart finds: keys, numbers, layouts, blocks."""
    own = {name + suffix for name in DATABASES for suffix in SUFFIXES}
    for path in sorted(state.rglob("*")):
        is_lock = path.name == "lock" or path.suffix == ".lock"
        is_log = ".log" in path.suffixes or ".damaged-" in path.name
        if path.name in own or is_lock or is_log:
            continue
        with suppress(FileNotFoundError):
            if stat.S_ISREG(path.lstat().st_mode):
                yield path


def _copy_file(source: Path, copy: Path) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write(copy, source.read_bytes())


def _described(folder: Path) -> Iterator[CopiedFile]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = str(path.relative_to(folder))
            yield CopiedFile(name, path.stat().st_size, _digest(path))


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _quick_check(path: Path) -> None:
    address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(address, uri=True)) as db:
        quick_check(db, path)


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _sync(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
