"""A month in a time zone, as hours since the epoch."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from attrs import frozen

from proxy.records.error import RecordsError


@frozen
class Day:
    """A day of a month: 24 hours, 23 or 25 where clocks change."""

    name: str
    first_hour: int
    end_hour: int


@frozen
class Month:
    """A month; `name` is YYYY-MM, `zone` what a time zone is called by."""

    name: str
    zone: str
    days: tuple[Day, ...]

    @classmethod
    def of(cls, name: str, zone: str = "UTC") -> "Month":
        """Return the month called `name`.

        Raises:
            RecordsError: There is none, or its days do not begin on the full hour.
        """
        try:
            first = datetime.strptime(name, "%Y-%m").replace(tzinfo=_zone(zone))
            days = tuple(_days(first))
        except (ValueError, OverflowError) as error:
            raise RecordsError(f"no month {name!r}: write 2026-10") from error
        return cls(first.strftime("%Y-%m"), zone, days)


def _zone(name: str) -> tzinfo:
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise RecordsError(f"no time zone {name!r}: write Europe/Oslo") from error


def _days(first: datetime) -> Iterator[Day]:
    day = first
    while day.month == first.month:
        after = day + timedelta(days=1)  # of the calendar: its zone's offset may change
        yield Day(day.strftime("%Y-%m-%d"), _hour(day), _hour(after))
        day = after


def _hour(moment: datetime) -> int:
    hour, rest = divmod(int(moment.timestamp()), 3600)
    if rest:
        raise RecordsError(
            f"days of {moment.tzinfo} do not begin on a full hour of UTC, by which sums"
            " are kept: state the month in UTC"
        )
    return hour
