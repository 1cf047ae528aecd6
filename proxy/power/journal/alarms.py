"""Alarms of a site: each is told once when it begins, and once when it is over."""

from collections import Counter
from collections.abc import Callable
from enum import Enum
from typing import Any

from attrs import define, field

from protocol.units import Seconds

CLEAR_AFTER = Seconds(120.0)
"""What has not been so for so long is over: what comes and goes is one alarm. Twice the
slowest look at a machine (`polls.POLL`)."""

MAX_NAMED = 10
"""Machines that raise the same alarm one by one, as many as one reads; one more speaks
for the rest."""

Log = Callable[[str, str, dict[str, Any]], None]
"""Takes kind, cause and body of an event."""


class AlarmName(Enum):
    """What an operator must look into."""

    CAP = "cap_exceeded"
    HIDDEN_LOAD = "hidden_load"
    MODELS_WRONG = "models_wrong"
    HASH_MISSING = "hash_missing"
    UNMETERED = "unmetered_power"
    HASHES_ON = "hashes_on"
    SILENT = "silent"
    FOREIGN_POOL = "foreign_pool"
    ABSENT = "absent"
    LOGIN = "login_refused"
    RELAY_LOST = "relay_lost"
    LOG_FORKED = "log_forked"
    LOG_LATE = "log_late"
    CLOCK = "clock_differs"


@define(eq=False, repr=False)
class Alarm:
    """One that stands.

    Attributes:
        machine: Its key; empty: of the whole site.
        is_told: Subscribers heard of it; else it is in the log alone.
        held_at: When it was last so.
    """

    name: AlarmName
    machine: str
    cause: str
    body: dict[str, Any]
    since: Seconds
    is_told: bool
    held_at: Seconds


@define(eq=False, repr=False)
class Alarms:
    """The alarms of one site that stand: at most one of a name for each machine."""

    log: Log
    _standing: dict[tuple[AlarmName, str], Alarm] = field(factory=dict, init=False)
    _counts: Counter[AlarmName] = field(factory=Counter, init=False)
    _told: Counter[AlarmName] = field(factory=Counter, init=False)

    @property
    def standing(self) -> list[Alarm]:
        """Those that were told and are not over, the oldest first."""
        return [alarm for alarm in self._standing.values() if alarm.is_told]

    def of_machine(self, machine: str) -> list[AlarmName]:
        """Return what stands against one machine, told or not."""
        return [name for name in AlarmName if (name, machine) in self._standing]

    def machines(self, name: AlarmName) -> int:
        """Return how many machines an alarm stands against, told or not."""
        return self._counts[name]

    def against(self, name: AlarmName) -> list[str]:
        """Return the machines that an alarm stands against, told or not."""
        if not self._counts[name]:
            return []
        return [key for one, key in self._standing if one is name and key]

    def holds(
        self,
        name: AlarmName,
        cause: str,
        body: dict[str, Any],
        now: Seconds,
        machine: str = "",
    ) -> None:
        """Take note that it is so; an alarm begins if none stands.

        Args:
            name: Which alarm.
            cause: Why, for people.
            body: The figures that show it.
            now: The moment.
            machine: Key of the machine; empty: of the whole site.
        """
        known = self._standing.get((name, machine))
        if known is not None:
            known.held_at = now
            return
        is_told = not machine or self._told[name] < MAX_NAMED
        alarm = Alarm(name, machine, cause, body, now, is_told, now)
        self._standing[name, machine] = alarm
        self.log("alarm" if is_told else "mark", cause, _body(alarm, body))
        if machine:
            self._counts[name] += 1
            self._told[name] += is_told
        if not is_told:
            self.holds(name, f"more than {MAX_NAMED} machines: {cause}", {}, now)

    def lapses(
        self,
        name: AlarmName,
        now: Seconds,
        machine: str = "",
        after: Seconds = CLEAR_AFTER,
    ) -> None:
        """Take note that it is not so; its alarm ends once that is for long enough."""
        alarm = self._standing.get((name, machine))
        if alarm is not None and now - alarm.held_at >= after:
            self._end(alarm, now)

    def forget(self, machine: str, now: Seconds) -> None:
        """End what stands against a machine that is gone."""
        for name in self.of_machine(machine):
            self._end(self._standing[name, machine], now)

    def _end(self, alarm: Alarm, now: Seconds) -> None:
        name = alarm.name
        del self._standing[name, alarm.machine]
        lasted = {"for_s": round(now - alarm.since, 1)}
        kind = "cleared" if alarm.is_told else "mark"
        self.log(kind, f"over: {alarm.cause}", _body(alarm, lasted))
        if not alarm.machine:
            return
        self._counts[name] -= 1
        self._told[name] -= alarm.is_told
        rest = self._standing.get((name, ""))
        if rest is not None and self._counts[name] <= MAX_NAMED:
            self._end(rest, now)


def _body(alarm: Alarm, more: dict[str, Any]) -> dict[str, Any]:
    machine = {"machine": alarm.machine} if alarm.machine else {}
    return {"alarm": alarm.name.value, **machine, **more}
