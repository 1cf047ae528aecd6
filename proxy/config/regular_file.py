"""Open the files that a configuration names: files, and nothing that could hang."""

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
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(number, "rb")
