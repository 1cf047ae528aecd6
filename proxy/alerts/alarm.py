"""What an operator must know: a condition, and the alarm that is made of it."""

from enum import IntEnum

import msgspec
from attrs import frozen

from protocol.units import Seconds

MAX_NAMES = 20
"""Behind one alarm, as many as a message can show; their number is told beside."""


class Severity(IntEnum):
    """How bad it is; a receiver's `min_severity` is in these words."""

    INFO = 0
    WARNING = 1
    CRITICAL = 2

    @property
    def word(self) -> str:
        """As it is written in the configuration and shown."""
        return self.name.lower()


AT_ONCE = Seconds(0.0)

Key = tuple[str, str]
"""Kind and site: of these there is one alarm."""


@frozen
class Condition:
    """Something that is so at this moment.

    Attributes:
        kind: What, in one word of `admin/conditions`.
        site: Where; empty: the process, or several sites.
        text: A sentence.
        names: Pools, machines or limits that it is of.
        begins_after: For how long it holds until it is an alarm.
    """

    kind: str
    site: str
    severity: Severity
    text: str
    names: tuple[str, ...] = ()
    begins_after: Seconds = AT_ONCE

    @property
    def key(self) -> Key:
        """Of which there is one alarm."""
        return self.kind, self.site


class Alarm(msgspec.Struct, frozen=True):
    """A condition that has held for its time.

    Attributes:
        severity: A word of `Severity`.
        names: The first `MAX_NAMES` that it is of.
        count: How many there are.
        since: Unix seconds.
        ended: Unix seconds; null while it stands.
    """

    kind: str
    site: str
    severity: str
    text: str
    names: tuple[str, ...]
    count: int
    since: float
    ended: float | None = None

    @property
    def key(self) -> Key:
        """Of which there is one alarm."""
        return self.kind, self.site

    @property
    def level(self) -> Severity:
        """How bad it is."""
        return Severity[self.severity.upper()]

    def is_worse_than(self, other: "Alarm") -> bool:
        """Tell whether people who know `other` must hear of this.

        It is so where it is more severe, or where twice as many are behind it.
        """
        grew = other.count > 0 and self.count >= 2 * other.count
        return self.level > other.level or grew


class AlertView(msgspec.Struct):
    """A row of `[[alerts]]`.

    Attributes:
        fault: Why the last try failed; empty: it did not.
        told: Alarms that it was told of and that are not over for it.
        dropped: That it was never told of, since it was away for too long.
    """

    name: str
    kind: str
    fault: str
    told: int
    dropped: int


def alarm_of(condition: Condition, since: float) -> Alarm:
    """Return the alarm that a condition is, begun at `since` (Unix seconds)."""
    return Alarm(
        condition.kind,
        condition.site,
        condition.severity.word,
        condition.text,
        condition.names[:MAX_NAMES],
        len(condition.names),
        since,
    )
