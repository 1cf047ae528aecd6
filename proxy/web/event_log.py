"""The newest events of every kind that operators look at, kept in memory."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from attrs import define, field
from msgspec import Raw, Struct

from protocol.units import UnixTime
from proxy.admin.topics import Subscriber, Topics

MAX_EVENTS = 2000
MAX_EVENT_BYTES = 4096
"""Longer ones, as a reload of everything, are kept without their value."""

KINDS = ("pool", "power", "block", "alarm", "action")


class EventView(Struct):
    """One event.

    Attributes:
        id: Rises by one from the millisecond at which the process began: those of the
            next process are higher, so that nobody takes them for heard.
        at: Unix seconds.
        kind: One of `KINDS`: topics of the admin socket.
        value: As that socket tells it.
    """

    id: int
    at: float
    kind: str
    value: Raw


class _Notice(Struct):
    method: str
    params: Raw


_decode = msgspec.json.Decoder(_Notice).decode


@define(eq=False, repr=False)
class EventLog:
    """Hears all news but shares and jobs, and keeps the newest.

    Attributes:
        tell: Is given each event as it comes.
    """

    topics: Topics
    wall_clock: Callable[[], UnixTime]
    tell: Callable[[EventView], None] = field(default=lambda _: None)
    last: int = field(init=False)
    _events: deque[EventView] = field(
        factory=lambda: deque(maxlen=MAX_EVENTS), init=False
    )
    _subscriber: Subscriber = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.last = max(0, int(1000 * self.wall_clock()))
        self._subscriber = Subscriber(self._hear)
        self.topics.subscribe(self._subscriber, KINDS)

    def after(self, last: int, kind: str | None, most: int) -> list[EventView]:
        """Return the newest events after one, oldest first."""
        found = [*self._newest(last, kind, most)]
        return found[::-1]

    def _newest(self, last: int, kind: str | None, most: int) -> Iterator[EventView]:
        for event in reversed(self._events):
            if event.id <= last or most <= 0:
                return
            if kind in {None, event.kind}:
                most -= 1
                yield event

    def _hear(self, line: bytes) -> None:
        notice = _decode(line)
        if notice.method not in KINDS:
            return  # so many lines were missed
        value = bytes(notice.params)
        if len(value) > MAX_EVENT_BYTES:
            value = b'{"text":"too long to be kept: see the log"}'
        self.last += 1
        event = EventView(self.last, self.wall_clock(), notice.method, Raw(value))
        self._events.append(event)
        self.tell(event)


def as_cells(event: EventView) -> list[Any]:
    """Return an event as a row of a table."""
    return [event.id, event.at, event.kind, bytes(event.value).decode()]
