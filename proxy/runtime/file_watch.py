"""Notice that an open file is no longer the one at its path."""

import sqlite3
from pathlib import Path

from attrs import define, field

from proxy.runtime.database_file import beside

_Identity = tuple[int, int] | None


@define(eq=False, repr=False)
class FileWatch:
    """A database file and its write-ahead log, as they were when it was opened.

    Whoever opens the path anew while another file is there has that one's pages and
    this one's log, and writes both to pieces.
    """

    path: Path
    _were: dict[str, _Identity] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._were = {suffix: self._identity(suffix) for suffix in ("", "-wal", "-shm")}

    def fault(self) -> str:
        """Return what was done to the files, empty if nothing."""
        for suffix, was in self._were.items():
            is_now = self._identity(suffix)
            # What was not there at first may come: SQLite makes its log with the first
            # write.
            if is_now == was or was is None:
                continue
            what = "is gone" if is_now is None else "is another file"
            return f"{beside(self.path, suffix)} {what}"
        return ""

    def _identity(self, suffix: str) -> _Identity:
        try:
            found = beside(self.path, suffix).stat()
        except OSError:
            return None
        # An inode's number is unique in one file system only.
        return found.st_dev, found.st_ino


def path_of(db: sqlite3.Connection) -> Path:
    """Return the path of the file that `db` was opened at.

    Raises:
        sqlite3.Error: It was closed.
    """
    _, _, path = db.execute("PRAGMA database_list").fetchone()
    return Path(path)
