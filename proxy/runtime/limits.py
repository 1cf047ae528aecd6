"""Limits of the running process that others can reach: shown, and told by an alarm."""

from collections.abc import Callable, Iterable

from attrs import define, field, frozen
from twisted.logger import Logger

from protocol.units import Seconds

_log = Logger("proxy.alarm")  # not of the class: it would name the class instead

CALM = Seconds(60.0)
"""A limit that was not reached for so long is told to have room again."""


@frozen
class Limit:
    """A limit and how near it is.

    Attributes:
        name: What is limited, in an operator's words.
        used: How many there are.
        most: How many there may be.
        turned_away: How many were refused for it since the start.
        remedy: What an operator can do.
    """

    name: str
    used: int
    most: int
    turned_away: int
    remedy: str

    @property
    def is_reached(self) -> bool:
        """There is no room for one more."""
        return self.used >= self.most


@define(eq=False, repr=False)
class _Alarm:
    turned_away: int = 0
    reached_at: float | None = None  # None: there is room


@define(eq=False, repr=False)
class LimitWatch:
    """Raises an alarm when a limit is reached, and one when it has room again.

    Attributes:
        limits: Returns them all as they are; their number is the configuration's.
    """

    limits: Callable[[], Iterable[Limit]]
    _alarms: dict[str, _Alarm] = field(factory=dict, init=False)

    def look(self, now: Seconds) -> None:
        """Compare with the last look: call each second."""
        for limit in self.limits():
            self._mind(limit, now)

    def _mind(self, limit: Limit, now: Seconds) -> None:
        alarm = self._alarms.setdefault(limit.name, _Alarm())
        # A limit may be reached and have room again between two looks: what was refused
        # tells.
        refused = limit.turned_away - alarm.turned_away
        alarm.turned_away = limit.turned_away
        if limit.is_reached or refused:
            if alarm.reached_at is None:
                self._tell_reached(limit)
            # Anew at each look: it is calm a minute after the last time.
            alarm.reached_at = now
        elif alarm.reached_at is not None and now - alarm.reached_at >= CALM:
            alarm.reached_at = None
            _log.warn("{name}: there is room again", name=limit.name)

    def _tell_reached(self, limit: Limit) -> None:
        _log.error(
            "{name}: all {most} are taken, no more are let in: {remedy}",
            name=limit.name,
            most=limit.most,
            remedy=limit.remedy,
        )
