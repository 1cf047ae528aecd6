"""Which rows a chart asks for, and what they come to."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from proxy.history.columns import fold_column
from proxy.history.history import Series
from proxy.history.ring import TIERS, Tier

MAX_POINTS = 4000
"""Of one answer: as many as a wide screen has columns for; a wider step is taken."""

USUAL_POINTS = 1000
"""Where no step is asked for."""

NICE = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200)
"""Steps that are taken where none is asked for."""

MOST_STEP = 86_400
USUAL_S = 3600
DIGITS = 7
"""Of float32."""

Column = NDArray[np.float64]


@frozen
class Span:
    """Rows that are asked for.

    Attributes:
        since: Unix time of the first, a multiple of the step.
        step: Seconds of each.
        count: How many.
        tier: Whose rows they are made of.
    """

    since: int
    step: int
    count: int
    tier: Tier

    @property
    def until(self) -> int:
        """Where the last one ends, Unix time."""
        return self.since + self.step * self.count

    def times(self) -> list[int]:
        """Return the Unix time of each row's beginning."""
        return list(range(self.since, self.until, self.step))


def span_of(
    since: float | None, until: float | None, step: float | None, now: float
) -> Span:
    """Return what can be had of what is asked for, none of it a fault.

    It reaches back for no more than the coarsest ring, its step is one that a ring
    has for so long back, and it has `MAX_POINTS` rows at the most.

    Args:
        since: Unix time; None: an hour before `until`.
        until: Unix time; None: now. It is not after now.
        step: Seconds; None: such that there are about `USUAL_POINTS`.
        now: Unix time.
    """
    end = max(1.0, min(now, now if until is None else until))
    oldest = now - TIERS[-1].reach
    begin = min(end, max(oldest, end - USUAL_S if since is None else since, 0.0))
    length = max(1.0, end - begin)
    if step is None:
        wanted = next((s for s in NICE if length / s <= USUAL_POINTS), NICE[-1])
    else:
        wanted = min(MOST_STEP, max(1, math.ceil(step)))
    wanted = max(wanted, math.ceil(length / (MAX_POINTS - 1)))
    # a tier that reaches that far, at the least of the step that is wanted
    age = now - begin
    reaching = [t for t in TIERS if age <= t.reach] or [TIERS[-1]]
    tier = next((t for t in reversed(reaching) if t.step <= wanted), reaching[0])
    wide = math.ceil(wanted / tier.step) * tier.step
    first = int(begin // wide * wide)
    return Span(first, wide, max(1, math.ceil((end - first) / wide)), tier)


def columns_of(series: Series, span: Span) -> Iterator[tuple[str, Column]]:
    """Yield each column of a series by its name; NaN where nothing is known."""
    ring, many = series.ring(span.tier), span.step // span.tier.step
    places, is_known = ring.places(span.since, span.count * many)
    for number, (name, how) in enumerate(series.columns.folds.items()):
        values = ring.column(number, places, is_known)
        yield name, rounded(fold_column(values, many, how))


def one_column(series: Series, name: str, span: Span, before: int = 0) -> Column:
    """Return one column, and `before` rows of the time before it."""
    ring, many = series.ring(span.tier), span.step // span.tier.step
    number, how = series.columns.names.index(name), series.columns.folds[name]
    since, count = span.since - before * span.step, span.count + before
    places, is_known = ring.places(since, count * many)
    return fold_column(ring.column(number, places, is_known), many, how)


def error_of(accepted: Column, before: int) -> Column:
    """Return the relative standard deviation of a hashrate that shares prove.

    Shares are a Poisson process: 1/sqrt(n). NaN where there was none.

    Args:
        accepted: Shares of each row, `before` of them of the time before.
        before: Rows over which, beside its own, a hashrate was averaged.
    """
    sums = np.concatenate(([0.0], np.cumsum(np.nan_to_num(accepted))))
    count = sums[before + 1 :] - sums[: len(sums) - before - 1]
    return 1.0 / np.sqrt(np.where(count > 0, count, np.nan))


def rounded(values: Column) -> Column:
    """Return `values` without digits that a float32 has not."""
    largest = np.nanmax(np.abs(values), initial=0.0)
    if not largest > 0:
        return values
    return np.round(values, DIGITS - 1 - math.floor(math.log10(largest)))


def listed(values: Column | Sequence[Any]) -> list[Any]:
    """Return a column for JSON, in which NaN is null."""
    return values.tolist() if isinstance(values, np.ndarray) else list(values)
