"""Open files: as many as the system lets us have, and some kept for the vital few."""

import resource
from collections.abc import Callable

from attrs import define, field

RESERVED = 64
"""Kept for the ledger, the log, ports, nodes and the link to the controller, which take
about 40 where there are two sites and two nodes, and for pools that come back."""

UNLIMITED = 1 << 30


def raise_limit() -> tuple[int, int]:
    """Raise the limit of open files as far as it goes; return it as it was and is.

    Most systems begin with 1024, for programs that use `select`; nothing of ours does.
    """
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    # The soft limit up to the hard one: that takes no privilege.
    if before != most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return before, most


def descriptor_limit() -> int:
    """Return how many files the process may have open."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


@define(eq=False, repr=False)
class Descriptors:
    """How many connections of miners there may be: what nobody else needs.

    Attributes:
        limit: Open files that the process may have.
        vital: Returns how many pools, nodes and operators hold, or will at once.
        each: That a miner's connection takes: 2 where a pool has one for each worker.
        holders: Return how many connections of miners there are, a site each.
        turned_away: Connections that were closed for want of one.
    """

    limit: int
    vital: Callable[[], int]
    each: int = 1
    holders: list[Callable[[], int]] = field(factory=list, init=False)
    turned_away: int = field(default=0, init=False)

    @property
    def held(self) -> int:
        """Connections of miners."""
        return sum(holder() for holder in self.holders)

    @property
    def most(self) -> int:
        """Connections of miners that there may be."""
        return max(0, self.limit - RESERVED - self.vital()) // self.each

    def has_room(self) -> bool:
        """Return whether one more connection of a miner may be taken."""
        return self.held < self.most
