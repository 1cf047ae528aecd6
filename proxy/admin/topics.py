"""Hand news to those who subscribed, and never wait for one who does not read."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from attrs import define, field

from proxy.admin.rpc import notification_line

TOPICS = ("share", "job", "pool", "power", "block", "alarm", "action")

MAX_QUEUED = 256
"""Lines kept for a subscriber that does not read: the oldest go first."""


@define(eq=False, repr=False)
class Subscriber:
    """One who wants news.

    Attributes:
        write: Takes a line; called only while the way out is free.
        topics: Names from `TOPICS`.
        missed: Lines thrown away since the last that was written.
    """

    write: Callable[[bytes], None]
    topics: frozenset[str] = frozenset()
    missed: int = field(default=0, init=False)
    _is_blocked: bool = field(default=False, init=False)
    _queue: deque[bytes] = field(factory=deque, init=False)

    def send(self, line: bytes) -> None:
        """Write `line`, or keep it until `resume`."""
        if not self._is_blocked:
            self.write(line)
            return
        if len(self._queue) >= MAX_QUEUED:
            self._queue.popleft()
            self.missed += 1
        self._queue.append(line)

    def pause(self) -> None:
        """Keep lines from now on: the way out is full."""
        self._is_blocked = True

    def resume(self) -> None:
        """Write what was kept, after a word on what was not."""
        self._is_blocked = False
        if self.missed:
            self.write(notification_line("missed", {"lines": self.missed}))
            self.missed = 0
        while self._queue and not self._is_blocked:
            self.write(self._queue.popleft())


@define(eq=False, repr=False)
class Topics:
    """What happens, by topic, and who wants to know."""

    _subscribers: list[Subscriber] = field(factory=list, init=False)

    def publish(self, topic: str, value: Any) -> None:
        """Send `value`, which msgspec can encode, to the subscribers of `topic`."""
        takers = [s for s in self._subscribers if topic in s.topics]
        if not takers:
            return
        line = notification_line(topic, value)
        for taker in takers:
            taker.send(line)

    def is_wanted(self, topic: str) -> bool:
        """Tell whether anybody wants to know of `topic`."""
        return any(topic in s.topics for s in self._subscribers)

    def subscribe(self, subscriber: Subscriber, topics: Iterable[str]) -> None:
        """Send `subscriber` these topics, and no others, from now on."""
        self.forget(subscriber)
        subscriber.topics = frozenset(topics)
        self._subscribers.append(subscriber)

    def forget(self, subscriber: Subscriber) -> None:
        """Send `subscriber` nothing more."""
        if subscriber in self._subscribers:
            self._subscribers.remove(subscriber)
