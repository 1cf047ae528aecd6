"""When the intervals of an event are.

An interval without a period of its own begins where the one before ended, the first at
the event's start; without a duration of its own it has the event's. `randomizeStart`
puts off a start by a part of it that is the same each time for one end node and event,
and for all intervals of it, so that no gap opens between those that followed on.
An event's own `duration` ends it early; where it is longer, its intervals loop.
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import pairwise

from attrs import evolve, frozen

from protocol.openadr.moments import OPEN, Duration, parse_duration, parse_moment
from protocol.openadr.objects import Event, Interval, IntervalPeriod
from protocol.units import UnixTime

MAX_RANDOM_S = 86_400.0
"""The longest random start that is honoured: beyond a day it is a mistake of units."""


@frozen
class Placed:
    """An interval and when it is; `end` None: until it is cancelled."""

    start: UnixTime
    end: UnixTime | None
    interval: Interval
    delay_s: float = 0.0  # the range of its random start


def place(event: Event, node: str, created: UnixTime) -> list[Placed]:
    """Return the intervals of an event in time, in their order.

    Args:
        event: As it was read.
        node: Name of the end node, by which its random starts differ from others'.
        created: What `now` means in it.

    Raises:
        ValueError: When one is cannot be read; the message says which.
    """
    found = list(_in_order(event, created))
    return _closed(found, _delayed(found, _fraction(node, event.id)))


def ends(event: Event, placed: Sequence[Placed]) -> UnixTime | None:
    """Return when an event's own `duration` is over; None: it says none.

    Raises:
        ValueError: It is no duration.
    """
    if event.duration is None or not placed:
        return None
    return parse_duration(event.duration).after(min(one.start for one in placed))


def _in_order(event: Event, created: UnixTime) -> Iterator[Placed]:
    default = event.interval_period or IntervalPeriod()
    # None: not known, or never.
    at = None if default.start is None else _start(default.start, created)
    for number, interval in enumerate(event.intervals or ()):
        own = interval.interval_period or IntervalPeriod()
        start = at if own.start is None else _start(own.start, created)
        if start is None:
            raise ValueError(f"interval {number} has no start")
        at = _length(own.duration or default.duration).after(start)
        asked = own.randomize_start or default.randomize_start
        delay = 0.0 if asked is None else parse_duration(asked).about_s
        if delay > MAX_RANDOM_S:
            raise ValueError(f"interval {number} has a random start of {delay:g} s")
        yield Placed(start, at, interval, delay)


def _start(text: str, created: UnixTime) -> UnixTime:
    moment = parse_moment(text)
    return created if moment is None else moment


def _length(text: str | None) -> Duration:
    return OPEN if text is None else parse_duration(text)


def _fraction(node: str, event_id: str) -> float:
    """Return the part of a random start that an end node waits, below 1."""
    digest = sha256(f"{node}\0{event_id}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:6], "big") / 2.0**48


def _delayed(found: list[Placed], fraction: float) -> list[Placed]:
    return [
        evolve(
            one,
            start=UnixTime(one.start + fraction * one.delay_s),
            end=_later(one.end, fraction * one.delay_s),
        )
        for one in found
    ]


def _later(moment: UnixTime | None, by: float) -> UnixTime | None:
    return None if moment is None else UnixTime(moment + by)


def _closed(found: list[Placed], delayed: list[Placed]) -> list[Placed]:
    """Return the intervals, each until the next one that followed on it begins."""
    closed = list(delayed)
    for at, (one, following) in enumerate(pairwise(found)):
        end, begins = delayed[at].end, delayed[at + 1].start
        if one.end == following.start and end is not None and end < begins:
            closed[at] = evolve(delayed[at], end=begins)
    return closed
