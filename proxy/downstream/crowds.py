"""Who has come with many others, from one address or on one connection."""

from collections.abc import Hashable
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Generic, TypeVar

from attrs import define, field

One = TypeVar("One", bound=Hashable)

CROWD = 16
"""So many together are none yet: a workshop behind one address, a small proxy."""


@define(eq=False, repr=False)
class Crowds(Generic[One]):
    """Members by what they have in common, and the largest such crowd.

    Finding it costs the logarithm of how many crowds there are, not their number.
    """

    _members: dict[Hashable, dict[One, None]] = field(factory=dict, init=False)
    _heap: list[tuple[int, int, Hashable]] = field(factory=list, init=False)
    _ties: "count[int]" = field(factory=count, init=False)

    def add(self, key: Hashable, one: One) -> None:
        """Count one in."""
        self._members.setdefault(key, {})[one] = None
        self._note(key)

    def remove(self, key: Hashable, one: One) -> None:
        """Count one out."""
        members = self._members.get(key, {})
        members.pop(one, None)
        if members:
            self._note(key)
        else:
            self._members.pop(key, None)

    def size(self, key: Hashable) -> int:
        """Return how many have `key`."""
        return len(self._members.get(key, ()))

    def oldest(self, key: Hashable) -> One:
        """Return who of those that have `key` was here first."""
        return next(iter(self._members[key]))

    def largest(self) -> Hashable | None:
        """Return the key that most have; None if it is few."""
        while self._heap:
            size, _, key = self._heap[0]
            if self.size(key) == -size:
                return key
            heappop(self._heap)  # it was so large, and is no more
        return None

    def _note(self, key: Hashable) -> None:
        size = self.size(key)
        if size <= CROWD:
            return
        heappush(self._heap, (-size, next(self._ties), key))
        if len(self._heap) > 2 * len(self._members) + CROWD:
            self._heap = [
                (-len(members), next(self._ties), one)
                for one, members in self._members.items()
                if len(members) > CROWD
            ]
            heapify(self._heap)
