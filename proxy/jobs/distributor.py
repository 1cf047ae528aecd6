"""Hand a job to every miner of a group without holding up everybody else."""

from collections.abc import Iterable

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from proxy.jobs.group import Group
from proxy.jobs.live import LiveJob
from proxy.jobs.ports import MinerPort
from proxy.runtime.contain import serve_each

CHUNK = 512
"""Miners served in one turn of the reactor: a few milliseconds."""


@define(eq=False, repr=False)
class Distributor:
    """Sends jobs in turns; a newer job of a group ends the round of an older one."""

    _clock: IReactorTime
    _rounds: dict[Group, LiveJob] = field(factory=dict, init=False)

    def send(self, group: Group, entry: LiveJob, miners: list[MinerPort]) -> None:
        """Assign `entry` to `miners`, in their order."""
        self._rounds[group] = entry
        self._turn(group, entry, miners)

    def _turn(self, group: Group, entry: LiveJob, miners: list[MinerPort]) -> None:
        if self._rounds.get(group) is not entry:
            return
        hand_out(group, entry, miners[:CHUNK])
        rest = miners[CHUNK:]
        if rest:
            self._clock.callLater(0, self._turn, group, entry, rest)
        else:
            del self._rounds[group]


def hand_out(group: Group, entry: LiveJob, miners: Iterable[MinerPort]) -> None:
    """Assign `entry` to those of `miners` that are there and at work."""

    def assign(miner: MinerPort) -> None:
        if miner in group.members and miner.is_granted:
            miner.assign(entry.job, entry.line)

    serve_each(miners, assign, "handing out a job")
