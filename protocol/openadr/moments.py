"""Moments and durations as OpenADR writes them (RFC 3339, ISO 8601).

A start of `0001-01-01` or `0000-00-00` means now, a duration of `P9999Y` or `PT0S` no
end (OpenADR 3.1, definition of intervalPeriod).
"""

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta

from attrs import frozen

from protocol.units import UnixTime

_NOW = ("0001-01-01", "0000-00-00")

_DURATION = re.compile(
    r"P(?:([0-9]{1,9})Y)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9})W)?(?:([0-9]{1,9})D)?"
    r"(?:T(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9}(?:\.[0-9]{1,9})?)S)?)?"
)

_MONTH = 30 * 86400.0
"""Of a duration that begins nowhere, as the range of a random start is."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@frozen
class Duration:
    """A time span: months as the calendar has them, and seconds."""

    months: int = 0
    seconds: float = 0.0

    @property
    def is_open(self) -> bool:
        """It means that there is no end."""
        return not self.months and not self.seconds

    @property
    def about_s(self) -> float:
        """Seconds, a month taken as 30 days."""
        return self.months * _MONTH + self.seconds

    def after(self, moment: UnixTime) -> UnixTime | None:
        """Return when it is over if it begins at `moment`; None: never."""
        if self.is_open:
            return None
        try:
            begins = _EPOCH + timedelta(seconds=moment)
            ends = _plus_months(begins, self.months) + timedelta(seconds=self.seconds)
        except (OverflowError, ValueError):  # beyond the year 9999
            return None
        return UnixTime((ends - _EPOCH).total_seconds())


OPEN = Duration()


def parse_duration(text: str) -> Duration:
    """Return the duration in `text`, as `PT15M` or `P0Y0M0DT0H15M0S`.

    Raises:
        ValueError: It is none.
    """
    found = _DURATION.fullmatch(text)
    if found is None or text[-1] in "PT":
        raise ValueError(f"{text[:40]!r} is no duration, as PT15M")
    years, months, weeks, days, hours, minutes, seconds = (
        float(part or 0) for part in found.groups()
    )
    days += 7 * weeks
    return Duration(
        int(years * 12 + months),
        ((days * 24 + hours) * 60 + minutes) * 60 + seconds,
    )


def parse_moment(text: str) -> UnixTime | None:
    """Return the moment in `text`; None: now.

    Raises:
        ValueError: It is none, or says no offset from UTC.
    """
    if text.startswith(_NOW):
        return None
    moment = datetime.fromisoformat(text[:40])
    if moment.tzinfo is None:
        raise ValueError(f"{text[:40]!r} has no offset from UTC")
    return UnixTime((moment - _EPOCH).total_seconds())


def written_moment(moment: UnixTime) -> str:
    """Return `moment` as OpenADR has it."""
    at = _EPOCH + timedelta(seconds=int(moment))
    return at.isoformat().replace("+00:00", "Z")


def _plus_months(moment: datetime, months: int) -> datetime:
    if not months:
        return moment
    years, month = divmod(moment.month - 1 + months, 12)
    year = moment.year + years
    day = min(moment.day, monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)
