"""What a link to a pool is told, and where it can stand."""

from collections.abc import Callable
from enum import StrEnum

from attrs import frozen
from twisted.internet.interfaces import IStreamClientEndpoint

from proxy.upstream.address import PoolAddress


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
