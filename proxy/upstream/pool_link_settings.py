"""What a link to a pool is told, whom it tells, and where it can stand."""

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING

from attrs import define, frozen
from twisted.internet.interfaces import IStreamClientEndpoint

from protocol.units import HashesPerSecond, Seconds
from proxy.runtime.inflow import Turns
from proxy.upstream.address import PoolAddress
from proxy.upstream.standing import Outcome

if TYPE_CHECKING:
    from proxy.upstream.pool_link import PoolLink


class LinkState(StrEnum):
    """Where a link stands."""

    CONNECTING = "connecting"
    WAITING = "waiting"
    READY = "ready"
    REFUSED = "refused"


@frozen
class LinkSettings:
    """What a link needs to know of its pool.

    Attributes:
        home: Where it is dialled.
        follows: It may send us to another host of its own domain.
        only_probes: Subscribe, to learn how much room there is, then hang up.
    """

    pool: str
    user: str
    home: PoolAddress
    follows: bool = False
    only_probes: bool = False


EndpointOf = Callable[[PoolAddress], IStreamClientEndpoint]


@define(eq=False, repr=False)
class LinkPorts:
    """Whom a link tells.

    Attributes:
        hashrate: Returns what its site has its miners hash; 0 while not known.
        learned: The pool has told how much room it leaves, or what may be rolled.
        new_session: Returns a number no session had, and takes down the link.
        work_arrived: Its feed has new work; the session it replaced, or 0.
        lost: Its work is gone, and the session it was of.
        settled: Token, verdict, reason of a forwarded share.
        answered: How long the pool took to judge a share.
        judged: What became of a share, where that says something of the pool.
        turns: When what the pool sends is taken.
    """

    hashrate: Callable[[], HashesPerSecond]
    learned: Callable[["PoolLink"], None]
    new_session: Callable[["PoolLink"], int]
    work_arrived: Callable[["PoolLink", int], None]
    lost: Callable[["PoolLink", int], None]
    settled: Callable[[int, str, str], None]
    answered: Callable[[Seconds], None]
    judged: Callable[[Outcome], None]
    turns: Turns
