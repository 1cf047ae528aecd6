"""Jobs on their way to the miners of a group: which, when, and in what order."""

from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from protocol.units import Seconds
from protocol.work.job import Work
from proxy.jobs.distributor import Distributor, Round
from proxy.jobs.group import Group
from proxy.jobs.live import LiveJob
from proxy.jobs.pace import BURST, URGENT_BURST
from proxy.jobs.ports import MinerPort
from proxy.jobs.schedule import REVISION_SPACING

SENDS_IN_A_TURN = 8
"""News that go out as they come: sites have a few sources. More at a time are those of
a pool with a connection for each worker, and each send costs what it does for 256."""


@define(eq=False, repr=False)
class Posting:
    """Makes the jobs of a site and hands them out.

    Attributes:
        on_job: Called with a group that has a new job.
        last_seq: Number of the newest job.
    """

    clock: IReactorTime
    on_job: Callable[[Group], None]
    last_seq: int = field(default=0, init=False)
    _distributor: Distributor = field(init=False)
    _ready: dict[Group, LiveJob] = field(factory=dict, init=False)
    _turn: IDelayedCall | None = field(default=None, init=False)
    _sends: int = field(default=0, init=False)
    _wanting: dict[Group, dict[MinerPort, None]] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._distributor = Distributor(self.clock)

    def take(self, group: Group, work: Work, now: Seconds, more: int = 0) -> None:
        """Post `work` of the group's source, unless it is what miners have.

        What comes too fast waits for a tick, which may post so many `more`: the
        newest is posted then.
        """
        is_urgent = group.is_urgent(work)
        burst = (URGENT_BURST if is_urgent else BURST) + more
        clean = work.clean or is_urgent or group.owes_clean
        # A pool may send again what is in force: our own refresh keeps firmware
        # content.
        if not clean and group.is_known(work):
            group.taken = work
        elif group.pace.lets(now, burst):
            self.post(group, work, now, clean=clean)
        else:
            # The next job must drop the old ones, though the work that asked for it is
            # skipped.
            group.owes_clean = clean

    def post(self, group: Group, work: Work, now: Seconds, *, clean: bool) -> None:
        """Make the next job of `work` for the miners of `group`: `send` gives it them.

        It is clean, too, while a clean one is on its way: some get this one instead.
        """
        clean = clean or self._is_cleaning(group)
        # Grows even if no job comes of it: a number may be left out, never used twice.
        self.last_seq += 1
        entry = group.post(work, self.last_seq, now, clean=clean)
        group.taken, group.owes_clean = work, False
        if entry is None:
            return  # better no job than one that was hashed before
        group.served_at = group.posted_at
        self._wanting.pop(group, None)  # they all get this one
        group.whole_seq = entry.job.seq
        self._ready[group] = entry
        self.on_job(group)

    def send(self) -> None:
        """Hand out all that was posted, as one: the biggest hashrates first.

        A group is 256 miners where a pool leaves little room, or a single one where
        each worker has its own connection, and one tip is for all. So the first news of
        a turn of the reactor go out at once; what comes beyond `SENDS_IN_A_TURN` goes
        out in the next turn, together.
        """
        if not self._ready:
            return
        if self._turn is None:
            self._sends, self._turn = 0, self.clock.callLater(0, self._begin_turn)
        if self._sends < SENDS_IN_A_TURN:
            self._sends += 1
            self._deliver()

    def stop(self) -> None:
        """Hand out nothing more."""
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def want(self, miner: MinerPort, group: Group) -> None:
        """Have `miner` be given a revision, shared by all who want one in a second."""
        self._wanting.setdefault(group, {})[miner] = None

    def is_wanted(self, group: Group) -> bool:
        """Tell whether somebody waits for a revision."""
        return group in self._wanting

    def want_no_more(self, miner: MinerPort, group: Group) -> None:
        """Forget a miner that is gone."""
        wanting = self._wanting.get(group, {})
        wanting.pop(miner, None)
        if not wanting:
            self._wanting.pop(group, None)

    def forget(self, group: Group) -> None:
        """Forget a group that is closed."""
        self._wanting.pop(group, None)
        self._ready.pop(group, None)

    def revise(self, group: Group) -> None:
        """Serve those who want a revision, if the last one is a second old."""
        if self._wanting.get(group):
            self.renew(group)

    def renew(self, group: Group) -> bool:
        """Make a revision, for newcomers and for those who want one.

        Returns:
            False if the last job is not a second old, or there can be none: it may
            stand on a block that is no tip any more.
        """
        current, now = group.current, self._now()
        # On an old block a revision would be work for nothing.
        if current is None or current.stale_at <= now:
            return False
        if now - group.posted_at < REVISION_SPACING:
            return False
        self.last_seq += 1
        clean = self._is_cleaning(group)  # as for `post`
        entry = group.post(current.job.work, self.last_seq, now, clean=clean)
        if entry is None:
            return False
        self.on_job(group)
        wanting = self._wanting.pop(group, {})
        self._distributor.send([Round(group, entry)], ((0, m) for m in wanting))
        return True

    def _begin_turn(self) -> None:
        self._turn = None
        self.send()

    def _deliver(self) -> None:
        ready, self._ready = self._ready, {}
        copies = next(iter(ready)).copies  # all of a site's are of one kind
        rest = copies.deliver(
            [(group.copies, one.line, group.members) for group, one in ready.items()]
        )
        rounds = [Round(group, one) for group, one in ready.items()]
        self._distributor.send(rounds, iter(rest))

    def _is_cleaning(self, group: Group) -> bool:
        """Tell whether some members have not had a job yet that ends all older ones."""
        waiting = self._ready.get(group)
        is_waiting = waiting is not None and waiting.job.clean
        return is_waiting or self._distributor.is_cleaning(group)

    def _now(self) -> Seconds:
        return Seconds(self.clock.seconds())
