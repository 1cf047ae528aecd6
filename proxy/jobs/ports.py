"""What the jobs side needs from those who speak to miners."""

from collections.abc import Collection, Iterable, Iterator
from typing import Protocol

from protocol.work.job import Job, SeenKeys

HASHRATE_CLASSES = 128
"""Of miners, two for each power of two of hashes a second; the highest begins at 2^63.
engine/loop/wire.h has the same number."""


class MinerPort(Protocol):
    """A connected miner, as jobs reach it.

    Attributes:
        last_seq: Number of the newest job that it was given.
        hashrate_class: How much it hashes, below `HASHRATE_CLASSES`.
    """

    last_seq: int | None
    hashrate_class: int

    @property
    def is_granted(self) -> bool:
        """It may be given work; else it is parked."""

    def assign(self, job: Job, line: bytes) -> None:
        """Hand it `job`, whose mining.notify is `line`."""

    def reroute(self) -> None:
        """Go to a group of the route that its worker has now, if that is another."""

    def ask_to_reconnect(self) -> None:
        """Ask it to connect anew to where it is connected now."""

    def drop(self, why: str) -> None:
        """Hang up on it for a reason of ours."""


class ByClass(Collection[MinerPort], Protocol):
    """The miners of a group."""

    @property
    def classes(self) -> Collection[int]:
        """Numbers of the classes of hashrates that have some."""

    def of_class(self, number: int) -> Collection[MinerPort]:
        """Return those of a class."""


Delivery = tuple["JobCopies", bytes, ByClass]
"""Copies of a group's jobs, its newest one's mining.notify, and its miners."""


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

    @staticmethod
    def deliver(rounds: list[Delivery]) -> Iterable[tuple[int, MinerPort]]:
        """Write the newest jobs to the members that need nothing else.

        Args:
            rounds: Of groups whose copies are all of this kind.

        Returns:
            The others, each with the place of its group, to be assigned its job one by
            one. The biggest hashrates come first, of whichever group.
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

    @staticmethod
    def deliver(rounds: list[Delivery]) -> Iterator[tuple[int, MinerPort]]:
        """Return all: nobody was served."""
        return biggest_first(rounds)


def biggest_first(rounds: list[Delivery]) -> Iterator[tuple[int, MinerPort]]:
    """Return those who are members now, each with the place of its group.

    Those of the highest class come first, of whichever group they are.
    """
    ranks: dict[int, list[tuple[int, list[MinerPort]]]] = {}
    for place, (_, _, members) in enumerate(rounds):
        for number in members.classes:
            # A copy of each list, for members come and go; nothing is done for each
            # miner before the first has its job.
            miners = [*members.of_class(number)]
            ranks.setdefault(number, []).append((place, miners))
    return (
        (place, miner)
        for number in sorted(ranks, reverse=True)
        for place, miners in ranks[number]
        for miner in miners
    )
