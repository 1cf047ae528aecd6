"""When a candidate may take over: the leader's beat has stood still for a lease."""

from attrs import define, field, frozen

from protocol.units import Seconds
from proxy.power.allotment.rows import NO_TIME, Times


@frozen
class Leader:
    """Who leads, and how often it has written since it began; holder "": nobody."""

    epoch: int
    beat: int
    holder: str


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
