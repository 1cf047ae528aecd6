"""Shares that a pool was sent on one link: the unanswered, and what they prove."""

from collections.abc import Iterator

import msgspec
from attrs import define, field

from protocol.units import Difficulty, HashesPerSecond, Seconds
from protocol.work.hashrate import HashrateMeter

MAX_PENDING = 4096
"""Beyond it the pool is not listening."""

FULL_TIMEOUT = Seconds(60.0)
"""How long a pool has that lets them pile up to `MAX_PENDING`."""

FEWEST_SHARES = 20
"""A hashrate by fewer is a guess: a fifth off, one time in three, at twenty."""


class Pending(msgspec.Struct):
    """A share that was sent and not answered yet.

    Attributes:
        token: The recorder's.
        since: When it was sent.
        difficulty: The pool's, of the job.
    """

    token: int
    since: Seconds
    difficulty: Difficulty


@define(eq=False, repr=False)
class SentShares:
    """Those of one link, the unanswered by the id of their submit, oldest first."""

    _meter: HashrateMeter
    _sent: int = field(default=0, init=False)
    _pending: dict[int, Pending] = field(factory=dict, init=False)

    @property
    def is_full(self) -> bool:
        """No more can be sent."""
        return len(self._pending) >= MAX_PENDING

    def waiting_since(self, now: Seconds) -> Seconds:
        """Return when the oldest was sent; `now` if none is unanswered."""
        return next((share.since for share in self._pending.values()), now)

    def hashrate(self, now: Seconds) -> HashesPerSecond:
        """Return what hashed them, over five minutes; 0 while too few tell."""
        if self._sent < FEWEST_SHARES:
            return HashesPerSecond(0.0)
        return self._meter.rates(now).m5

    def add(self, submit_id: int, share: Pending) -> None:
        """Remember what was sent."""
        self._pending[submit_id] = share
        self._sent += 1
        self._meter.add(share.difficulty, share.since)

    def answered(self, submit_id: int) -> Pending | None:
        """Forget and return the share of `submit_id`; None if there is none."""
        return self._pending.pop(submit_id, None)

    def overdue(self, now: Seconds, timeout: Seconds) -> Iterator[Pending]:
        """Forget and yield those that wait for longer than `timeout`."""
        if self.is_full:
            timeout = min(timeout, FULL_TIMEOUT)
        # A copy, since entries go while it runs; the first that is young ends it.
        for submit_id, share in list(self._pending.items()):
            if now - share.since < timeout:
                return
            del self._pending[submit_id]
            yield share

    def drain(self) -> list[Pending]:
        """Forget and return all that are unanswered."""
        shares = list(self._pending.values())
        self._pending.clear()
        return shares
