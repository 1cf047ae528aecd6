"""What the jobs side needs from those who speak to miners."""

from collections.abc import Collection
from typing import Protocol

from protocol.work.job import Job, SeenKeys


class MinerPort(Protocol):
    """A connected miner, as jobs reach it."""

    @property
    def is_granted(self) -> bool:
        """It may be given work; else it is parked."""

    def assign(self, job: Job, line: bytes) -> None:
        """Hand it `job`, whose mining.notify is `line`."""

    def ask_to_reconnect(self) -> None:
        """Ask it to connect anew to where it is connected now."""

    def drop(self, why: str) -> None:
        """Hang up on it for a reason of ours."""


class JobCopies(Protocol):
    """Whoever judges by copies of a group's jobs, and may serve its miners faster."""

    def new_seen(self) -> SeenKeys:
        """Return an empty set of duplicate keys."""

    def post(self, job: Job) -> None:
        """Take on the newest job."""

    def make_stale(self, job: Job, at: float) -> None:
        """Call its shares stale from `at` on, in the clock's seconds."""

    def retire(self, job: Job) -> None:
        """Forget it: its shares are unknown_job from now on."""

    def deliver(
        self, line: bytes, members: Collection[MinerPort]
    ) -> Collection[MinerPort]:
        """Write the newest job's `line` to the members that need nothing else.

        Returns:
            The others: they are to be assigned the job one by one.
        """


class NoCopies:
    """Nobody copies: miners look at the jobs themselves."""

    def new_seen(self) -> SeenKeys:
        """Return a set."""
        return set()

    def post(self, job: Job) -> None:
        """Take no notice."""

    def make_stale(self, job: Job, at: float) -> None:
        """Take no notice."""

    def retire(self, job: Job) -> None:
        """Take no notice."""

    def deliver(
        self, line: bytes, members: Collection[MinerPort]
    ) -> Collection[MinerPort]:
        """Return all: nobody was served."""
        del line
        return members
