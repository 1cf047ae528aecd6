"""Setpoint registers for people with a PLC: a heartbeat, a cap, an enable.

| register | what                                                               |
|----------|--------------------------------------------------------------------|
| 0        | heartbeat: any number that is not the last one says "I am there"   |
| 1, 2     | cap, int32, in the signal's units                                  |
| 3        | enable: 1 the cap holds, 0 it is released                          |
| 10 ..    | what is read back (`registers.read_backs`), int32 each             |
"""

from collections.abc import Sequence

from attrs import define, evolve, field

from protocol.setpoint.frames import ExceptionCode, RefusedError
from protocol.setpoint.points import Points
from protocol.setpoint.registers import (
    HALF,
    Change,
    Scale,
    Setpoint,
    as_int32,
    int32,
    read_backs,
    span_of,
    torn_by,
    written,
)
from protocol.units import Watts

HEARTBEAT, CAP, ENABLE, BACK = 0, 1, 3, 10

_WRITABLE = frozenset(range(ENABLE + 1))


@define
class SimpleMap:
    """A heartbeat has to change for what was said to count as said again."""

    scale: Scale
    _now: Change = field(init=False)
    _beat: int | None = field(default=None, init=False)  # None: none was written

    def __attrs_post_init__(self) -> None:
        self._now = Change((0,) * BACK)

    def restore(self, watts: Watts) -> None:
        """See `SetpointMap`."""
        words = (0, *as_int32(self.scale.count(watts)), 1, *(0,) * (BACK - ENABLE - 1))
        self._now = Change(words, is_spoken=True)

    def read(self, address: int, count: int, points: Points) -> tuple[int, ...]:
        """See `SetpointMap`."""
        words = (*self._now.words, *read_backs(points, self.scale))
        return span_of(words, 0, address, count)

    def write(self, address: int, values: Sequence[int]) -> Change:
        """See `SetpointMap`."""
        span = range(address, address + len(values))
        words = written(self._now.words, _WRITABLE, address, values)
        is_enabling, is_valued = ENABLE in span, CAP in span or CAP + 1 in span
        torn = torn_by(self._now.torn, (CAP,), span)
        # An enable is for what was written before it, not for a half beside it.
        torn = torn_by(frozenset(), (CAP,), span) if is_enabling else torn
        if words[ENABLE] not in {0, 1}:
            raise RefusedError(
                ExceptionCode.ILLEGAL_VALUE, f"enable {words[ENABLE]}, wanted 0 or 1"
            )
        if CAP not in torn:
            self.scale.watts(int32(words, CAP))
        change = Change(words, torn, is_spoken=self._now.is_spoken or is_enabling)
        if torn and is_valued:
            return evolve(change, doubt=HALF)
        if torn or not self._says(change, span):
            return change
        return evolve(change, said=self._said(words))

    def commit(self, change: Change) -> None:
        """See `SetpointMap`."""
        if change.words[HEARTBEAT] or self._beat is not None:
            self._beat = change.words[HEARTBEAT]
        self._now = change

    def _says(self, change: Change, span: range) -> bool:
        """Tell whether a write says something: news, or that its writer is there."""
        if not change.is_spoken:
            return False
        words, before = change.words, self._now
        if HEARTBEAT in span and self._beat not in {None, words[HEARTBEAT]}:
            return True
        is_new = words[CAP:] != before.words[CAP:] or bool(before.torn)
        # A value that is not enabled says nothing.
        is_heard = bool(words[ENABLE]) or ENABLE in span
        return is_heard and (is_new or not before.is_spoken)

    def _said(self, words: Sequence[int]) -> Setpoint:
        if not words[ENABLE]:
            return Setpoint(None)
        return Setpoint(self.scale.watts(int32(words, CAP)))
