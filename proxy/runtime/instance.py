"""The number that tells a process from all others that mine on the same node.

It is drawn once and kept in the state folder. Processes with folders of their own so
differ without knowing of each other, and a block says for ever whose it was.
"""

from collections.abc import Callable
from pathlib import Path

from twisted.logger import Logger

from proxy.runtime.whole_file import write_whole

INSTANCE_FILE = "instance"
"""In `state_dir`: the number in decimal."""

INSTANCE_BYTES = 2
"""In a coinbase. Of ten processes on one node two draw the same once in 1,500 times."""

MAX_INSTANCE = (1 << 8 * INSTANCE_BYTES) - 1

_MAX_FILE_BYTES = 16

_log = Logger("proxy")


class InstanceFileError(Exception):
    """The number can be neither read nor kept; the message says why."""


def kept_instance(folder: Path) -> int | None:
    """Return the number kept in a state folder; None if none is there.

    Raises:
        InstanceFileError: The file cannot be read.
    """
    path = folder / INSTANCE_FILE
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_FILE_BYTES).strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InstanceFileError(f"{path}: {error.strerror}") from error
    # isdigit on bytes takes ASCII digits alone, unlike that of str.
    is_number = text.isdigit() and int(text) <= MAX_INSTANCE
    return int(text) if is_number else None


def instance_of(folder: Path, random_bytes: Callable[[int], bytes]) -> int:
    """Return the number kept in a state folder, drawn now if there is none.

    Args:
        folder: It is there.
        random_bytes: So many, of which no two processes get the same.

    Raises:
        InstanceFileError: It can be neither read nor kept.
    """
    kept = kept_instance(folder)
    if kept is not None:
        return kept
    drawn = int.from_bytes(random_bytes(INSTANCE_BYTES), "big")
    path = folder / INSTANCE_FILE
    if path.exists():  # half a one, of a power cut
        _log.warn("{path} holds no number: a new one is drawn", path=str(path))
    try:
        write_whole(path, b"%d\n" % drawn)
    except OSError as error:
        raise InstanceFileError(f"{path}: {error.strerror}") from error
    return drawn
