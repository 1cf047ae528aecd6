"""A pseudo terminal with a process in it, as a person would have it."""

import fcntl
import os
import pty
import subprocess
import termios
import threading
from collections.abc import Mapping, Sequence

from tests.support import PATIENCE

CTRL_C = b"\x03"


class Terminal:
    """Runs a command on a terminal of its own and remembers what it wrote."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        self._master, slave = pty.openpty()
        self.output = b""
        self._grew = threading.Condition()
        self.process = subprocess.Popen(  # noqa: S603
            command,
            env=env,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def press(self, key: bytes) -> None:
        os.write(self._master, key)

    def wait_for(self, text: bytes, timeout: float = PATIENCE) -> None:
        with self._grew:
            assert self._grew.wait_for(lambda: text in self.output, timeout), text

    def wait(self, timeout: float = PATIENCE) -> int:
        """Return the exit status; all of the output has been read then."""
        status = self.process.wait(timeout)
        self._reader.join(timeout)
        os.close(self._master)
        return status

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 4096)
            except OSError:  # how Linux tells of the last writer's end
                return
            with self._grew:
                self.output += data
                self._grew.notify_all()
