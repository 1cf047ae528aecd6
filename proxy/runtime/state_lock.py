"""Have a folder of state to oneself: one process at a time."""

import fcntl
import os
from pathlib import Path

from attrs import define, field

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_MAX_TEXT = 128


class StateLockError(Exception):
    """The folder is not to be had; the message says why, and what to do."""


@define(eq=False, repr=False)
class StateLock:
    """The right to a folder, until it is released or the process ends.

    The kernel takes the lock back at the end of the process, however it ends; a
    process id alone would be held for ever in a container, where each is number 1.

    Attributes:
        is_same_boot: The last holder ran since this machine was started: what it
            wrote before it was killed is all there, as a power cut would not have
            left it.
    """

    _handle: int | None = field(repr=False)
    is_same_boot: bool

    def release(self) -> None:
        """Let the next process have the folder; a second call does nothing."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)


def lock_state(
    path: Path, boot_id: str | None = None, *, leaves_word: bool = True
) -> StateLock:
    """Return the lock on the folder of the file `path`, which says who has it.

    Args:
        path: Made if it is not there, and its folder, for the owner alone.
        boot_id: Of this start of the machine; None: what the kernel says.
        leaves_word: Write who has it; False: it is for a look, and for a moment.

    Raises:
        StateLockError: Another process has it, or the file cannot be used.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StateLockError(f"{path}: {error.strerror}") from error
    try:
        # flock and not a pid file: it is the kernel's, and goes with the process.
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        boot = _boot_id() if boot_id is None else boot_id
        # Read before our own word is written over it.
        last = _words(handle)
        if leaves_word:
            _write(handle, f"{os.getpid()} {boot}\n")
    except BlockingIOError as error:
        holder = " ".join(_words(handle)[:1]) or "unknown"
        os.close(handle)
        raise StateLockError(
            f"{path.parent} is in use by process {holder}: stop it, or give this"
            " one a state_dir of its own"
        ) from error
    except OSError as error:
        os.close(handle)
        raise StateLockError(f"{path} cannot be locked: {error.strerror}") from error
    return StateLock(handle, is_same_boot=bool(boot) and last[1:] == [boot])


def _words(handle: int) -> list[str]:
    return os.pread(handle, _MAX_TEXT, 0).decode("ascii", "replace").split()


def _write(handle: int, text: str) -> None:
    """Say who has it; a full disk does not keep anybody from having it."""
    try:
        os.pwrite(handle, text.encode(), 0)
        # Written before it is cut, so that it is never empty.
        os.ftruncate(handle, len(text))
    except OSError:
        return


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except OSError:
        return ""  # no Linux: nothing is known of the last start
