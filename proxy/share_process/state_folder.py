"""The state folder at a start: had alone, looked at, and mended where told to."""

import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

from twisted.application.service import Service
from twisted.logger import Logger
from typing_extensions import override

from protocol.units import UnixTime
from proxy.config import Config
from proxy.power.journal.database import (
    STORE_FILE,
    STORE_LOCK_FILE,
    open_database,
    store_kind,
)
from proxy.power.journal.lost import lost_records
from proxy.runtime.database_damage import inspect, read_whole, set_aside
from proxy.runtime.database_file import DamagedFileError, refuse_newer
from proxy.runtime.state_lock import StateLock, StateLockError, lock_state
from proxy.shares.database import LEDGER_FILE
from proxy.shares.lost import lost_sums

LOCK_FILE = "lock"
"""In `state_dir`: held by the share process as long as it runs."""

_OTHERS = 0o077

_log = Logger("proxy")

Lost = Callable[[Path], Iterator[str]]


class StateService(Service):
    """Lets go of the state folder, when all who use it have stopped."""

    def __init__(self, lock: StateLock) -> None:
        self._lock = lock

    @override
    def stopService(self) -> None:
        super().stopService()
        self._lock.release()


def take_state(config: Config, recover_at: UnixTime | None) -> StateLock:
    """Return the lock on the state folder, whose databases are fit to be opened.

    Args:
        config: Names the folder, and whether there is a site controller.
        recover_at: Move what is damaged aside, under this time; None: refuse it.

    Raises:
        StateLockError: Another process has the folder.
        DatabaseFileError: A database in it cannot be used.
    """
    folder = Path(config.proxy.state_dir)
    with ExitStack() as undo:
        lock = lock_state(folder / LOCK_FILE)
        undo.callback(lock.release)
        _make_private(folder, config.proxy.log_file)
        _look_at(folder / LEDGER_FILE, lock, lost_sums, recover_at)
        if any(site.power is not None for site in config.sites):
            _look_at_store(folder, recover_at)
        undo.pop_all()
    return lock


def _make_private(folder: Path, log_file: str | None) -> None:
    """Take from others what older releases let them read. A log is its group's, too."""
    for path in (*folder.glob("*"), *folder.glob("blocks/*")):
        if log_file is not None and str(path).startswith(log_file):
            continue
        with suppress(OSError):  # gone, or another user's
            if stat.S_ISREG(path.lstat().st_mode) and path.stat().st_mode & _OTHERS:
                path.chmod(0o600)


def _look_at_store(folder: Path, recover_at: UnixTime | None) -> None:
    """Do the same for the controller's, which opens it later, in its own process.

    It is made here and nowhere else: a controller that is started again and finds
    none has lost its orders, and must not take the site for one without any.
    """
    try:
        lock = lock_state(folder / STORE_LOCK_FILE, leaves_word=False)
    except StateLockError:
        return  # a killed share process's controller, about to end: it can read it
    try:
        _look_at(folder / STORE_FILE, lock, lost_records, recover_at)
        refuse_newer(folder / STORE_FILE, store_kind())
        if not (folder / STORE_FILE).exists():
            open_database(folder / STORE_FILE).close()
    finally:
        lock.release()


def _look_at(
    path: Path, lock: StateLock, lost: Lost, recover_at: UnixTime | None
) -> None:
    if recover_at is not None:
        _recover(path, lock, lost, recover_at)
    if doubt := inspect(path, is_same_boot=lock.is_same_boot):
        _log.warn("{doubt}", doubt=doubt)


def _recover(path: Path, lock: StateLock, lost: Lost, at: UnixTime) -> None:
    try:
        inspect(path, is_same_boot=lock.is_same_boot)
        if path.exists():
            read_whole(path)
    except DamagedFileError as error:
        aside = set_aside(path, at)
        _log.warn(
            "{path} is damaged: {fault}. It is {aside} now, and a new one begins",
            path=path,
            fault=error.fault,
            aside=aside.name,
        )
        for sentence in lost(aside):
            _log.warn("lost: {sentence}", sentence=sentence)
    else:
        _log.info("{path}: nothing is wrong with it", path=path)
