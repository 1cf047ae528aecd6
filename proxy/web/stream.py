"""Server-sent events: each is made once and written to all who watch.

Spec: WHATWG HTML, section 9.2.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import define, field, frozen
from twisted.internet.interfaces import IPushProducer
from twisted.web.server import Request
from zope.interface import implementer

from protocol.units import Seconds
from proxy.web.answers import SSE, Answer, ProblemError
from proxy.web.asked import Asked

MAX_VIEWERS = 64
MAX_OF_ADDRESS = 32
"""Of these from one address: who opens tabs without end leaves room for others. A
trusted proxy has many browsers behind its own. Who may steer takes the place of one who
may not."""

MAX_UNSENT_BYTES = 262_144
"""Kept for a viewer that does not read; beyond it the viewer is dropped."""

QUIET = Seconds(15.0)
"""After so long without an event a comment is sent: balancers drop silent lines."""

HEADERS: Mapping[str, str] = {
    "cache-control": "no-store",
    "x-accel-buffering": "no",
}
GREETING = b"retry: 2000\n\n"
COMMENT = b": still here\n\n"


@frozen
class StreamAnswer(Answer):
    """What opens a stream.

    Attributes:
        names: Of the events that it is of.
        address: Of who watches.
        may_steer: Who watches has a session.
    """

    names: frozenset[str] = frozenset()
    address: str = ""
    may_steer: bool = False


def event_of(name: str, data: bytes, number: float) -> bytes:
    """Return one event; `data` is JSON, and so one line."""
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (int(number), name.encode(), data)


@implementer(IPushProducer)
class Viewer:
    """One who watches.

    Args:
        request: What it asked.
        answer: What is sent first, and of what events it is.
        left: Called when it is gone.
        seconds: The clock.
    """

    def __init__(
        self,
        request: Request,
        answer: StreamAnswer,
        left: Callable[["Viewer"], None],
        seconds: Callable[[], float],
    ) -> None:
        self.wants = answer.names.__contains__
        self.address = answer.address
        self.may_steer = answer.may_steer
        self._request = request
        self._left = left
        self._unsent: deque[bytes] = deque()
        self._size = 0
        self._is_paused = False
        self._is_gone = False
        self.sent_at = seconds()
        self._seconds = seconds
        _ = request.notifyFinish().addBoth(self._gone)
        request.setHeader("content-type", SSE)
        request.registerProducer(self, True)
        self.send(GREETING + answer.body)

    def send(self, data: bytes) -> None:
        """Write `data`, or keep it while the way out is full."""
        if self._is_gone:
            return
        self.sent_at = self._seconds()
        if not self._is_paused:
            self._request.write(data)
            return
        self._unsent.append(data)
        self._size += len(data)
        if self._size > MAX_UNSENT_BYTES:
            self.hang_up()

    def hang_up(self) -> None:
        """End the connection at once."""
        channel: Any = self._request.channel
        self._gone(None)
        if channel is not None:
            channel.transport.abortConnection()

    def pauseProducing(self) -> None:  # noqa: N802  (twisted's name)
        """Keep what comes: the way out is full."""
        self._is_paused = True

    def resumeProducing(self) -> None:  # noqa: N802
        """Write what was kept."""
        self._is_paused = False
        while self._unsent and not self._is_paused and not self._is_gone:
            data = self._unsent.popleft()
            self._size -= len(data)
            self._request.write(data)

    def stopProducing(self) -> None:  # noqa: N802
        """Take note that the connection is lost."""
        self._gone(None)

    def _gone(self, _: object) -> None:
        if not self._is_gone:
            self._is_gone = True
            self._unsent.clear()
            self._left(self)


@define(eq=False, repr=False)
class Streams:
    """Those who watch.

    Attributes:
        seconds: The clock.
        wake: Called when the first one comes.
        trusts: Tells whether an address is a proxy's that many come through.
        may_steer: Tells whether who asks has a session.
    """

    seconds: Callable[[], float]
    wake: Callable[[], None] = field(default=lambda: None)
    trusts: Callable[[str], bool] = field(default=lambda _: False)
    may_steer: Callable[[Asked], bool] = field(default=lambda _: False)
    viewers: dict[Viewer, None] = field(factory=dict, init=False)

    def __len__(self) -> int:
        return len(self.viewers)

    def admit(self, asked: Asked) -> None:
        """Refuse one more where there are as many as may be.

        Raises:
            ProblemError: There are, and nobody is to give way.
        """
        if self.may_steer(asked):
            if len(self.viewers) >= MAX_VIEWERS:
                self._send_away()
        else:
            same = sum(viewer.address == asked.address for viewer in self.viewers)
            if same >= MAX_OF_ADDRESS and not self.trusts(asked.address):
                raise _full(f"{MAX_OF_ADDRESS} viewers of this address")
        if len(self.viewers) >= MAX_VIEWERS:
            raise _full(f"{MAX_VIEWERS} viewers")

    def answer(
        self, names: Iterable[str], asked: Asked, first: bytes = b""
    ) -> StreamAnswer:
        """Return what opens a stream of some events that begins with `first`."""
        return StreamAnswer(
            first,
            SSE,
            headers=HEADERS,
            names=frozenset(names),
            address=asked.address,
            may_steer=self.may_steer(asked),
        )

    def open(self, request: Request, answer: StreamAnswer) -> None:
        """Send `request` events from now on, as `answer` says."""
        if request.method == b"HEAD":
            request.setHeader("content-type", SSE)
            request.finish()
            return
        viewer = Viewer(request, answer, self._left, self.seconds)
        self.viewers[viewer] = None
        self.wake()

    def send(self, name: str, data: bytes, number: float) -> None:
        """Send an event to all who want it; of `map:SITE` the name is `map`.

        Args:
            name: Of the event.
            data: JSON.
            number: Its id: Unix seconds, of an event of `EventLog` its own.
        """
        takers = self.takers(name.partition(":")[0])
        if not takers:
            return
        event = event_of(name, data, number)
        for viewer in takers:
            viewer.send(event)

    def takers(self, name: str) -> list[Viewer]:
        """Return who wants events of a name."""
        return [viewer for viewer in self.viewers if viewer.wants(name)]

    def tick(self) -> None:
        """Send a comment to those who were sent nothing else for long."""
        now = self.seconds()
        for viewer in [v for v in self.viewers if now - v.sent_at >= QUIET]:
            viewer.send(COMMENT)

    def close(self) -> None:
        """Hang up on all."""
        for viewer in list(self.viewers):
            viewer.hang_up()

    def _left(self, viewer: Viewer) -> None:
        self.viewers.pop(viewer, None)

    def _send_away(self) -> None:
        """Hang up on the first of those who may not steer, of who has most of them."""
        strangers = [viewer for viewer in self.viewers if not viewer.may_steer]
        if strangers:
            ((address, _),) = Counter(v.address for v in strangers).most_common(1)
            next(v for v in strangers if v.address == address).hang_up()


def _full(what: str) -> ProblemError:
    return ProblemError(503, f"{what} are watching: no more", {"retry-after": "10"})
