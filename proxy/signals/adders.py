"""What is paid beside the price of electricity: grid fees and taxes, by the hour."""

from collections.abc import Sequence
from datetime import datetime, time
from zoneinfo import ZoneInfo

from attrs import frozen

from protocol.units import UnixTime

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@frozen
class Adder:
    """A fee for each MWh.

    Attributes:
        starts: From when of each day on, by the clock on the wall; None: all day.
        ends: Not in it; at or before `starts`: of the next day.
        days: On which days it begins; empty: on each.
    """

    per_mwh: float
    starts: time | None = None
    ends: time | None = None
    days: tuple[str, ...] = ()

    def holds_at(self, at: datetime) -> bool:
        """Tell whether it is paid at a time of the clock on the wall."""
        if self.starts is None or self.ends is None:
            return self._is_day(at.weekday())
        clock = at.time()
        if self.starts < self.ends:
            return self.starts <= clock < self.ends and self._is_day(at.weekday())
        # Over midnight: it began on the day before.
        if clock < self.ends:
            return self._is_day((at.weekday() - 1) % 7)
        return clock >= self.starts and self._is_day(at.weekday())

    def _is_day(self, weekday: int) -> bool:
        return not self.days or DAYS[weekday] in self.days


def adders_at(adders: Sequence[Adder], at: UnixTime, zone: ZoneInfo) -> float:
    """Return what is paid beside the price at a moment, for each MWh."""
    local = datetime.fromtimestamp(at, zone)
    return sum(one.per_mwh for one in adders if one.holds_at(local))
