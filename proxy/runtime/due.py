"""What is to be looked at when: the next of many, without a look at all of them."""

from heapq import heappop, heappush
from itertools import count
from typing import Any, Generic, TypeVar

from attrs import define, field

T = TypeVar("T")


@define(eq=False, repr=False)
class DueList(Generic[T]):
    """Items, each with the time by which it is to be looked at.

    An item that is put off stays where it is and is looked at too early once, so
    each has one entry, and one more for each time that it was brought forward.
    """

    _times: dict[T, float] = field(factory=dict, init=False)
    _heap: list[tuple[float, int, T]] = field(factory=list, init=False)
    _numbers: Any = field(factory=count, init=False)

    def __len__(self) -> int:
        return len(self._times)

    def by(self, item: T, at: float) -> None:
        """Have `item` looked at by `at`: earlier if that was asked for before."""
        if at < self._times.get(item, float("inf")):
            self._times[item] = at
            # The number comes before the item, so that items of one time are never
            # compared.
            heappush(self._heap, (at, next(self._numbers), item))

    def drop(self, item: T) -> None:
        """Have `item` looked at no more."""
        self._times.pop(item, None)

    def is_due(self, now: float) -> bool:
        """Tell whether `take` would return something."""
        self._pass_over()
        return bool(self._heap) and self._heap[0][0] <= now

    def take(self, now: float, most: int) -> list[T]:
        """Return what is due, the longest overdue first, at most so many of them.

        They are on the list no more: put them back with `by`.
        """
        taken: list[T] = []
        while len(taken) < most and self.is_due(now):
            item = heappop(self._heap)[2]
            del self._times[item]
            taken.append(item)
        return taken

    def _pass_over(self) -> None:
        """Drop entries at the front that were brought forward, or dropped."""
        while self._heap:
            at, _, item = self._heap[0]
            # An item that was brought forward has an older entry, whose time is not its
            # own any more.
            if self._times.get(item) == at:
                return
            heappop(self._heap)
