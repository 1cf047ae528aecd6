"""Shares that a pool was sent and has not answered yet."""

from collections.abc import Iterator

import msgspec
from attrs import define, field

from protocol.units import Difficulty, Seconds

MAX_PENDING = 4096
"""Beyond it the pool is not listening."""

FULL_TIMEOUT = Seconds(60.0)
"""How long a pool has that lets them pile up to `MAX_PENDING`."""


class Pending(msgspec.Struct):
    """A share that was sent.

    Attributes:
        token: The recorder's.
        since: When it was sent.
        difficulty: The pool's, of the job.
    """

    token: int
    since: Seconds
    difficulty: Difficulty


@define(eq=False, repr=False)
class PendingShares:
    """Those of one connection, by the id of their submit, oldest first."""

    _shares: dict[int, Pending] = field(factory=dict, init=False)

    @property
    def is_full(self) -> bool:
        """No more can be sent."""
        return len(self._shares) >= MAX_PENDING

    def since(self, now: Seconds) -> Seconds:
        """Return when the oldest was sent; `now` if there is none."""
        return next((share.since for share in self._shares.values()), now)

    def add(self, submit_id: int, share: Pending) -> None:
        """Remember what was sent."""
        self._shares[submit_id] = share

    def answered(self, submit_id: int) -> Pending | None:
        """Forget and return the share of `submit_id`; None if there is none."""
        return self._shares.pop(submit_id, None)

    def overdue(self, now: Seconds, timeout: Seconds) -> Iterator[Pending]:
        """Forget and yield those that wait for longer than `timeout`."""
        if self.is_full:
            timeout = min(timeout, FULL_TIMEOUT)
        for submit_id, share in list(self._shares.items()):
            if now - share.since < timeout:
                return
            del self._shares[submit_id]
            yield share

    def drain(self) -> list[Pending]:
        """Forget and return all."""
        shares = list(self._shares.values())
        self._shares.clear()
        return shares
