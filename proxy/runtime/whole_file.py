"""Write a small file so that whoever reads it finds the old one or the new, whole."""

import os
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Replace the file at `path` by one with `data`, for its owner alone (0600).

    It is on disk before it takes the name, and the name is before this returns: a power
    cut leaves one of the two, and once this has returned the new one.

    Raises:
        OSError: The folder does not take it; the old file stays.
    """
    part = path.with_suffix(".part")
    # Left by a process that was killed between the two steps; O_EXCL follows no link
    # that stands there.
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        # Before the rename: after a power cut a name may otherwise lead to an empty
        # file.
        os.fsync(handle)
    part.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on disk, where its file system can do that."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # The name is taken, whatever this says; some network file systems refuse it.
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)
