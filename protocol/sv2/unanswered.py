"""Shares that a pool has not answered yet, by sequence number."""

from collections.abc import Iterator

from attrs import define, field

MAX_UNANSWERED = 65536
"""Beyond it the oldest are forgotten; a pool answers in batches, or never."""

_SEQUENCES = 1 << 32


@define
class Unanswered:
    """The shares of one channel, in the order that they were sent in."""

    _last: int = field(default=0, init=False)
    _waiting: dict[int, None] = field(factory=dict, init=False)

    def add(self) -> int:
        """Return the sequence number of one more share: 1, 2, ... 2**32 - 1, 0."""
        self._last = (self._last + 1) % _SEQUENCES
        if len(self._waiting) >= MAX_UNANSWERED:
            del self._waiting[next(iter(self._waiting))]
        self._waiting[self._last] = None
        return self._last

    def accepted(self, last: int) -> Iterator[int]:
        """Yield the shares up to number `last`: all are accepted.

        What was refused among them has been answered before.
        """
        while self._waiting:
            sequence = next(iter(self._waiting))
            if (last - sequence) % _SEQUENCES >= _SEQUENCES // 2:
                return
            del self._waiting[sequence]
            yield sequence

    def refused(self, sequence: int) -> bool:
        """Take note of an answer; return whether it was waited for."""
        if sequence not in self._waiting:
            return False
        del self._waiting[sequence]
        return True
