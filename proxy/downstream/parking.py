"""Parking: which miners of a site are given no jobs, and what is reported of them."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Protocol

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from protocol.units import Seconds, WorkerName
from proxy.downstream.tally import Tally
from proxy.jobs.group import Group
from proxy.power.link.messages import MAX_ROWS, FailSafe, FleetReport, Joined, MinerWork
from proxy.power.machines.holds import NONE_HELD, Holds
from proxy.runtime.slices import Slices


class ParkableMiner(Protocol):
    """What parking needs of a miner."""

    id: int
    address: str
    workers: dict[WorkerName, None]
    is_allowed: bool
    is_granted: bool
    is_held_out: bool
    is_held_off: bool
    tally: Tally

    @property
    def group(self) -> Group | None:
        """Whom it shares its jobs with."""

    @property
    def supplied_difficulty(self) -> float:
        """What its shares are judged at; 0 while no source has work for it."""

    def park(self) -> None:
        """Give it no more work."""

    def grant(self) -> None:
        """Let it work."""

    def hold_out(self, *, is_out: bool) -> None:
        """Park it while there is no work, or end that."""

    def hold_off(self, *, is_off: bool) -> None:
        """Park it by hand, or end that."""

    def drop(self, why: str) -> None:
        """Hang up on it for a reason of ours."""


@define(eq=False, repr=False)
class Parking:
    """A site's miners, as its controller knows and commands them.

    Attributes:
        clock: Gives the turns in which many are parked or granted work.
        miners: By id: the roster's own.
        tally: What all shares of the site came to since the start.
        rejected: Shares refused of miners that were parked at that moment, by verdict:
            they go on with a job that nobody renews until their firmware stops.
        on_join: Called when a miner has said who it is.
        grants_at_once: Newcomers begin at work: no controller decides who works here.
        out: Groups whose miners are held out, as no source has work for them.
        returns_per_second: How many miners are given work again at most, once a
            source is back that none had; None: all at once.
        holds: What operators hold off by hand.
    """

    clock: IReactorTime
    miners: Mapping[int, ParkableMiner] = field(factory=dict)
    tally: Tally = field(factory=Tally)
    rejected: Counter[str] = field(factory=Counter, init=False)
    on_join: Callable[[], None] = lambda: None
    returns_per_second: float | None = None
    grants_at_once: bool = True
    out: set[Group] = field(factory=set, init=False)
    holds: Holds = field(default=NONE_HELD, init=False)
    _parked: set[int] = field(factory=set, init=False)
    _noted: dict[int, None] | None = field(default=None, init=False)
    _told: dict[int, bool] = field(factory=dict, init=False)
    _difficulty: dict[int, float] = field(factory=dict, init=False)
    _returning: dict[int, None] = field(factory=dict, init=False)
    _credit: float = field(default=0.0, init=False)
    _ordered: dict[int, bool] = field(factory=dict, init=False)
    _moving: Slices[ParkableMiner] = field(init=False)
    _holding: Slices[ParkableMiner] = field(init=False)
    _bringing: Slices[ParkableMiner] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._moving = Slices(self.clock, self._obey, "parking or granting work")
        self._holding = Slices(self.clock, self._look_again, "parking by hand")
        self._bringing = Slices(self.clock, self._let_in, "bringing back")

    def park(self, ids: Iterable[int]) -> None:
        """Give these miners no more jobs; those gone meanwhile are passed over.

        The first of them at once, the rest in the next turns, unless they are granted
        work before.
        """
        self._order(ids, is_granted=False)

    def grant(self, ids: Iterable[int]) -> None:
        """Let these miners work; those gone meanwhile are passed over: see `park`."""
        self._order(ids, is_granted=True)

    def hold_off(self, holds: Holds) -> None:
        """Park these machines by hand from now on, and no others.

        The first of the miners are looked at now, the rest in the next turns.
        """
        self.holds = holds
        self._holding.add(self.miners.values())

    def held_by(self, miner: ParkableMiner) -> str:
        """Return by what hold a miner is parked by hand; empty if it is not."""
        worker = next(iter(miner.workers), "")
        return self.holds.pattern_of(worker, miner.address)

    def look_at_hold(self, miner: ParkableMiner) -> None:
        """Park a miner that is held off by hand, and let go one that is no more."""
        is_off = self.holds.holds(next(iter(miner.workers), ""), miner.address)
        if miner.is_held_off is not is_off:
            miner.hold_off(is_off=is_off)

    def _look_again(self, miner: ParkableMiner) -> None:
        if miner.id in self.miners:
            self.look_at_hold(miner)

    def may_work(self, miner: ParkableMiner) -> bool:
        """Tell whether it was granted work last, done or not, source or not."""
        return self._ordered.get(miner.id, miner.is_allowed)

    def stop(self) -> None:
        """Park and grant nobody more."""
        self._moving.stop()
        self._holding.stop()
        self._bringing.stop()
        self._ordered.clear()

    def _order(self, ids: Iterable[int], *, is_granted: bool) -> None:
        present = list(self._present(ids))
        self._ordered.update((miner.id, is_granted) for miner in present)
        self._moving.add(present)

    def _obey(self, miner: ParkableMiner) -> None:
        """Do what was ordered last."""
        is_granted = self._ordered.pop(miner.id, miner.is_allowed)
        if miner.id not in self.miners:
            return
        if is_granted:
            miner.grant()
        else:
            miner.park()

    def bring_back(self, miner: ParkableMiner) -> None:
        """Give work again, in its turn, to a miner that there was none for."""
        if self.returns_per_second is None:
            miner.hold_out(is_out=False)
        else:
            self._returning[miner.id] = None

    def let_return(self, elapsed: Seconds) -> None:
        """Give work to as many returning miners as may begin in `elapsed`."""
        if not self._returning:
            self._credit = 0.0
            return
        due = list(islice(self._returning, self._due(elapsed)))
        for miner_id in due:
            del self._returning[miner_id]
        self._bringing.add(self._present(due))

    def _due(self, elapsed: Seconds) -> int:
        """Return how many may return in `elapsed`."""
        if self.returns_per_second is None:
            return len(self._returning)
        self._credit += self.returns_per_second * elapsed
        whole = int(self._credit)
        self._credit -= whole
        return whole

    def _let_in(self, miner: ParkableMiner) -> None:
        if miner.id in self.miners:
            miner.hold_out(is_out=miner.group in self.out)

    @property
    def parked(self) -> int:
        """How many miners are given no work."""
        return len(self._parked)

    def note_state(self, miner_id: int) -> None:
        """Take note that a miner has come or gone, or was parked or granted work."""
        miner = self.miners.get(miner_id)
        if miner is None or miner.is_granted:
            self._parked.discard(miner_id)
        else:
            self._parked.add(miner_id)
        self.note(miner_id)

    def note(self, miner_id: int) -> None:
        """Have a miner looked at for the next report: it may have changed, or gone."""
        if self._noted is not None:
            self._noted[miner_id] = None

    def end_reports(self) -> None:
        """Note nobody: there is no one to report to, until all are reported again."""
        self._noted = None

    def reports(self, site: str, *, is_whole: bool) -> Iterator[FleetReport]:
        """Yield what has changed since the last call, or everything.

        Only those are looked at of whom something was noted. Whoever takes the reports
        may go on with the next one later.
        """
        if is_whole or self._noted is None:
            self._noted = dict.fromkeys(self.miners)
        if is_whole:
            self._told, self._difficulty = {}, {}
            yield FleetReport(site, True, [], [], [], [])
        noted, self._noted = list(self._noted), {}
        for begin in range(0, len(noted), MAX_ROWS):
            report = FleetReport(site, False, [], [], [], [], [])
            for miner_id in noted[begin : begin + MAX_ROWS]:
                self._tell(miner_id, report)
            if any(_columns(report)):
                yield report

    def _tell(self, miner_id: int, report: FleetReport) -> None:
        """Add what there is to say of a miner."""
        miner = self.miners.get(miner_id)
        if miner is not None and miner.workers:
            self._tell_of(miner, report)
        elif miner is None and self._told.pop(miner_id, None) is not None:
            self._difficulty.pop(miner_id, None)
            report.left.append(miner_id)

    def _tell_of(self, miner: ParkableMiner, report: FleetReport) -> None:
        was_parked, is_parked = self._told.get(miner.id), not miner.is_granted
        self._told[miner.id] = is_parked
        if was_parked is None:
            worker = next(iter(miner.workers))
            report.joined.append(Joined(miner.id, worker, miner.address, is_parked))
        elif was_parked is not is_parked:
            report.parked.append((miner.id, is_parked))
        difficulty = miner.supplied_difficulty
        if difficulty != self._difficulty.get(miner.id):
            self._difficulty[miner.id] = difficulty
            report.difficulty.append((miner.id, difficulty))
        tally = miner.tally
        if not tally.is_empty:
            miner.tally = Tally()
            report.work.append(_work_of(miner.id, tally))

    def _present(self, ids: Iterable[int]) -> Iterator[ParkableMiner]:
        return (self.miners[i] for i in ids if i in self.miners)


def _work_of(miner_id: int, tally: Tally) -> MinerWork:
    return MinerWork(
        miner_id,
        tally.shares,
        tally.work,
        tally.work2,
        tally.parked_work,
        tally.unauthorised_work,
        tally.stale,
    )


def _columns(report: FleetReport) -> list[int]:
    """Return how many rows each column of a report has."""
    columns: tuple[list[Any], ...] = (
        *(report.joined, report.left, report.parked),
        *(report.work, report.difficulty),
    )
    return [len(column) for column in columns]


def is_full(message: FleetReport | FailSafe) -> bool:
    """Tell whether a message is as large as one may be: more of them may follow."""
    return isinstance(message, FleetReport) and max(_columns(message)) >= MAX_ROWS
