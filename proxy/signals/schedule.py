"""A schedule of budgets, as text and as stretches of time.

TOML, or CSV with the columns start, end, watts, reason:

    time_zone = "Europe/Berlin"        # of times without an offset [UTC]
    [[entries]]
    start = "2026-11-24T06:00"
    end = "2026-11-24T09:30"
    watts = 2_000_000
    reason = "maintenance of line 2"
    [[weekly]]
    days = ["mon", "tue"]              # [every day]
    start = "17:00"
    end = "20:00"                      # before start: on the next day
    watts = 1_500_000

A file without any stretch is refused, since a file that is being written, or was cut
off, looks like that. `entries = []` says that there is none; in CSV a row that has
ended does.

Where stretches overlap the lowest watts rule. An hour that a change of the clocks
skips or repeats is decided for the longer stretch.
"""

import csv
import io
import tomllib
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from attrs import frozen
from msgspec import Meta, Struct

from protocol.units import LAST, UnixTime, Watts
from protocol.unreadable import UNREADABLE

MAX_FILE_BYTES = 4_000_000
MAX_ENTRIES = 20_000
MAX_WATTS = 1e12

ScheduleWatts = Annotated[float, Meta(ge=0, le=MAX_WATTS)]
Text = Annotated[str, Meta(max_length=256)]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class ScheduleError(ValueError):
    """A schedule cannot be used; the message says where and why."""


class Entry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One stretch of time; times without an offset are of the schedule's zone."""

    start: datetime
    end: datetime
    watts: ScheduleWatts
    reason: Text = ""


class Weekly(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stretch of each week, by the clock on the wall."""

    start: time
    end: time
    watts: ScheduleWatts
    days: Annotated[tuple[Day, ...], Meta(min_length=1, max_length=7)] = DAYS
    reason: Text = ""


class Schedule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole file."""

    time_zone: Annotated[str, Meta(max_length=64)] = "UTC"
    entries: Annotated[tuple[Entry, ...], Meta(max_length=MAX_ENTRIES)] = ()
    weekly: Annotated[tuple[Weekly, ...], Meta(max_length=200)] = ()

    def __post_init__(self) -> None:
        """Refuse an unknown zone, and a stretch that ends before it begins."""
        zone = _zone(self.time_zone)
        for at, entry in enumerate(self.entries):
            if not _first(entry.start, zone) < _last(entry.end, zone):
                raise ValueError(f"end is not after start - at `$.entries[{at}]`")
        for at, weekly in enumerate(self.weekly):
            if (weekly.start.tzinfo is None) is not (weekly.end.tzinfo is None):
                raise ValueError(
                    "start and end have both an offset or neither -"
                    f" at `$.weekly[{at}]`"
                )
            if weekly.start == weekly.end:
                raise ValueError(f"end is start - at `$.weekly[{at}]`")


@frozen
class Stretch:
    """A stretch of time and the watts that hold in it."""

    start: UnixTime
    end: UnixTime
    watts: Watts
    reason: str = ""


def parse_schedule(data: bytes, *, is_csv: bool, time_zone: str) -> Schedule:
    """Return the schedule in `data`.

    Args:
        data: The file.
        is_csv: It is CSV, else TOML.
        time_zone: Of a CSV file, which cannot name its own.

    Raises:
        ScheduleError: It is none.
    """
    if len(data) > MAX_FILE_BYTES:
        raise ScheduleError(f"longer than {MAX_FILE_BYTES} B")
    try:
        if is_csv:
            return _from_csv(data, time_zone)
        return _from_toml(data)
    except (*UNREADABLE, ValueError, csv.Error) as error:
        raise ScheduleError(str(error)) from error


def cut_short(data: bytes) -> str:
    """Return what tells that a file may be cut off, empty if nothing does.

    The start of a number is one as well: `watts = 15` may have been 1500000.
    """
    if not data or data.endswith((b"\n", b"\r")):
        return ""
    last = data.decode("utf-8", "replace").splitlines()[-1]
    return f"its last line has no end and may be cut short: {last:.100}"


def ends_at(schedule: Schedule) -> UnixTime | None:
    """Return when its last stretch ends; None: it has weekly ones, or none at all."""
    if schedule.weekly or not schedule.entries:
        return None
    zone = _zone(schedule.time_zone)
    return max(_last(entry.end, zone) for entry in schedule.entries)


def stretches(
    schedule: Schedule, since: UnixTime, until: UnixTime
) -> tuple[Stretch, ...]:
    """Return what rules from `since` to `until`, in order and without overlap."""
    found = [s for s in _all(schedule, since, until) if s.end > since]
    found = [s for s in found if s.start < until]
    # Between two neighbouring cuts no stretch begins or ends: one of them rules
    # throughout.
    cuts = sorted({since, until, *_ends(found, since, until)})
    whole: list[Stretch] = []
    begun = sorted(found, key=lambda s: s.start)
    active: list[Stretch] = []
    for start, end in pairwise(cuts):
        while begun and begun[0].start <= start:
            active.append(begun.pop(0))
        active = [s for s in active if s.end > start]
        if active:
            lowest = min(active, key=lambda s: s.watts)
            _append(whole, Stretch(start, end, lowest.watts, lowest.reason))
    return tuple(whole)


def _append(whole: list[Stretch], piece: Stretch) -> None:
    last = whole[-1] if whole else None
    if last is not None and (last.end, last.watts, last.reason) == (
        piece.start,
        piece.watts,
        piece.reason,
    ):
        whole[-1] = Stretch(last.start, piece.end, piece.watts, piece.reason)
        return
    whole.append(piece)


def _ends(
    found: Sequence[Stretch], since: UnixTime, until: UnixTime
) -> Iterator[UnixTime]:
    for stretch in found:
        for moment in (stretch.start, stretch.end):
            if since < moment < until:
                yield moment


def _all(schedule: Schedule, since: UnixTime, until: UnixTime) -> Iterator[Stretch]:
    zone = _zone(schedule.time_zone)
    for entry in schedule.entries:
        start, end = _first(entry.start, zone), _last(entry.end, zone)
        yield Stretch(start, end, Watts(entry.watts), entry.reason)
    if not schedule.weekly:
        return
    # From the day before: its stretch may reach past midnight.
    day = datetime.fromtimestamp(since, zone).date() - timedelta(days=1)
    last = datetime.fromtimestamp(until, zone).date()
    while day <= last:
        for weekly in schedule.weekly:
            if DAYS[day.weekday()] in weekly.days:
                yield _on(day, weekly, zone)
        day += timedelta(days=1)


def _on(day: date, weekly: Weekly, zone: ZoneInfo) -> Stretch:
    next_day = timedelta(days=1 if weekly.end <= weekly.start else 0)
    start = datetime.combine(day, weekly.start)
    end = datetime.combine(day + next_day, weekly.end)
    return Stretch(
        _first(start, zone), _last(end, zone), Watts(weekly.watts), weekly.reason
    )


def _first(moment: datetime, zone: ZoneInfo) -> UnixTime:
    """Return the earlier instant that a wall-clock time may mean."""
    return UnixTime(min(_instants(moment, zone)))


def _last(moment: datetime, zone: ZoneInfo) -> UnixTime:
    """Return the later instant that a wall-clock time may mean."""
    return UnixTime(max(_instants(moment, zone)))


def _instants(moment: datetime, zone: ZoneInfo) -> tuple[float, float]:
    if moment.tzinfo is not None:
        at = min(moment.timestamp(), LAST)
        return at, at
    # fold 0 and 1 are the two readings of an hour that is repeated or skipped (PEP
    # 495).
    both = [moment.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1)]
    # West of UTC the last day of year 9999 ends in a year that nothing can show.
    return min(both[0], LAST), min(both[1], LAST)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"No time zone is called {name!r}") from error


def _from_toml(data: bytes) -> Schedule:
    tables = tomllib.loads(data.decode("utf-8"))
    found = _schedule(tables)
    if not tables.keys() & {"entries", "weekly"}:
        raise ScheduleError("neither entries nor weekly in it (none: entries = [])")
    return found


def _from_csv(data: bytes, time_zone: str) -> Schedule:
    # Spreadsheets begin a file with a byte order mark.
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig")), strict=True))
    if not rows:
        raise ScheduleError("no row in it (none to come: keep one that has ended)")
    if len(rows) > MAX_ENTRIES:
        raise ScheduleError(f"{len(rows)} rows > {MAX_ENTRIES}")
    # DictReader puts surplus cells under the key None.
    if any(None in row for row in rows):
        raise ScheduleError("a row has more cells than there are columns")
    # An empty cell is a key that was left out.
    cells = [{k: v for k, v in row.items() if v} for row in rows]
    return _schedule({"time_zone": time_zone, "entries": cells}, strict=False)


def _schedule(tables: dict[str, Any], *, strict: bool = True) -> Schedule:
    """Return the schedule of decoded tables, whose times may be texts."""
    timed = dict(tables)
    for key, read in (("entries", datetime.fromisoformat), ("weekly", _time)):
        if isinstance(timed.get(key), list):
            timed[key] = [_with_times(row, read) for row in timed[key]]
    return msgspec.convert(
        timed, Schedule, strict=strict, builtin_types=(datetime, time)
    )


def _with_times(row: Any, read: Callable[[str], object]) -> Any:
    if not isinstance(row, dict):
        return row
    return {
        k: read(v) if k in {"start", "end"} and isinstance(v, str) else v
        for k, v in row.items()
    }


def _time(text: str) -> time:
    return time.fromisoformat(text)
