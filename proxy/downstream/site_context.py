"""What all miners of a site share: where jobs come from, where shares go."""

from collections.abc import Callable
from typing import Any

from attrs import Factory, define, field
from twisted.internet.interfaces import IReactorTime

from protocol.errors import RemoteError
from protocol.units import Difficulty, Seconds, UnixTime
from protocol.work.vardiff import VardiffPolicy
from proxy.downstream.batch import Batch
from proxy.downstream.parking import Parking
from proxy.downstream.proxies import KnownProxies
from proxy.jobs.board import JobBoard
from proxy.runtime.inflow import Turns


@define(eq=False, repr=False)
class SiteContext:
    """A site's surroundings, as one of its miners needs them.

    Attributes:
        start: Difficulty of a miner that says nothing.
        grants_at_once: No controller decides who works here.
        parking: What the site's parked miners do, and who is told.
        proxies: Clients of Stratum V1 that are known to be proxies.
        turns: When what miners send is taken, where Twisted holds the connection.
        drop: Hangs up on one of its miners; the site's factory sets it.
        proved: Called when a miner has had its first share accepted; likewise.
        offended: Called with the address and the fault of a miner that broke the
            protocol in what had to wait; likewise.
    """

    site: str
    board: JobBoard
    batch: Batch
    policy: VardiffPolicy
    start: Difficulty
    clock: IReactorTime
    wall_clock: Callable[[], UnixTime]
    grants_at_once: bool = True
    parking: Parking = Factory(lambda self: Parking(self.clock), takes_self=True)
    proxies: KnownProxies = field(factory=KnownProxies)
    turns: Turns = Factory(lambda self: Turns(self.clock), takes_self=True)
    drop: Callable[[Any, str], None] = lambda _miner, _why: None
    proved: Callable[[Any], None] = lambda _miner: None
    offended: Callable[[str, RemoteError], None] = lambda _address, _error: None

    def now(self) -> Seconds:
        """Return the time that durations are measured by."""
        return Seconds(self.clock.seconds())
