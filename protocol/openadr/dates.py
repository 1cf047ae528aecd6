"""Whether an answer of a utility's server is a fresh word, by its `Date` header.

A cache, a proxy or whoever plays an old answer again shows an old date, as a server
whose clock is wrong does: what it says may only lower. Dates have whole seconds (RFC
9110, 5.6.7).
"""

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from enum import Enum

from attrs import define, field, frozen

from protocol.units import Seconds, UnixTime

WHOLE_SECOND = 1.0


class Timeliness(Enum):
    """What an answer may do."""

    FRESH = "fresh"
    FIRST = "first"  # it has no date: it renews, and may raise once another one came
    LATE = "late"  # it may lower, and renews nothing


@frozen
class Judged:
    """An answer judged.

    Attributes:
        skew_s: How far the server's clock is ahead of ours, at least; negative: behind;
            None: it says no time.
        why: What makes it late, for people.
    """

    timeliness: Timeliness
    skew_s: Seconds | None = None
    why: str = ""


@define
class DateJudge:
    """Judges answers in the order in which they come."""

    max_age_s: Seconds
    _newest: float = field(default=0.0, init=False)

    def judge(
        self,
        date: str | None,
        sent: UnixTime,
        heard: UnixTime,
        may_raise: Callable[[], bool],
    ) -> Judged:
        """Return what an answer may do.

        Args:
            date: Its header; None: it has none.
            sent: When it was asked for, by our clock.
            heard: When it was there.
            may_raise: Tells of an answer without a date whether it is one of several.
        """
        at = None if date is None else _unix(date)
        if at is None:
            is_known = may_raise()
            return Judged(Timeliness.FRESH if is_known else Timeliness.FIRST)
        # It was written between the two, or the clocks differ by at least that.
        skew = Seconds(max(0.0, at - heard) + min(0.0, at + WHOLE_SECOND - sent))
        if abs(skew) > self.max_age_s:
            why = f"its date is {_ahead(skew)} ours, more than {self.max_age_s:g} s"
            return Judged(Timeliness.LATE, skew, why)
        if at < self._newest:
            why = f"its date is {self._newest - at:.0f} s before that of another answer"
            return Judged(Timeliness.LATE, skew, why)
        self._newest = at
        return Judged(Timeliness.FRESH, skew)


def _unix(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date[:64])
        return moment.timestamp() if moment.tzinfo is not None else None
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _ahead(skew: Seconds) -> str:
    return f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'}"
