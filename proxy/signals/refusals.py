"""Words that were not taken, as events: each reason of each peer once a minute."""

from collections import OrderedDict
from typing import Any

from attrs import define, field

from protocol.units import Seconds
from proxy.power.ports import SignalListener

AGAIN_AFTER = Seconds(60.0)
MAX_REASONS = 64
"""Remembered; with more, the oldest is forgotten."""

MAX_A_MINUTE = 60
"""Events of one signal: strangers do not fill the log."""


@define
class Refusals:
    """Hands refusals on to the event log, and counts those that it keeps back."""

    _source: str
    _told: OrderedDict[tuple[str, str], Seconds] = field(
        factory=OrderedDict, init=False
    )
    _kept_back: int = field(default=0, init=False)
    _minute: int = field(default=-1, init=False)
    _count: int = field(default=0, init=False)

    def tell(
        self, listener: SignalListener, now: Seconds, peer: str, why: str, **body: Any
    ) -> None:
        """Say that a word of `peer` was refused."""
        at = self._told.get((peer, why))
        if (at is not None and now - at < AGAIN_AFTER) or self._is_flood(now):
            self._kept_back += 1
            return
        self._told[peer, why] = now
        self._told.move_to_end((peer, why))
        if len(self._told) > MAX_REASONS:
            self._told.popitem(last=False)
        more, self._kept_back = self._kept_back, 0
        listener.refused(self._source, why, {"peer": peer, "not_listed": more, **body})

    def _is_flood(self, now: Seconds) -> bool:
        minute = int(now // 60.0)
        if minute != self._minute:
            self._minute, self._count = minute, 0
        self._count += 1
        return self._count > MAX_A_MINUTE
