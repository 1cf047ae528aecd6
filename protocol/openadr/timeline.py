"""One line of limits made of many: at each moment the one that rules.

The lowest rank rules (priority 0 is the highest; none is the lowest), of equals the
lowest limit. A limit of an emergency holds whatever rules beside it, if it is lower.
"""

import math
from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from itertools import pairwise

from attrs import evolve, frozen

from protocol.openadr.caps import EMERGENCY_RANK, Cap
from protocol.units import UnixTime, Watts


@frozen
class Span:
    """What a site may draw from `start` on, until `end`; None: until it is cancelled.

    Spans of a line do not overlap; where none is, nothing is said.
    """

    start: UnixTime
    end: UnixTime | None
    watts: Watts
    reason: str = ""

    def is_over(self, now: UnixTime) -> bool:
        """It has ended."""
        return self.end is not None and self.end <= now


def line_of(caps: Iterable[Cap]) -> tuple[Span, ...]:
    """Return the line that limits make.

    Takes n log n steps for n limits, and has at most 2 n spans.
    """
    waiting = sorted((c for c in caps if _end(c) > c.start), key=lambda c: c.start)
    moments = sorted({m for c in waiting for m in (float(c.start), _end(c))})
    ranked: list[tuple[float, float, int, Cap]] = []
    alerts: list[tuple[float, float, int, Cap]] = []
    spans: list[Span] = []
    at = 0
    for begins, over in pairwise(moments):
        while at < len(waiting) and waiting[at].start <= begins:
            cap = waiting[at]
            heap = alerts if cap.rank == EMERGENCY_RANK else ranked
            heappush(heap, (cap.rank, cap.watts, at, cap))
            at += 1
        tops = [cap for cap in (_top(ranked, begins), _top(alerts, begins)) if cap]
        if tops:
            cap = min(tops, key=lambda cap: cap.watts)
            end = None if over == math.inf else UnixTime(over)
            _append(spans, Span(UnixTime(begins), end, cap.watts, cap.reason))
    return tuple(spans)


def lowest(*lines: Sequence[Span]) -> tuple[Span, ...]:
    """Return the lower of some lines at each moment; where one is silent, the others.

    Of equals, the span that began first is kept.
    """
    return line_of(
        Cap(span.start, span.end, span.watts, 0.0, span.reason)
        for line in lines
        for span in line
    )


def cut(line: Sequence[Span], now: UnixTime) -> tuple[Span, ...]:
    """Return what of a line is not over."""
    return tuple(span for span in line if not span.is_over(now))


def _end(cap: Cap) -> float:
    return math.inf if cap.end is None else cap.end


def _top(heap: list[tuple[float, float, int, Cap]], now: float) -> Cap | None:
    while heap and _end(heap[0][3]) <= now:
        heappop(heap)
    return heap[0][3] if heap else None


def _append(spans: list[Span], span: Span) -> None:
    last = spans[-1] if spans else None
    same = last is not None and (last.end, last.watts, last.reason) == (
        span.start,
        span.watts,
        span.reason,
    )
    if last is not None and same:
        spans[-1] = evolve(last, end=span.end)
    else:
        spans.append(span)
