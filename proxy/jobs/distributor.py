"""Hand jobs to the miners of many groups without holding up everybody else."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from proxy.jobs.group import Group
from proxy.jobs.live import LiveJob
from proxy.jobs.ports import MinerPort
from proxy.runtime.contain import serve_each

CHUNK = 256
"""Miners served in one turn of the reactor, a millisecond or two: what is written
leaves when the turn ends, so the biggest wait for no more than these."""


@frozen(repr=False)
class Round:
    """A job on its way to miners of its group."""

    group: Group
    entry: LiveJob

    def is_for(self, miner: MinerPort) -> bool:
        """Tell whether `miner` still needs the job.

        Not once it is gone or parked, or has a newer job, or all shall have one.
        """
        seq = self.entry.job.seq
        return (
            seq >= self.group.whole_seq
            and miner in self.group.members
            and miner.is_granted
            and (miner.last_seq is None or miner.last_seq < seq)
        )


Way = tuple[int, MinerPort]
"""A miner, and the place of its round."""


@define(eq=False, repr=False)
class Distributor:
    """Sends jobs in turns: some miners in each, in the order given."""

    _clock: IReactorTime
    _cleaning: Counter[Group] = field(factory=Counter, init=False)

    def send(self, rounds: Sequence[Round], miners: Iterator[Way]) -> None:
        """Assign the jobs of `rounds` to `miners`, in their order."""
        if self._serve(rounds, miners):
            # While it lasts some miners have the clean job and some do not: what is
            # posted meanwhile must be clean for those.
            self._cleaning.update(self._clean_in(rounds))
            self._clock.callLater(0, self._go_on, rounds, miners)

    def is_cleaning(self, group: Group) -> bool:
        """Tell whether a job that ends all older ones is on its way to `group`."""
        return group in self._cleaning

    def _go_on(self, rounds: Sequence[Round], miners: Iterator[Way]) -> None:
        if self._serve(rounds, miners):
            self._clock.callLater(0, self._go_on, rounds, miners)
        else:
            self._end(rounds)

    def _serve(self, rounds: Sequence[Round], miners: Iterator[Way]) -> bool:
        """Assign the jobs to some; return whether there may be more."""
        # A miner is in one group alone, so a full chunk makes as many entries.
        some = {miner: rounds[place] for place, miner in islice(miners, CHUNK)}

        def assign(miner: MinerPort) -> None:
            one = some[miner]
            if one.is_for(miner):
                miner.assign(one.entry.job, one.entry.line)

        serve_each(some, assign, "handing out a job")
        return len(some) == CHUNK

    def _end(self, rounds: Sequence[Round]) -> None:
        for group in self._clean_in(rounds):
            self._cleaning[group] -= 1
            if not self._cleaning[group]:
                del self._cleaning[group]

    @staticmethod
    def _clean_in(rounds: Sequence[Round]) -> list[Group]:
        return [one.group for one in rounds if one.entry.job.clean]
