"""Keep the ledger's write-ahead log small, on a thread of its own."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from typing_extensions import override

from proxy.runtime.database_file import beside
from proxy.runtime.file_watch import FileWatch

INTERVAL = 2.0
RESTART_ABOVE = 64_000_000
"""Bytes of the log. The writer stands still meanwhile, for 15 ms or so: at 20,000
shares a second that is once in 20 s."""

ALARM_ABOVE = 256_000_000


class CheckpointService(Service):
    """Copies the log into the file every two seconds.

    PASSIVE alone lets the log grow without end under a steady writer: past 64 MB
    RESTART makes the writer begin it anew, over what is in it.
    """

    def __init__(
        self, path: Path, on_alarm: Callable[[str], None], clock: IReactorTime
    ) -> None:
        self._path = path
        self._watch = FileWatch(path)
        self._on_alarm = on_alarm
        self._thread = ThreadPoolExecutor(1, "ledger-checkpoint")
        self._loop = LoopingCall(self._submit)
        self._loop.clock = clock
        self._is_busy = False
        self._is_alarmed = False

    @override
    def startService(self) -> None:
        super().startService()
        self._running = self._loop.start(INTERVAL, now=False)

    @override
    def stopService(self) -> None:
        super().stopService()
        self._loop.stop()
        self._thread.shutdown()

    def _submit(self) -> None:
        size = self._wal_size()
        if size > ALARM_ABOVE and not self._is_alarmed:
            self._on_alarm(f"ledger: its write-ahead log has {size} B")
        self._is_alarmed = size > ALARM_ABOVE
        if not self._is_busy:
            self._is_busy = True
            self._thread.submit(self._checkpoint)

    def _wal_size(self) -> int:
        try:
            return beside(self._path, "-wal").stat().st_size
        except OSError:
            return 0

    def _checkpoint(self) -> None:
        """Runs on the thread."""
        try:
            if not self._watch.fault():  # else the writer does, which has it open
                checkpoint(self._path)
        except sqlite3.Error:
            pass  # the writer's own error tells more, and raises the alarm
        finally:
            self._is_busy = False


def checkpoint(path: Path) -> None:
    """Copy the log into the file; a busy writer makes it wait 50 ms at the most.

    Raises:
        sqlite3.Error: From the disk.
    """
    connection = sqlite3.connect(path, timeout=0.05)
    try:
        # Frames are of one page each.
        (page,) = connection.execute("PRAGMA page_size").fetchone()
        _, frames, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if frames * page > RESTART_ABOVE:
            # It waits for readers of the log and keeps writers out meanwhile; what
            # comes next is written over the log's beginning (SQLite,
            # wal_checkpoint_v2).
            connection.execute("PRAGMA wal_checkpoint(RESTART)")
    finally:
        connection.close()
