"""Take in what many peers send, a few messages of each in its turn.

The reactor reads every socket that has something before it comes to anything else, up
to 64 KiB of each: 500 shares, 20 ms of Python. Of 300 peers that send without end that
is 6 s in which nobody else is heard. So of each peer a few messages are taken at once.
The rest waits in a line that is worked off a little between two looks at the sockets,
and a peer that waits there is not read. Whoever sends now and then never waits in it,
unless very many do so in the same moment.
"""

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any, Protocol

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from protocol.units import Seconds

IN_A_ROW = 8
"""Messages of one peer that are taken in a row: 0.3 ms where they are shares."""

IN_A_TURN = 128
"""Messages that are taken as they come in, in one turn of the reactor, and as many of
those that wait: 5 ms each where they are shares."""

AT_THE_END = 64
"""The same of a peer that is gone, while the turn has room: as many shares as may wait
of one that is read. Of a crowd that leaves at once, `IN_A_ROW` of each are taken."""

TURN_TIME = Seconds(0.005)
"""What either may take where messages are more than shares: handshakes, blocks."""

READ_AHEAD_BYTES = 4096
"""A peer of whom more than this waits is not read meanwhile."""

_log = Logger()


class Reader(Protocol):
    """Who takes what a peer sends."""

    def read(self, data: bytes) -> Iterator[object]:
        """Take what `data` completes, one message with each step."""

    def flush(self) -> None:
        """Send what is to be sent: the next message may have to wait."""

    def hang_up(self, why: str) -> None:
        """Close the connection for a reason of ours."""


@define(eq=False, repr=False)
class Inflow:
    """What one peer has sent, as far as it waits.

    Attributes:
        turns: When it is taken.
        reader: Who takes it.
        transport: Where it comes from: it can pause and resume.
    """

    turns: "Turns"
    reader: Reader
    transport: Any
    _waiting: deque[bytes] = field(factory=deque, init=False)
    _bytes_waiting: int = field(default=0, init=False)
    _messages: Iterator[object] | None = field(default=None, init=False)
    _is_paused: bool = field(default=False, init=False)
    _is_taking: bool = field(default=False, init=False)

    @property
    def is_empty(self) -> bool:
        """Nothing waits."""
        return not self._waiting

    def receive(self, data: bytes) -> None:
        """Take what came in, or some of it now and the rest later."""
        is_first = not self._waiting
        self._waiting.append(data)
        self._bytes_waiting += len(data)
        if is_first and not self._is_taking:
            self.turns.enter(self)
        if self._bytes_waiting > READ_AHEAD_BYTES and not self._is_paused:
            self._is_paused = True
            self.transport.pauseProducing()

    def end(self, most: int = AT_THE_END, least: int = IN_A_ROW) -> None:
        """Take some messages more, of a peer that is gone, and forget the rest.

        Args:
            most: So many while the turn has room for them.
            least: So many in any case.
        """
        self._is_paused = False  # there is nobody left to be read
        if self._waiting and not self._is_taking:
            self.turns.end(self, most, least)
        self.forget()

    def forget(self) -> None:
        """Take nothing more of what waits."""
        self._waiting.clear()
        self._bytes_waiting = 0
        self._messages = None
        self._is_paused = False

    def take(self, most: int) -> int:
        """Take so many messages at most; return how many it came to, at least 1."""
        taken = 0
        self._is_taking = True
        with _log.failuresHandled("dealing with what a peer sent") as op:
            while self._waiting and taken < most:
                taken += self._step(most - taken)
            self.reader.flush()
        self._is_taking = False
        if op.failed:
            self.forget()
            self.reader.hang_up("we failed at what it sent")
        if self._is_paused and not self._waiting:
            self._is_paused = False
            self.transport.resumeProducing()
        return max(taken, 1)

    def _step(self, most: int) -> int:
        """Take so many messages at most of the oldest bytes, and return how many."""
        messages = self._messages or self.reader.read(self._waiting[0])
        self._messages, taken = messages, 0
        for _ in islice(messages, most):
            taken += 1
            if self._messages is not messages:  # it has been forgotten meanwhile
                return taken
        if taken < most and self._messages is messages:  # these bytes have no more
            self._messages = None
            self._bytes_waiting -= len(self._waiting.popleft())
        return taken


@define(eq=False, repr=False)
class Turns:
    """Whose messages are taken when: one line for all whose reactor is the same.

    Attributes:
        in_a_row: Messages of one peer that are taken at once.
        time: What either part of a turn may take: see `TURN_TIME`.
    """

    clock: IReactorTime
    in_a_row: int = IN_A_ROW
    time: Seconds = TURN_TIME
    _line: deque[Inflow] = field(factory=deque, init=False)
    _next: IDelayedCall | None = field(default=None, init=False)
    _left: int = field(default=0, init=False)
    _spent: float = field(default=0.0, init=False)

    def enter(self, inflow: Inflow) -> None:
        """Take some of what has come in, and see to the rest later."""
        if self._next is None:
            self._begin()
        if self._left > 0 and self._spent <= self.time:
            self._take(inflow, self.in_a_row)
        if not inflow.is_empty:
            self._line.append(inflow)

    def end(self, inflow: Inflow, most: int, least: int) -> None:
        """Take the last of one, which count as those of others do: see `Inflow.end`."""
        if self._next is None:
            self._begin()
        has_room = self._left > 0 and self._spent <= self.time
        self._take(inflow, most if has_room else min(most, least))

    def _begin(self) -> None:
        """Begin a turn; it ends when the reactor comes to its calls."""
        self._left, self._spent = IN_A_TURN, 0.0
        self._next = self.clock.callLater(0, self._go_on)

    def _take(self, inflow: Inflow, most: int) -> None:
        """Take some messages of one, and count what they took of the turn."""
        began = self.clock.seconds()  # what else the reactor does is not theirs
        self._left -= inflow.take(most)
        self._spent += self.clock.seconds() - began

    def _go_on(self) -> None:
        """Take some messages of those who wait, in their order."""
        self._next = None
        self._left, self._spent = IN_A_TURN, 0.0
        while self._line and self._left > 0 and self._spent <= self.time:
            inflow = self._line.popleft()
            if not inflow.is_empty:  # else it was forgotten
                self._take(inflow, self.in_a_row)
            if not inflow.is_empty:
                self._line.append(inflow)
        if self._line:
            self._begin()
