"""Who came and had no share accepted yet: where room is short, one of them makes it.

A connection or a channel costs a stranger nothing, an accepted share costs work. So
those that had one are never sent away for others, and those that had none cannot lock
others out: when a site is full, a newcomer takes the place of

1. one of the largest crowd, if that is larger than the one it comes with itself;
2. else the oldest that has had its time to show something.
"""

from collections.abc import Callable, Hashable
from itertools import islice
from typing import Generic, Protocol, TypeVar

from attrs import define, field

from protocol.units import Seconds
from proxy.downstream.crowds import CROWD, Crowds

PROVE_WITHIN = Seconds(60.0)
"""From then on one may be sent away for another: at 18 shares a minute it had many."""

NAME_WITHIN = Seconds(2.0)
"""The same of one that has not said who it is: firmware does at once."""

MAX_LOOKED_AT = 64
"""Of the oldest, and of those that turn out to have had a share, at a time."""


class Newcomer(Hashable, Protocol):
    """A miner, or a connection that may have many."""

    @property
    def address(self) -> str:
        """Where it comes from."""

    @property
    def connected_at(self) -> Seconds:
        """When it came."""

    @property
    def accepted(self) -> int:
        """How many shares of it were, as far as is known."""

    @property
    def is_granted(self) -> bool:
        """It may show something: it is not parked."""

    @property
    def is_known(self) -> bool:
        """It has said who it is."""

    def settle(self) -> None:
        """Take note of what was counted for it elsewhere."""


One = TypeVar("One", bound=Newcomer)


@define(eq=False, repr=False)
class Newcomers(Generic[One]):
    """Those of a site without an accepted share.

    Attributes:
        drop: Hangs up on one.
    """

    drop: Callable[[One, str], None]
    _connections: dict[One, Hashable | None] = field(factory=dict, init=False)
    _by_connection: Crowds[One] = field(factory=Crowds, init=False)
    _by_address: Crowds[One] = field(factory=Crowds, init=False)

    def add(self, one: One, connection: Hashable | None = None) -> None:
        """Count in one that has just come.

        Args:
            one: Who.
            connection: It may have in common with others; None: it is its own.
        """
        self._connections[one] = connection
        self._by_address.add(one.address, one)
        if connection is not None:
            self._by_connection.add(connection, one)

    def remove(self, one: One) -> None:
        """Count one out: it is gone, or it had a share accepted."""
        if one not in self._connections:
            return
        connection = self._connections.pop(one)
        self._by_address.remove(one.address, one)
        if connection is not None:
            self._by_connection.remove(connection, one)

    def on(self, connection: Hashable) -> int:
        """Return how many are on one connection."""
        return self._by_connection.size(connection)

    def make_room(
        self, address: str, connection: Hashable | None, now: Seconds
    ) -> bool:
        """Send one away for another that comes; return whether there was one.

        Args:
            address: Where the other comes from.
            connection: It has in common with others; None: it is its own.
            now: As durations are measured.
        """
        for _ in range(MAX_LOOKED_AT):
            one = self._of_a_crowd(address, connection) or self._overdue(now)
            if one is None:
                return False
            # Out in any case: one that had a share meanwhile is no newcomer any more.
            self.remove(one)
            one.settle()  # a share may have been accepted within the last second
            if not one.accepted:
                self.drop(one, "no share yet: made room for another")
                return True
        return False

    def _of_a_crowd(self, address: str, connection: Hashable | None) -> One | None:
        """Return the first of the largest crowd that is larger than one's own."""
        found: list[tuple[int, One]] = []
        for crowds, own in (
            (self._by_connection, connection),
            (self._by_address, address),
        ):
            key = crowds.largest()
            # By more than a few: two crowds of one size must not drive each other out.
            if key is not None and crowds.size(key) > crowds.size(own) + CROWD:
                found.append((crowds.size(key), crowds.oldest(key)))
        return max(found, key=lambda pair: pair[0])[1] if found else None

    def _overdue(self, now: Seconds) -> One | None:
        """Return the oldest that has had its time; what is ours is not its fault."""
        # In the order they came: behind these all are younger.
        for one in islice(self._connections, MAX_LOOKED_AT):
            patience = PROVE_WITHIN if one.is_known else NAME_WITHIN
            if one.is_granted and now - one.connected_at >= patience:
                return one
        return None
