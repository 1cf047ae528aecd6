"""What is measured: a class for each kind of scenario, and how it is shown."""

from collections.abc import Sequence
from statistics import median
from typing import Literal

import msgspec
from attrs import frozen


class ShareFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How shares fared; `sent` = accepted + rejected + unanswered.

    Attributes:
        cpu_us: Processor time of the server for each share.
        load_cpu_us: The same of the load.
        load_busy: Part of a core that the load used; near 1 it is the limit.
        skipped: Shares that the pace owed while a miner's window was full.
        refusals: Rejected shares by the code that the server named.
    """

    shares_per_s: float
    cpu_us: float | None
    p50_ms: float
    p99_ms: float
    load_cpu_us: float
    load_busy: float
    sent: int
    accepted: int
    rejected: int
    unanswered: int
    skipped: int
    refusals: dict[int, int]


class IdleFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How idle miners are held.

    Attributes:
        ramp_s: Until all had work; they come at 5,000 a second.
        rss_kib: Growth of the server's memory for each.
        held: Connections that were up in the end.
    """

    ramp_s: float
    rss_kib: float | None
    held: int
    dropped: int


class FanoutFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How a new job reaches all miners: from the first of them to the last.

    The kernel notes when it comes: miners in their thousands that share one processor
    read it later than they had it.

    Attributes:
        spread_ms: The median of the jobs.
        worst_ms: The longest.
    """

    spread_ms: float
    worst_ms: float
    jobs: int


class StormFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How miners that come all at once are served, and those who work meanwhile.

    Attributes:
        all_work_s: From the first connect until the last of them has work.
        p99_ms: Of replies to those who work, meanwhile.
        quiet_p99_ms: The same in the second before.
        answered: Their shares, meanwhile.
        skipped: Their shares that were due and not sent: a window was full.
    """

    all_work_s: float
    p99_ms: float
    quiet_p99_ms: float
    answered: int
    skipped: int


class SoakFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How a server fares in the long run.

    Attributes:
        growth: Part by which its memory grew, from warm-up to end.
        connects: Of miners, the first ones included.
        retargets: Difficulties that miners were told.
    """

    shares_per_s: float
    seconds: float
    shares: int
    rejected: int
    connects: int
    retargets: int
    rss_mib: float
    growth: float


Figures = ShareFigures | IdleFigures | FanoutFigures | StormFigures | SoakFigures


@frozen
class Column:
    """A figure that the table shows.

    Attributes:
        key: Attribute of the figures.
        form: Format of its number.
        fold: What becomes of the rounds; servers are compared by medians alone.
    """

    key: str
    title: str
    form: str
    fold: Literal["median", "state", "sum"] = "median"

    def of(self, rounds: Sequence[Figures]) -> float | None:
        """Return what stands for all rounds; None: it was not measured."""
        values = [self._value(figures) for figures in rounds]
        known = [value for value in values if value is not None]
        if not known or len(known) < len(values):
            return None
        return sum(known) if self.fold == "sum" else median(known)

    def ratio(self, ours: Sequence[Figures], theirs: Sequence[Figures]) -> float | None:
        """Return the median of the rounds' ratios: each shares its noise."""
        found = [
            a / b
            for a, b in zip(
                map(self._value, ours), map(self._value, theirs), strict=True
            )
            if a is not None and b
        ]
        if self.fold != "median" or not found or len(found) < len(ours):
            return None
        return median(found)

    def _value(self, figures: Figures) -> float | None:
        value: float | None = getattr(figures, self.key)
        return value


SHARE_COLUMNS = (
    Column("shares_per_s", "shares/s", ",.0f"),
    Column("cpu_us", "CPU us/share", ".2f"),
    Column("p50_ms", "p50 ms", ".2f"),
    Column("p99_ms", "p99 ms", ".2f"),
    Column("load_busy", "load busy", ".0%", "state"),
    Column("accepted", "accepted", ",.0f", "sum"),
    Column("rejected", "rejected", ",.0f", "sum"),
    Column("unanswered", "unanswered", ",.0f", "sum"),
)

IDLE_COLUMNS = (
    Column("ramp_s", "all work in s", ".2f"),
    Column("rss_kib", "KiB/miner", ".2f"),
    Column("held", "held", ",.0f", "state"),
    Column("dropped", "dropped", ",.0f", "sum"),
)

FANOUT_COLUMNS = (
    Column("spread_ms", "spread ms", ".1f"),
    Column("worst_ms", "worst ms", ".1f"),
    Column("jobs", "jobs", ",.0f", "sum"),
)

STORM_COLUMNS = (
    Column("all_work_s", "all work in s", ".2f"),
    Column("p99_ms", "p99 ms meanwhile", ".2f"),
    Column("quiet_p99_ms", "before", ".2f", "state"),
    Column("answered", "answered", ",.0f", "sum"),
    Column("skipped", "skipped", ",.0f", "sum"),
)

SOAK_COLUMNS = (
    Column("shares_per_s", "shares/s", ",.0f"),
    Column("shares", "shares", ",.0f", "sum"),
    Column("rejected", "rejected", ",.0f", "sum"),
    Column("connects", "connects", ",.0f", "sum"),
    Column("retargets", "retargets", ",.0f", "sum"),
    Column("rss_mib", "RSS MiB", ",.1f", "state"),
    Column("growth", "growth", ".2%", "state"),
)
