"""Open files that somebody named: files, and nothing that could hang.

It is below all that reads one: a configuration, a verifier, which trusts no
configuration, and the edges.
"""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_regular(path: Path) -> BinaryIO:
    """Return a file opened to be read.

    A named pipe would hold up whoever opens it until somebody writes, and a device may
    never end: both are refused at once.

    Raises:
        OSError: It cannot be opened, or is none; its `strerror` says so.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    number = os.open(path, flags)
    mode = os.fstat(number).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(number, "rb")
    os.close(number)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise OSError(errno.EINVAL, "not a regular file", str(path))


def read_regular(path: Path, most: int) -> bytes:
    """Return what a file holds: `most` bytes, and one more where it has more.

    By the one more a file that is too long is seen.

    Raises:
        OSError: As of `open_regular`.
    """
    with open_regular(path) as file:
        return file.read(most + 1)
