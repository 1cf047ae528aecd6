"""When a candidate may take over: the leader's beat has stood still for a lease."""

from collections.abc import Iterable

from attrs import define, field, frozen

from protocol.units import Seconds
from proxy.power.allotment.rows import NO_TIME, Row, Times


@frozen
class Leader:
    """Who leads, and how often it has written since it began; holder "": nobody."""

    epoch: int
    beat: int
    holder: str


def next_epoch(old: Leader, rows: Iterable[Row]) -> int:
    """Return the epoch of who takes over: a failover may have taken leaders."""
    return 1 + max([old.epoch, *(row.epoch for row in rows)])


def is_outdated(epoch: int, rows: Iterable[Row]) -> bool:
    """Tell whether a member has read of a later leader, whom a failover took."""
    return any(row.epoch > epoch for row in rows)


@define
class Watch:
    """A candidate's look at the leader.

    Only time between two answered reads counts: a database that answers nobody
    unseats nobody.
    """

    times: Times
    _seen: Leader | None = field(default=None, init=False)
    _still_for: Seconds = field(default=NO_TIME, init=False)
    _read_at: Seconds | None = field(default=None, init=False)

    def read(self, leader: Leader, now: Seconds) -> bool:
        """Take in a read that was answered at `now`; return whether to take over."""
        since, self._read_at = self._read_at, now
        if leader != self._seen:
            self._seen, self._still_for = leader, NO_TIME
            return leader.holder == ""
        if since is not None:
            self._still_for = Seconds(self._still_for + now - since)
        return self._still_for >= self.times.lease

    def missed(self) -> None:
        """Note that a read got no answer in time."""
        self._read_at = None

    def again(self) -> None:
        """Wait a whole lease anew: we tried, or led and stepped down."""
        self._seen, self._still_for = None, Seconds(0.0)
