"""Whether a SQLite file of ours is whole, and what is done with one that is not.

Nothing here is for a file that another process may be writing: hold the lock of its
folder.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from proxy.runtime.database_file import (
    SUFFIXES,
    DamagedFileError,
    DatabaseFileError,
    beside,
    quick_check,
    reading,
    told_as,
)
from proxy.runtime.sqlite_wal import Log, read_index, read_log

_MAGIC = b"SQLite format 3\0"
_HEADER = 100
_LOCK_AT = 1 << 30
"""The page that this byte is in is never written (file format, 1.6.1)."""


def inspect(path: Path, *, is_same_boot: bool) -> str:
    """Return what a power cut may have cost, empty where it cost nothing.

    It reads the log and the header, not the file: for SQLite takes a log as far as
    it goes, and says nothing of the rest.

    Args:
        path: It need not be there.
        is_same_boot: Who wrote it did so since the machine was started, so that it
            and what is beside it are all as they were written, to the last byte.

    Raises:
        DamagedFileError: It is broken.
        DatabaseFileError: It cannot be read.
    """
    try:
        # Before SQLite opens the file: it would copy what it can, and drop the rest of
        # the log.
        log = read_log(beside(path, "-wal"))
        fault = _fault_of_log(path, log) if is_same_boot else ""
        fault = fault or _fault_of_file(path, log)
    except OSError as error:
        raise DatabaseFileError(f"{path} cannot be read: {error}") from error
    if fault:
        raise DamagedFileError(path, fault)
    if log is not None and log.is_cut and not is_same_boot:
        return (
            f"{path}: its last transactions were cut short, as by a power cut:"
            " what was written in the last seconds before it may be missing"
        )
    return ""


def read_whole(path: Path) -> None:
    """Read every page of the file at `path`: some seconds for each gigabyte.

    Raises:
        DamagedFileError: It is broken.
        DatabaseFileError: It cannot be read.
    """
    try:
        with closing(reading(path)) as connection:
            quick_check(connection, path)
    except sqlite3.Error as error:
        raise told_as(path, error) from error


def set_aside(path: Path, at: float) -> Path:
    """Rename the file at `path` and what is beside it; return what it is called now.

    Args:
        path: The file.
        at: Unix time, which is in the new name.

    Raises:
        DatabaseFileError: It cannot be renamed.
    """
    number = int(at)
    # A second damage in one second must not overwrite what was set aside of the first.
    while any(beside(_aside(path, number), s).exists() for s in SUFFIXES):
        number += 1
    aside = _aside(path, number)
    try:
        for suffix in SUFFIXES:
            if beside(path, suffix).exists():
                beside(path, suffix).rename(beside(aside, suffix))
    except OSError as error:
        raise DatabaseFileError(f"{path} cannot be moved aside: {error}") from error
    return aside


def _aside(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.damaged-{number}")


def _fault_of_log(path: Path, log: Log | None) -> str:
    """Return what the log lacks of all that its writer had put there."""
    # Only within one boot: a power cut leaves shared memory of another time than the
    # log.
    index = read_index(beside(path, "-shm"))
    if index is None or log is None:
        return ""  # nothing to compare
    if log.salts == index.salts and log.frames < index.frames:
        return (
            f"its write-ahead log is sound up to frame {log.frames} of {index.frames}"
        )
    if not log.salts and index.frames > index.copied:
        missing = index.frames - index.copied
        return f"its write-ahead log is gone, and in it {missing} frames"
    return ""


def _fault_of_file(path: Path, log: Log | None) -> str:
    if log is None:
        return "the header of its write-ahead log is none"
    if not path.exists():
        return "it is gone, its write-ahead log is there" if log.salts else ""
    size = path.stat().st_size
    with path.open("rb") as file:
        header = file.read(_HEADER)
    if len(header) < _HEADER or not header.startswith(_MAGIC):
        return "its header is not that of a database" if size else "it is empty"
    page_size = int.from_bytes(header[16:18], "big")
    # The field has two bytes: 1 stands for 65,536 (file format, 1.3.2).
    page_size = 65536 if page_size == 1 else page_size
    if page_size < 512 or page_size & (page_size - 1):  # noqa: PLR2004  (1.3.2)
        return f"its header has pages of {page_size} B"
    # What a checkpoint has not copied yet is in the log alone: the file may be shorter.
    there, pages = size // page_size, log.pages or _pages_by(header)
    elsewhere = {p for p in log.held if there < p <= pages}
    if there < _LOCK_AT // page_size + 1 <= pages:
        elsewhere.add(_LOCK_AT // page_size + 1)
    missing = pages - there - len(elsewhere)
    return f"{missing} of its {pages} pages are missing" if missing > 0 else ""


def _pages_by(header: bytes) -> int:
    """Return how many pages the file has; 0 where an old SQLite did not say (1.3.7)."""
    is_said = header[24:28] == header[92:96]
    return int.from_bytes(header[28:32], "big") if is_said else 0
