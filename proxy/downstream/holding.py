"""Park the miners that no source has had work for in a while, and let them return."""

from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from protocol.units import Seconds
from proxy.downstream.miner import Miner
from proxy.downstream.parking import Parking
from proxy.jobs.board import JobBoard
from proxy.jobs.group import Group
from proxy.runtime.due import DueList
from proxy.runtime.slices import Slices


@define(eq=False, repr=False)
class Holding:
    """Holds the groups of a site out while they have no source.

    Groups that begin or end to have one are told of by the board, so a second in which
    none does costs nothing, however many miners and groups there are.
    """

    board: JobBoard
    parking: Parking
    clock: IReactorTime
    _changed: dict[Group, None] = field(factory=dict, init=False)
    _idle: DueList[Group] = field(factory=DueList, init=False)
    _moving: Slices[Any] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._moving = Slices(self.clock, self._move, "holding out or bringing back")
        self.board.source_choice.on_idle = self._note

    def look(self, longest: Seconds) -> None:
        """Hold out the groups that no source has had work for in `longest`.

        The miners of one that has a source again return, in their turn.
        """
        changed, self._changed = self._changed, {}
        for group in changed:
            self._idle.drop(group)
            self.parking.out.discard(group)
            if group.idle_since is not None:
                self._idle.by(group, group.idle_since)
        since = self.clock.seconds() - longest
        over = self._idle.take(since, len(self._idle))
        self.parking.out.update(over)
        moved = dict.fromkeys((*changed, *over))
        if moved:
            self._moving.add(m for group in moved for m in group.members)

    def stop(self) -> None:
        """Move nobody more."""
        self._moving.stop()

    def _note(self, group: Group) -> None:
        self._changed[group] = None

    def _move(self, miner: Miner) -> None:
        self.parking.note(miner.id)  # with a source it comes to have a difficulty
        is_out = miner.group in self.parking.out
        if miner.group is None or miner.is_held_out == is_out:
            return
        if is_out:
            miner.hold_out(is_out=True)
        else:
            self.parking.bring_back(miner)
