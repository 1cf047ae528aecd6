"""Look at all groups of a site now and then, to keep what they hold within bounds."""

import math

from attrs import define, field

from protocol.units import Seconds
from proxy.jobs.duplicates import MAX_KEYS, Duplicates
from proxy.jobs.groups import Groups

MAX_WORK_BYTES = 1 << 29
"""Coinbases and branches of live works, of all groups of a site; beyond it the oldest
retire early. It is 1.5 kB of each of 16 works of 20,000 groups. The source's copy, ours
and the engine's two for each thread make it 2 GiB at the most."""

CLEAR_UP_EVERY = Seconds(10.0)
"""A look at all groups. Slots that are needed sooner come free sooner, and 10 s of the
most shares that one core judges add 3 million keys."""


@define(eq=False, repr=False)
class ClearUp:
    """Retires jobs early where a site holds too much for them.

    Attributes:
        max_work_bytes: Beyond it works of its groups retire early.
    """

    groups: Groups
    duplicates: Duplicates
    max_work_bytes: int = MAX_WORK_BYTES
    _done_at: Seconds = field(default=Seconds(-math.inf), init=False)

    def look(self, now: Seconds) -> bool:
        """Retire what is too much, every `CLEAR_UP_EVERY`; return if it was time."""
        if now - self._done_at < CLEAR_UP_EVERY:
            return False
        self._done_at = now
        while self._holds_too_much():
            # One of each group in a round, so that no group pays for the others.
            oldest = [group.jobs.retire_oldest() for group in self.groups]
            if not any(oldest):
                break
            for group in self.groups:
                group.retire(now)
        return True

    def _holds_too_much(self) -> bool:
        works = sum(group.jobs.bytes_held for group in self.groups)
        return self.duplicates.keys_held > MAX_KEYS or works > self.max_work_bytes
