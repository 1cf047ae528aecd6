"""Moments as price files write them: with an offset, or by the clock on the wall."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from protocol.prices.curve import PriceError
from protocol.units import UnixTime

DAY = timedelta(days=1)


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone.

    Raises:
        PriceError: There is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError) as error:
        raise PriceError(f"No time zone is called {name!r}") from error


def instants(texts: Iterable[str], zone: ZoneInfo) -> list[UnixTime]:
    """Return the moments that texts mean, which follow each other.

    A time without an offset is by the clock of `zone`. In the hour that is repeated
    when summer ends, the second of two times that are said twice is the later one.

    Raises:
        PriceError: One is no time, is of an hour that is skipped, or does not follow.
    """
    found: list[UnixTime] = []
    for text in texts:
        at = _instant(text, zone, found[-1] if found else None)
        if found and at <= found[-1]:
            raise PriceError(f"time {text!r} does not follow the one before it")
        found.append(at)
    return found


def instant(text: str, zone: ZoneInfo) -> UnixTime:
    """Return the moment that a text means, the earlier one where it may be two.

    Raises:
        PriceError: As of `instants`.
    """
    return _instant(text, zone, None)


def _instant(text: str, zone: ZoneInfo, after: UnixTime | None) -> UnixTime:
    try:
        at = datetime.fromisoformat(text.strip())
        if at.tzinfo is not None:
            return UnixTime(at.timestamp())
        first, second = (at.replace(tzinfo=zone, fold=n).timestamp() for n in (0, 1))
    except (ValueError, OverflowError, OSError) as error:
        raise PriceError(f"time {text.strip()[:40]!r}: {error}") from error
    # By PEP 495 the second reading of an hour that is skipped is the earlier one.
    if second < first:
        raise PriceError(f"time {text.strip()!r} is skipped in {zone.key}")
    is_taken = after is not None and first <= after
    return UnixTime(second if is_taken else first)
