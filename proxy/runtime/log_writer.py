"""Write log lines in a thread of its own: a reader that hangs stops nobody else."""

import os
import select
from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import RLock, Thread
from typing import Protocol

MAX_QUEUED_CHARS = 4 << 20
"""Of lines that wait for the reader; what comes beyond it is counted."""

TELL_EVERY_S = 1.0
"""How often it is looked whether lines left out are to be told of."""

CLOSE_WITHIN_S = 1.0
"""How long the end of the process waits for the last lines to be taken."""


class Out(Protocol):
    """Where the text of the log goes. May block, and raise OSError."""

    def write(self, text: str, /) -> object:
        """Write all of `text`."""


class DescriptorOut:
    """Writes to a file descriptor, past the buffers of Python's own streams.

    Those are locked while they are written to: a thread that hangs in one would
    hang the end of the process too.
    """

    def __init__(self, descriptor: int, encoding: str = "utf-8") -> None:
        self._descriptor = descriptor
        self._encoding = encoding

    def write(self, text: str) -> None:
        """Write all of `text`, however long the other end takes."""
        data = text.encode(self._encoding, "backslashreplace")
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:  # whoever shares it with us made it so
                poll = select.poll()
                poll.register(self._descriptor, select.POLLOUT)
                poll.poll()


class LogWriter:
    """Takes lines from any thread, never blocks, and writes them in its own.

    Args:
        out: Where they go; used by the thread alone.
        overdue: Returns lines about lines that were left out. Its argument is how
            many of them found the queue full since the last call; called in the
            thread, with `is_last` when the log is closed.
    """

    def __init__(self, out: Out, overdue: Callable[[int, bool], Iterable[str]]) -> None:
        self._out = out
        self._overdue = overdue
        self._lines: SimpleQueue[str | None] = SimpleQueue()  # put() is reentrant
        self._lock = RLock()
        self._queued_chars = 0
        self._refused = 0
        self._told = 0
        self._thread = Thread(target=self._run, name="log", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def write(self, text: str) -> None:
        """Write `text` soon; leave it out if too much waits already."""
        with self._lock:
            # Checked and counted under one lock, since two threads may find the last
            # room.
            if self._queued_chars + len(text) > MAX_QUEUED_CHARS:
                self._refused += 1
                return
            self._queued_chars += len(text)
        self._lines.put(text)
        if not self._thread.is_alive():
            self._write_waiting()  # the log is closed: a word from a finaliser

    def close(self) -> None:
        """Write what waits, if it is read within a moment, and end the thread."""
        self._lines.put(None)
        # Not for ever: whoever should read may hang, and the thread is a daemon.
        self._thread.join(CLOSE_WITHIN_S)
        if not self._thread.is_alive():
            self._write_waiting()

    def _run(self) -> None:
        while True:
            try:
                text = self._lines.get(timeout=TELL_EVERY_S)
            except Empty:
                text = ""
            if text is None:
                self._tell(is_last=True)
                return
            self._write(text)
            self._tell()

    def _write_waiting(self) -> None:
        with suppress(Empty):
            while True:
                self._write(self._lines.get_nowait() or "")

    def _tell(self, *, is_last: bool = False) -> None:
        refused = self._refused
        for line in self._overdue(refused - self._told, is_last):
            self._write_out(line)
        self._told = refused

    def _write(self, text: str) -> None:
        self._write_out(text)
        # After it is out: what is being written still counts as waiting.
        with self._lock:
            self._queued_chars -= len(text)

    def _write_out(self, text: str) -> None:
        with suppress(OSError):  # nobody is there, and nobody can be told
            self._out.write(text)
