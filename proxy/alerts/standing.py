"""Alarms that stand: begun when a condition has held, over when it has not for long."""

from collections.abc import Iterable

from attrs import define, field
from msgspec.structs import replace

from protocol.units import Seconds, UnixTime
from proxy.alerts.alarm import Alarm, Condition, Key, alarm_of

CLEAR_AFTER = Seconds(60.0)
"""What has not been so for so long is over. Chosen: longer than the back-off of a pool
or a node, so that one which comes and goes is one alarm."""


@define(eq=False, repr=False)
class _Held:
    """One key's condition.

    Attributes:
        first_at: When it began to hold.
        last_at: When it last held.
        alarm: None until it has held for its time.
    """

    first_at: Seconds
    last_at: Seconds
    alarm: Alarm | None = None


@define(eq=False, repr=False)
class StandingAlarms:
    """One alarm for each kind and site: their number is bounded by the sites'."""

    _held: dict[Key, _Held] = field(factory=dict, init=False)

    @property
    def all(self) -> list[Alarm]:
        """Those that stand, in the order in which they began."""
        found = [one.alarm for one in self._held.values() if one.alarm is not None]
        return sorted(found, key=lambda alarm: alarm.since)

    def look(
        self, conditions: Iterable[Condition], now: Seconds, wall: UnixTime
    ) -> list[Alarm]:
        """Take in what holds now; return the alarms that are over, with their end."""
        for condition in conditions:
            self._hold(condition, now, wall)
        return [*self._ended(now, wall)]

    def _hold(self, condition: Condition, now: Seconds, wall: UnixTime) -> None:
        held = self._held.setdefault(condition.key, _Held(now, now))
        held.last_at = now
        if held.alarm is not None:
            held.alarm = alarm_of(condition, held.alarm.since)
        elif now - held.first_at >= condition.begins_after:
            held.alarm = alarm_of(condition, wall)

    def _ended(self, now: Seconds, wall: UnixTime) -> Iterable[Alarm]:
        for key, held in list(self._held.items()):
            if held.alarm is None and held.last_at < now:
                del self._held[key]  # it did not hold for its time
            elif now - held.last_at >= CLEAR_AFTER:
                del self._held[key]
                if held.alarm is not None:
                    yield replace(held.alarm, ended=wall)
