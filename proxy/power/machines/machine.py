"""Machines, and what is known of each."""

import math
from collections.abc import Iterable
from enum import Enum

from attrs import define, field, frozen

from protocol.units import Seconds, Watts
from proxy.power.machines.hashing import Hashing
from proxy.power.machines.kinds import FleetKind, Mode, Variant

ABSENT_AFTER = Seconds(135.0)
"""A machine without a connection has used up its last job by then."""

LONG_AGO = Seconds(-math.inf)


class Api(Enum):
    """What the device API of a machine is good for, by what it has shown."""

    OBEYS = "obeys"  # it is commanded through it
    DEFIES = "defies"  # its last command had no effect: parked, until one has
    READS = "reads"  # it has no command to stop: parked from the start


@define(eq=False, repr=False)
class Machine:
    """One machine, as far as the columns do not tell.

    Attributes:
        key: What it is known by, in events and in the database: its address; its
            address and worker where it has no device API of its own.
        row: Where it is in the columns.
        miners: Its connections, each with whether it is parked.
        gone_at: When its last connection went; None while it has one.
        is_new: No plan has decided yet whether it may work.
        is_held: An operator holds it off by hand.
        is_responsive: It did what it was told last; else it counts at full power.
        heard_at: When its device API last answered.
        power_w: What it said then that it draws; None: it does not say.
        temperature_c: Of its boards, as it said then; None: it does not say.
        limit_w: The power limit in force, as it said; None: it has none.
        is_asleep: As it said; None: it never did, or cannot be told.
        api: What its device API is good for.
        fault: What its last command met with; empty: it did as it was told.
        slept_at: When its API was last told to put it to sleep; None: it never was,
            or has been seen at work since.
        limits_from: Until then it is not limited: it would not be.
        parked_at: Since when it has been given no jobs; None: it is given some.
        found_w: The limit that it had when it was first read; None: it said none yet.
        identity: What it says that it is, whatever its address: its MAC; None: it has
            not said, or several say the same.
        top_w: The same where its owner had set it: its top; None: its model's watts.
        hashed_at: When a share of it was last seen.
        kept_debt_h: Its fairness debt as last written down.
        granted_at: Since when it has been given jobs that a source has work for.
        hashing: What its shares prove.
    """

    key: str
    address: str
    worker: str
    kind: FleetKind
    mode: Mode
    row: int
    miners: dict[int, bool] = field(factory=dict)
    gone_at: Seconds | None = None
    is_new: bool = False
    is_held: bool = False
    is_responsive: bool = True
    heard_at: Seconds = LONG_AGO
    power_w: Watts | None = None
    temperature_c: float | None = None
    limit_w: Watts | None = None
    is_asleep: bool | None = None
    api: Api = Api.OBEYS
    fault: str = ""
    slept_at: Seconds | None = None
    limits_from: Seconds = LONG_AGO
    parked_at: Seconds | None = None
    found_w: Watts | None = None
    identity: str | None = None
    top_w: Watts | None = None
    hashed_at: Seconds = LONG_AGO
    kept_debt_h: float = 0.0
    granted_at: Seconds = LONG_AGO
    hashing: Hashing = field(factory=Hashing)

    def restore(self, saved: "Saved") -> None:
        """Take in what a restart finds of it; one that was off sleeps by its API."""
        if self.has_api and not saved.is_running:
            self.mode, self.is_asleep = Mode.SWITCHED, True
        if saved.found_w is not None:
            self.found_w = Watts(saved.found_w)
            self.top_w = self.kind.owners_limit(self.found_w)
        self.identity, self.kept_debt_h = saved.identity, saved.debt_h

    @property
    def has_api(self) -> bool:
        """It is to be commanded through its device API."""
        return self.kind.has_api

    @property
    def has_jobs(self) -> bool:
        """A connection of it is given jobs."""
        return False in self.miners.values()

    @property
    def may_sleep(self) -> bool:
        """It was told to sleep, and nothing has shown since that it works."""
        return self.slept_at is not None

    @property
    def is_supplied(self) -> bool:
        """It is given jobs, and a source has work for it."""
        return self.hashing.difficulty > 0 and False in self.miners.values()

    @property
    def variant(self) -> Variant:
        """Its levels and timings now."""
        return self.kind.variant(self.mode, self.top_w)

    @property
    def top(self) -> int:
        """Its highest level."""
        return len(self.variant.points) - 1

    @property
    def seen_at(self) -> Seconds:
        """When it was last connected or reachable, if it is no longer connected."""
        gone_at = LONG_AGO if self.gone_at is None else self.gone_at
        return max(gone_at, self.heard_at)

    def is_absent(self, now: Seconds) -> bool:
        """It is neither connected nor reachable: it can be given nothing."""
        if self.miners or (self.has_api and now - self.heard_at < ABSENT_AFTER):
            return False
        return self.gone_at is not None and now - self.gone_at >= ABSENT_AFTER


def top_ratio(machines: Iterable[Machine]) -> float:
    """Return the largest top of a machine, as a part of its nameplate; 1 at least."""
    tops = (m.top_w / m.kind.full_w for m in machines if m.top_w is not None)
    return max(1.0, max(tops, default=1.0))


@frozen
class Saved:
    """A machine as a restart finds it.

    Attributes:
        changed_s: How long ago it was told to run, or not to.
        debt_h: Hours of full power that it had been curtailed.
        cycles: How often it had been switched in a day.
        found_w: The limit that it had when it was first read.
        identity: What it said that it is.
    """

    key: str
    address: str
    worker: str
    is_running: bool
    changed_s: float
    debt_h: float = 0.0
    cycles: float = 0.0
    found_w: float | None = None
    identity: str | None = None
