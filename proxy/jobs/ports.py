"""What the jobs side needs from those who speak to miners."""

from typing import Protocol

from protocol.work.job import Job


class MinerPort(Protocol):
    """A connected miner, as jobs reach it."""

    @property
    def is_granted(self) -> bool:
        """It may be given work; else it is parked."""

    def assign(self, job: Job, line: bytes) -> None:
        """Hand it `job`, whose mining.notify is `line`."""
