"""A log in a file, which is moved aside when it is full.

The share process and the site controller write the same file, and logrotate may move
it, too. So nobody owns it: whoever is about to write looks first whether the file is
still the one of that name, and opens it again if not. A line is one write(2) in
append mode, so that lines of two processes do not mix.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

MODE = 0o640
"""Of a new file: the group may read it, as it may read the system's logs."""


class FileOut:
    """Writes to a file; moves it to `NAME.1`, and that to `NAME.2`, when it is full.

    Args:
        path: Of the file; it is appended to.
        max_bytes: What a file may hold before it is moved; 0: without end.
        keep: How many older files are kept.

    Raises:
        OSError: It cannot be opened.
    """

    def __init__(self, path: Path, max_bytes: int, keep: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._keep = keep
        self._is_to_reopen = False
        self._descriptor = self._open()

    def write(self, text: str) -> None:
        """Write all of `text`.

        Raises:
            OSError: The disk is full, or alike.
        """
        data = text.encode("utf-8", "backslashreplace")
        if self._is_to_reopen or self._is_elsewhere():
            self._reopen()
        if self._is_full(len(data)):
            self._rotate()
        # write(2) may take a part of it, as where the disk fills up.
        while data:
            data = data[os.write(self._descriptor, data) :]

    def reopen(self) -> None:
        """Open the file of that name again before the next line; from any thread."""
        self._is_to_reopen = True

    def close(self) -> None:
        """Write no more."""
        os.close(self._descriptor)

    def _reopen(self) -> None:
        self._is_to_reopen = False
        descriptor = self._open()
        os.close(self._descriptor)
        self._descriptor = descriptor

    def _open(self) -> int:
        # Append mode: the kernel puts each write at the end, whoever else writes
        # (write(2)).
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        return os.open(self._path, flags, MODE)

    def _is_elsewhere(self) -> bool:
        """Tell whether the file of that name is another than the one that is open."""
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return True
        return not os.path.samestat(there, os.fstat(self._descriptor))

    def _is_full(self, more: int) -> bool:
        size = os.fstat(self._descriptor).st_size
        # An empty file takes any line, be it longer than all.
        return 0 < self._max_bytes < size + more and size > 0

    def _rotate(self) -> None:
        """Move the full file aside, unless another process has just done so.

        What cannot be moved grows on: a line too many is better than one too few.
        """
        # Who waits for the lock finds the file moved when it gets it, and only opens
        # the new one.
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)  # until the descriptor is closed
        with suppress(OSError):
            if not self._is_elsewhere():
                self._move_aside()
        self._reopen()

    def _move_aside(self) -> None:
        if self._keep == 0:
            self._path.unlink()
            return
        # From the oldest on, or each would overwrite the next.
        for number in range(self._keep - 1, 0, -1):
            with suppress(FileNotFoundError):
                self._older(number).replace(self._older(number + 1))
        self._path.replace(self._older(1))

    def _older(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")
