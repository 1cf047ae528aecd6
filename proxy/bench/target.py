"""A server under load, and what the system says of its process."""

import os
from pathlib import Path

from attrs import frozen

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
USER, SYSTEM = 11, 12
"""Places of utime and stime behind the name in /proc/PID/stat; see proc(5)."""


class BenchError(Exception):
    """A measurement could not be made; the message is one line."""


@frozen
class Target:
    """A server to be measured.

    Attributes:
        name: As the table shows it.
        pid: None: nothing is known of its process.
    """

    name: str
    address: str
    port: int
    pid: int | None = None

    def cpu_s(self) -> float | None:
        """Return the processor time that it has used, all threads, seconds.

        Raises:
            BenchError: It is gone.
        """
        if self.pid is None:
            return None
        fields = self._read("stat").rpartition(")")[2].split()
        return (int(fields[USER]) + int(fields[SYSTEM])) / TICKS

    def rss(self) -> int | None:
        """Return its resident memory, bytes.

        Raises:
            BenchError: It is gone.
        """
        if self.pid is None:
            return None
        return int(self._read("statm").split()[1]) * PAGE

    def _read(self, name: str) -> str:
        try:
            return Path(f"/proc/{self.pid}/{name}").read_text()
        except OSError as error:
            raise BenchError(f"{self.name} (pid {self.pid}) is gone") from error
