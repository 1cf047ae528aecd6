"""What electricity costs from when to when, whoever said it."""

from bisect import bisect_right
from collections.abc import Iterable
from itertools import islice
from math import inf, isfinite

from attrs import frozen

from protocol.units import LAST, UnixTime

MAX_INTERVALS = 3000
"""Of one curve: quarter hours of a month."""

MAX_OVERLAPS = 20_000
"""Pieces that the edges of intervals cut all of them into: a quarter hour in an hour
that is said too makes one more. Milliseconds to sort out."""

MAX_PER_MWH = 100_000.0
"""Of one price, either way, in any currency: day-ahead auctions in Europe stop at 4,000
EUR/MWh, real time in Texas at 5,000 USD. More is a mistake of units."""


class PriceError(ValueError):
    """What was read is no price; the message says what was found and wanted."""


@frozen
class PriceInterval:
    """One price, for a stretch of time.

    Attributes:
        starts: Unix seconds.
        ends: Unix seconds, not in it; inf: it goes on.
        per_mwh: Price of a megawatt hour; negative: whoever draws is paid.
    """

    starts: UnixTime
    ends: UnixTime
    per_mwh: float


@frozen
class PriceCurve:
    """Prices that do not overlap, earliest first; made by `curve_of`.

    Attributes:
        currency: Its code, as `EUR`; empty: whoever said the prices did not say.
    """

    intervals: tuple[PriceInterval, ...] = ()
    currency: str = ""

    def at(self, moment: UnixTime) -> PriceInterval | None:
        """Return the interval that `moment` is in; None: nobody said its price."""
        before = bisect_right(self.intervals, moment, key=lambda one: one.starts)
        found = self.intervals[before - 1] if before else None
        return found if found is not None and moment < found.ends else None

    @property
    def ends(self) -> UnixTime | None:
        """Return until when something is known; None: nothing is."""
        return self.intervals[-1].ends if self.intervals else None


def curve_of(found: Iterable[PriceInterval], currency: str = "") -> PriceCurve:
    """Return prices as a curve.

    Where intervals overlap the shorter one counts, which says more of its time; of two
    as long the dearer one, which runs less.

    Raises:
        PriceError: One has no length or no number, or there are too many.
    """
    # No more than tell that there are too many: some are made as they are asked for.
    intervals = list(islice(found, MAX_INTERVALS + 1))
    if len(intervals) > MAX_INTERVALS:
        raise PriceError(f"more than {MAX_INTERVALS} prices")
    for one in intervals:
        _check(one)
    cuts = sorted({m for one in intervals for m in (one.starts, one.ends)})
    at = {moment: place for place, moment in enumerate(cuts)}
    spans = [(one, range(at[one.starts], at[one.ends])) for one in intervals]
    if sum(len(span) for _, span in spans) > MAX_OVERLAPS:
        raise PriceError(f"prices overlap more than {MAX_OVERLAPS} times")
    ranked = sorted(spans, key=lambda s: (s[0].ends - s[0].starts, -s[0].per_mwh))
    taken: dict[int, PriceInterval] = {}
    for one, span in ranked:
        for place in span:
            taken.setdefault(place, one)
    if len(taken) > MAX_INTERVALS:
        raise PriceError(f"{len(taken)} prices > {MAX_INTERVALS}, where they overlap")
    return PriceCurve(
        tuple(
            PriceInterval(cuts[place], cuts[place + 1], taken[place].per_mwh)
            for place in sorted(taken)
        ),
        currency,
    )


def updated(old: PriceCurve, new: PriceCurve, since: UnixTime) -> PriceCurve:
    """Return what is known after another document: it counts where both speak.

    A document that says nothing of a time takes nothing back, as one of tomorrow, or
    yesterday's that is still there. What ended before `since` is left out.

    Raises:
        PriceError: It is more than one curve may have.
    """
    kept = [one for one in old.intervals if one.ends > since]
    left = [one for one in kept if new.at(one.starts) is None]
    said = [one for one in new.intervals if one.ends > since]
    return curve_of([*left, *said], new.currency)


def _check(one: PriceInterval) -> None:
    if not one.starts < one.ends:
        raise PriceError(f"a price from {one.starts:.0f} to {one.ends:.0f}: no time")
    if LAST + 1 <= one.ends < inf:
        raise PriceError(f"a price until {one.ends:.0f}: Expected a year up to 9999")
    if not isfinite(one.per_mwh) or abs(one.per_mwh) > MAX_PER_MWH:
        raise PriceError(
            f"{one.per_mwh:g} a MWh: Expected at most {MAX_PER_MWH:g}, either way"
        )
