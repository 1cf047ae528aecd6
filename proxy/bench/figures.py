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


Figures = ShareFigures


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
