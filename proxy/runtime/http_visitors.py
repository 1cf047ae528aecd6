"""Who is connected to a web site: strangers, and those who are none."""

import math
from collections import Counter
from typing import Protocol

from attrs import define, field, frozen
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from protocol.units import Seconds

BODY_WITHIN = Seconds(5.0)
"""8 KiB over the worst of lines."""

HEARD_WITHIN = Seconds(0.25)
"""From a connection until its headers are here as a rule, those of TLS in 50 ms of way
each time included."""

LOOK_EVERY = Seconds(0.05)
"""How often that is looked at, while there are such."""

MAX_UNHEARD = 256
"""Connections of the last `HEARD_WITHIN` beyond all places: a thousand come in a
second."""


@frozen
class HttpLimits:
    """What a site bears.

    Attributes:
        connections: In all.
        strangers: Connections of one neighbourhood (`protocol.hosts`) that ask
            nothing.
        headers_within: In all, however slowly they come.
        body_within: Likewise.
    """

    connections: int
    strangers: int
    headers_within: Seconds
    body_within: Seconds = BODY_WITHIN


class Visitor(Protocol):
    """A connection.

    Attributes:
        host: Whose: what one party has (`protocol.hosts.neighbourhood`).
    """

    host: str

    def hang_up(self) -> None:
        """End it at once."""


@define(eq=False, repr=False)
class Visitors:
    """Who is connected, strangers in the order in which they came or fell silent."""

    limits: HttpLimits
    clock: IReactorTime
    _strangers: dict[Visitor, float] = field(factory=dict, init=False)
    _read_until: float = field(default=-math.inf, init=False)
    _look: IDelayedCall | None = field(default=None, init=False)
    _known: set[Visitor] = field(factory=set, init=False)
    _addresses: Counter[str] = field(factory=Counter, init=False)  # of strangers

    def has_room(self, host: str) -> bool:
        """Tell whether one more may come from `host`, once old strangers have gone."""
        while (crowd := self._crowd(host)) is not None:
            oldest = next((c for c in self._strangers if c.host == crowd), None)
            if oldest is None:
                return False
            is_new = self._strangers[oldest] > self._read_until
            if is_new and len(self) < self.limits.connections + MAX_UNHEARD:
                return True
            # Before it is hung up on: its place is free now, and not when the kernel
            # says so.
            self._forget(oldest)
            oldest.hang_up()
        return True

    @property
    def is_crowded(self) -> bool:
        """Many have come of whom nothing was read yet."""
        return self._unheard >= MAX_UNHEARD // 2

    @property
    def _unheard(self) -> int:
        return sum(at > self._read_until for at in self._strangers.values())

    def __len__(self) -> int:
        return len(self._strangers) + len(self._known)

    def came(self, connection: Visitor) -> None:
        """Count in a stranger of whom nothing was read yet."""
        self._add(connection, self.clock.seconds())
        if self._look is None:
            self._look = self.clock.callLater(LOOK_EVERY, self._note_read)

    def known(self, connection: Visitor) -> None:
        """Take note that one is no stranger."""
        if self._forget(connection):
            self._known.add(connection)

    def heard(self, connection: Visitor) -> None:
        """Have a stranger be the last that came."""
        if self._forget(connection):
            self._add(connection, -math.inf)

    def silent(self, connection: Visitor) -> None:
        """Take note that one is a stranger again."""
        if connection in self._known:
            self._known.discard(connection)
            self._add(connection, -math.inf)

    def left(self, connection: Visitor) -> None:
        """Count one out."""
        self._forget(connection)
        self._known.discard(connection)

    def _note_read(self) -> None:
        """Take note until when whoever came has been read, if there was anything.

        In a call of the reactor's, which it makes once it has read all sockets: however
        long a turn takes, who came in it is not yet read.
        """
        self._read_until = self.clock.seconds() - HEARD_WITHIN
        self._look = None
        if self._unheard:
            self._look = self.clock.callLater(LOOK_EVERY, self._note_read)

    def _add(self, connection: Visitor, came_at: float) -> None:
        self._strangers[connection] = came_at
        self._addresses[connection.host] += 1

    def _crowd(self, host: str) -> str | None:
        """Return whose oldest stranger goes for one more of `host`; None: nobody's.

        "": there is no stranger.
        """
        # Its own oldest: an address that floods takes nothing from others.
        if self._addresses[host] >= self.limits.strangers:
            return host
        if len(self) < self.limits.connections:
            return None
        # Of the address that has most of them.
        return self._addresses.most_common(1)[0][0] if self._strangers else ""

    def _forget(self, connection: Visitor) -> bool:
        if connection not in self._strangers:
            return False
        del self._strangers[connection]
        self._addresses[connection.host] -= 1
        if not self._addresses[connection.host]:
            del self._addresses[connection.host]
        return True
