"""Documents that were not taken, as events: 20 a minute, the rest is counted.

Each is told of once: it says the same however often somebody sends it again.
"""

from collections import OrderedDict
from typing import Any

from attrs import define, field
from twisted.logger import Logger

from protocol.units import Seconds
from proxy.power.ports import SignalListener

MAX_A_MINUTE = 20
"""Of those that a key had signed, and as many of those that none had: strangers do not
fill the log, nor keep what parties say out of it."""

MAX_TOLD = 1000
"""Documents that are known to have been told of: 40 a minute for 25 minutes. With more,
the one that was told of first may be told of again."""


@define(eq=False, repr=False)
class _Minute:
    """How many were written down in this minute, and kept back since the last."""

    number: int = field(default=-1, init=False)
    count: int = field(default=0, init=False)
    kept_back: int = field(default=0, init=False)

    def has_room(self, now: Seconds) -> bool:
        """Tell whether one more may be written down; count it."""
        minute = int(now // 60.0)
        if minute != self.number:
            self.number, self.count = minute, 0
        self.count += 1
        if self.count <= MAX_A_MINUTE:
            return True
        self.kept_back += 1
        return False


@define(eq=False, repr=False)
class DocumentLog:
    """Tells the event log of what was refused."""

    _log = Logger()

    _name: str
    _signed: _Minute = field(factory=_Minute, init=False)
    _unsigned: _Minute = field(factory=_Minute, init=False)
    _unread: int = field(default=0, init=False)
    _told: OrderedDict[tuple[str, bool], None] = field(factory=OrderedDict, init=False)

    def knows(self, name: str) -> bool:
        """Tell whether it was written down that a signed document was refused."""
        return (name, True) in self._told

    def unread(self, why: str) -> None:
        """Count what was no envelope; the next event says how many."""
        self._unread += 1
        self._log.debug("{name}: no envelope: {why}", name=self._name, why=why)

    def refused(
        self, listener: SignalListener, now: Seconds, why: str, body: dict[str, Any]
    ) -> None:
        """Write down that a document was refused.

        Args:
            listener: Of the event log.
            now: Of the monotonic clock.
            why: For people.
            body: With the document's `id`; its text where a key had signed it.
        """
        is_signed = "document" in body
        minute = self._signed if is_signed else self._unsigned
        # Of what nobody had signed that is told apart: it keeps nothing out of the log.
        told = (body["id"], is_signed)
        if told in self._told or self.knows(body["id"]):
            minute.kept_back += 1
            return
        if not minute.has_room(now):
            return
        self._told[told] = None
        if len(self._told) > MAX_TOLD:
            self._told.popitem(last=False)
        more, minute.kept_back = minute.kept_back, 0
        unread, self._unread = self._unread, 0
        said = {"verdict": "refused", **body, "not_listed": more, "unread": unread}
        listener.record("document", f"refused: {why}", said)
