"""What all miners of a site share: where jobs come from, where shares go."""

from collections.abc import Callable
from typing import Any

from attrs import Factory, define, evolve, field
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
class Bounds:
    """The difficulty of a site, or of one of its listeners.

    Attributes:
        policy: How it follows the shares of a miner.
        start: Of a miner that says nothing.
    """

    policy: VardiffPolicy
    start: Difficulty


@define(eq=False, repr=False)
class SiteContext:
    """A site's surroundings, as one of its miners needs them.

    Attributes:
        bounds: The difficulty; all else a site's contexts have in common.
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
    bounds: Bounds
    clock: IReactorTime
    wall_clock: Callable[[], UnixTime]
    parking: Parking = Factory(lambda self: Parking(self.clock), takes_self=True)
    proxies: KnownProxies = field(factory=KnownProxies)
    turns: Turns = Factory(lambda self: Turns(self.clock), takes_self=True)
    drop: Callable[[Any, str], None] = lambda _miner, _why: None
    proved: Callable[[Any], None] = lambda _miner: None
    offended: Callable[[str, RemoteError], None] = lambda _address, _error: None

    @property
    def policy(self) -> VardiffPolicy:
        """How difficulty follows the shares of a miner."""
        return self.bounds.policy

    @property
    def start(self) -> Difficulty:
        """Difficulty of a miner that says nothing."""
        return self.bounds.start

    def with_bounds(self, bounds: Bounds) -> "SiteContext":
        """Return the same surroundings with a difficulty of its own."""
        return evolve(self, bounds=bounds)

    def now(self) -> Seconds:
        """Return the time that durations are measured by."""
        return Seconds(self.clock.seconds())
