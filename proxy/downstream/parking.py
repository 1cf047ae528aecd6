"""Parking: which miners of a site are given no jobs, and what is reported of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Protocol

from attrs import define, field

from protocol.units import Seconds, WorkerName
from proxy.downstream.tally import Tally
from proxy.power.link.messages import MAX_ROWS, FleetReport, Joined, Work
from proxy.runtime.contain import serve_each


class ParkableMiner(Protocol):
    """What parking needs of a miner."""

    id: int
    address: str
    workers: dict[WorkerName, None]
    is_allowed: bool
    is_granted: bool
    is_held_out: bool
    tally: Tally

    @property
    def supplied_difficulty(self) -> float:
        """What its shares are judged at; 0 while no source has work for it."""

    def park(self) -> None:
        """Give it no more work."""

    def grant(self) -> None:
        """Let it work."""

    def hold_out(self, *, is_out: bool) -> None:
        """Park it while there is no work, or end that."""

    def drop(self, why: str) -> None:
        """Hang up on it for a reason of ours."""


@define(eq=False)
class Parking:
    """A site's miners, as its controller knows and commands them.

    Attributes:
        miners: By id: the roster's own.
        tally: What all shares of the site came to since the start.
        on_join: Called when a miner has said who it is.
        returns_per_second: How many miners are given work again at most, once a
            source is back that none had; None: all at once.
    """

    miners: Mapping[int, ParkableMiner] = field(factory=dict)
    tally: Tally = field(factory=Tally)
    on_join: Callable[[], None] = lambda: None
    returns_per_second: float | None = None
    _told: dict[int, bool] = field(factory=dict, init=False)
    _difficulty: dict[int, float] = field(factory=dict, init=False)
    _returning: dict[int, None] = field(factory=dict, init=False)
    _credit: float = field(default=0.0, init=False)

    def park(self, ids: Iterable[int]) -> None:
        """Give these miners no more jobs; those gone meanwhile are passed over."""
        serve_each(self._present(ids), lambda miner: miner.park(), "parking")

    def grant(self, ids: Iterable[int]) -> None:
        """Let these miners work; those gone meanwhile are passed over."""
        serve_each(self._present(ids), lambda miner: miner.grant(), "granting work")

    def bring_back(self, miner: ParkableMiner) -> None:
        """Give work again, in its turn, to a miner that there was none for."""
        if self.returns_per_second is None:
            miner.hold_out(is_out=False)
        else:
            self._returning[miner.id] = None

    def let_return(self, elapsed: Seconds) -> None:
        """Give work to as many returning miners as may begin in `elapsed`."""
        if self.returns_per_second is None or not self._returning:
            self._credit = 0.0
            return
        self._credit += self.returns_per_second * elapsed
        due = list(islice(self._returning, int(self._credit)))
        self._credit -= len(due)
        for miner_id in due:
            del self._returning[miner_id]
        serve_each(
            self._present(due), lambda m: m.hold_out(is_out=False), "bringing back"
        )

    def reports(self, site: str, *, is_whole: bool) -> Iterator[FleetReport]:
        """Yield what has changed since the last call, or everything."""
        if is_whole:
            self._told, self._difficulty = {}, {}
            yield FleetReport(site, True, [], [], [], [])
        joined = list(self._joined())
        left = [i for i in self._told if i not in self.miners]
        parked = list(self._changed())
        work = list(self._work())
        difficulty = list(self._retargeted())
        for i in left:
            del self._told[i]
            self._difficulty.pop(i, None)
        self._told.update(parked)
        self._told.update((j.id, j.is_parked) for j in joined)
        self._difficulty.update(difficulty)
        columns = (joined, left, parked, work, difficulty)
        rows = max(len(column) for column in columns)
        for begin in range(0, rows, MAX_ROWS):
            part = slice(begin, begin + MAX_ROWS)
            yield FleetReport(
                site,
                False,
                joined[part],
                left[part],
                parked[part],
                work[part],
                difficulty[part],
            )

    def _changed(self) -> Iterator[tuple[int, bool]]:
        for i, was_parked in self._told.items():
            miner = self.miners.get(i)
            if miner is not None and miner.is_granted is was_parked:
                yield i, not was_parked

    def _joined(self) -> Iterator[Joined]:
        for miner in self.miners.values():
            if miner.workers and miner.id not in self._told:
                worker = next(iter(miner.workers))
                yield Joined(miner.id, worker, miner.address, not miner.is_granted)

    def _retargeted(self) -> Iterator[tuple[int, float]]:
        for miner in self.miners.values():
            difficulty = miner.supplied_difficulty
            if miner.workers and difficulty != self._difficulty.get(miner.id):
                yield miner.id, difficulty

    def _work(self) -> Iterator[Work]:
        for miner in self.miners.values():
            tally = miner.tally
            if tally.shares or tally.unauthorised_work:
                miner.tally = Tally()
                yield Work(
                    miner.id,
                    tally.shares,
                    tally.work,
                    tally.work2,
                    tally.parked_work,
                    tally.unauthorised_work,
                )

    def _present(self, ids: Iterable[int]) -> Iterator[ParkableMiner]:
        return (self.miners[i] for i in ids if i in self.miners)
