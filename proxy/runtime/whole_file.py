"""Write a small file so that whoever reads it finds the old one or the new, whole."""

import os
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Replace the file at `path` by one with `data`, for its owner alone (0600).

    It is on disk before it takes the name, so that a power cut leaves one of the two.

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
