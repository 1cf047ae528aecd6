"""What a member holds: a grant counts from when it asked, and lapses by itself."""

from attrs import define, field, frozen

from protocol.units import Seconds
from proxy.power.allotment.rows import Grant, Times

MAX_SENT = 100
"""Polls whose time of sending is remembered: at one a second, ten lives of a grant."""


@frozen
class Held:
    """A grant that is held until `until`, by the member's clock."""

    number: int
    watts: int
    until: Seconds


@define
class Tenure:
    """One life of a member.

    Attributes:
        life: Drawn at its start; above all that it had.
        times: The cluster's.
        seq: Of the last poll.
        epoch: The highest that was read.
    """

    life: int
    times: Times
    seq: int = field(default=0, init=False)
    epoch: int = field(default=-1, init=False)
    _sent: dict[int, Seconds] = field(factory=dict, init=False)  # at most MAX_SENT
    _held: Held | None = field(default=None, init=False)

    def poll(self, now: Seconds) -> int:
        """Return the number of a poll that is sent at `now`."""
        self.seq += 1
        self._sent[self.seq] = now
        self._sent.pop(self.seq - MAX_SENT, None)
        return self.seq

    def held(self, now: Seconds) -> Held | None:
        """Return the grant that is held, None if none is or it has lapsed."""
        if self._held is not None and self._held.until <= now:
            self._held = None
        return self._held

    def take(self, grant: Grant, now: Seconds) -> bool:
        """Hold a grant that was read at `now`, if it is for us and not over.

        Returns whether it is held.
        """
        self.epoch = max(self.epoch, grant.epoch)
        sent = self._sent.get(grant.answers)
        if grant.life != self.life or sent is None:
            return False
        until = Seconds(sent + self.times.ttl)
        held = self.held(now)
        if until <= now or (held is not None and grant.number < held.number):
            return False
        self._held = Held(grant.number, grant.watts, until)
        return True

    def is_prompt(self, grant: Grant, now: Seconds) -> bool:
        """Tell whether a grant answers a poll of just now: it may renew a lease.

        The hall's lease is shorter than the grant by `Times.stale`, so that it never
        ends later, whenever the answer came.
        """
        sent = self._sent.get(grant.answers)
        return sent is not None and now - sent <= self.times.stale

    def hear(self, epoch: int) -> None:
        """Note who leads, as a grant says that is not taken."""
        self.epoch = max(self.epoch, epoch)

    def forget(self) -> None:
        """Hold nothing: what was taken could not be put in force."""
        self._held = None
