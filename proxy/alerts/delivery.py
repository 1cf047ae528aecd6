"""What one receiver was told, what it must be told now, and when that is tried."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, Protocol

from attrs import define, field, frozen
from msgspec.structs import replace
from twisted.internet.defer import CancelledError

from protocol.units import Seconds, UnixTime
from proxy.alerts.alarm import Alarm, Key, Severity

GATHERED = Seconds(5.0)
"""What begins within so long goes out as one message: a failure seldom comes alone."""

FIRST_RETRY, LAST_RETRY = Seconds(5.0), Seconds(300.0)
"""Between tries of a receiver that fails: doubled from the one to the other."""

KEPT = Seconds(86400.0)
"""How long that which began and ended while a receiver was away is kept for it."""

MAX_KEPT = 1000
"""Of these; the oldest go first."""

UNDELIVERED_AFTER = Seconds(60.0)
"""A receiver that fails for so long is an alarm for the others."""

SETTLING = Seconds(180.0)
"""After a start, what was told before it is not called over until the process had time
to find it anew: that of the slowest condition, after which a receiver that is away is
one after `GATHERED` and `UNDELIVERED_AFTER`, and some."""

Change = Literal["begins", "worse", "still", "cleared"]


class DeliveryError(Exception):
    """A receiver did not take a message; the text says why."""


@frozen
class Notice:
    """What is said of one alarm."""

    alarm: Alarm
    change: Change


class Receiver(Protocol):
    """One who is told."""

    async def send(self, notices: Sequence[Notice]) -> None:
        """Tell all of it.

        Raises:
            DeliveryError: It was not taken.
        """


@frozen
class Wants:
    """What a receiver wants to hear.

    Attributes:
        sites: Names; empty: of all. What is of no site is for everybody.
        repeat: After how long an alarm that stands is told again.
    """

    least: Severity
    sites: frozenset[str]
    repeat: Seconds

    def takes(self, alarm: Alarm) -> bool:
        """Tell whether an alarm is for this receiver."""
        is_ours = not self.sites or not alarm.site or alarm.site in self.sites
        return is_ours and alarm.level >= self.least


@frozen
class Told:
    """The alarm as a receiver knows it, and since when (Unix seconds)."""

    alarm: Alarm
    at: float


@frozen
class Known:
    """What a receiver was told of, and what it still has to hear, by key."""

    told: dict[Key, Told] = field(factory=dict)
    untold: dict[Key, Alarm] = field(factory=dict)


@define(eq=False, repr=False)
class Delivery:
    """One receiver, and what it knows.

    Attributes:
        name: The row's.
        told: What it was told last, by key; nothing that it knows to be over.
        untold: What it never heard of: as it began, or ended if that is over by now.
        reason: Why the last try failed; empty: it did not.
        dropped: Alarms that it was never told of, since it was away for too long.
    """

    name: str
    wants: Wants
    receiver: Receiver
    started_at: Seconds
    told: dict[Key, Told] = field(factory=dict)
    untold: dict[Key, Alarm] = field(factory=dict)
    reason: str = field(default="", init=False)
    dropped: int = field(default=0, init=False)
    _due: Seconds | None = field(default=None, init=False)
    _failing_since: Seconds | None = field(default=None, init=False)
    _retry: Seconds = field(default=FIRST_RETRY, init=False)
    _is_busy: bool = field(default=False, init=False)

    def has_ended(self, alarm: Alarm) -> None:
        """Take note of an alarm that is over: who never heard of it shall."""
        if not self.wants.takes(alarm):
            return
        known = self.told.get(alarm.key)
        if known is not None:
            over = replace(known.alarm, ended=alarm.ended)
            self.told[alarm.key] = Told(over, known.at)
        else:
            self.untold[alarm.key] = alarm
            if len(self.untold) > MAX_KEPT:
                del self.untold[next(iter(self.untold))]
                self.dropped += 1

    def is_undelivered(self, now: Seconds) -> bool:
        """Tell whether it has failed for so long that others must know."""
        since = self._failing_since
        return since is not None and now - since >= UNDELIVERED_AFTER

    def due(
        self, standing: Iterable[Alarm], now: Seconds, wall: UnixTime
    ) -> list[Notice]:
        """Return what is to be sent now; empty while there is nothing, or no time."""
        stands = {a.key: a for a in standing if self.wants.takes(a)}
        self._take_note(stands, now, wall)
        self._let_go(wall)
        if self._is_busy:
            return []
        notices = [*self._notices(stands, now, wall)]
        if not notices:
            self._due = None
            return []
        if self._due is None:
            self._due = Seconds(now + GATHERED)
        return notices if now >= self._due else []

    async def send(
        self, notices: Sequence[Notice], now: Seconds, wall: UnixTime
    ) -> None:
        """Send it, and remember that, or when to try again.

        Args:
            notices: What `due` returned.
            now: The moment of it, of the process's clock.
            wall: The same, Unix seconds.
        """
        self._is_busy = True
        try:
            await self.receiver.send(notices)
        except CancelledError:
            raise
        except DeliveryError as error:
            self._failed(str(error), now)
        except Exception as error:  # noqa: BLE001  (a fault of ours backs off, too)
            self._failed(repr(error), now)
        else:
            self._took(notices, wall)
        finally:
            self._is_busy = False

    def _notices(
        self, stands: Mapping[Key, Alarm], now: Seconds, wall: UnixTime
    ) -> Iterator[Notice]:
        for alarm in self.untold.values():
            if alarm.ended:
                yield Notice(alarm, "cleared")
        for key, alarm in stands.items():
            known = self.told.get(key)
            if known is None:
                yield Notice(alarm, "begins")
            elif alarm.is_worse_than(known.alarm):
                yield Notice(alarm, "worse")
            elif wall - known.at >= self.wants.repeat:
                yield Notice(alarm, "still")
        for key, known in self.told.items():
            if key not in stands and (known.alarm.ended or self._has_settled(now)):
                ended = known.alarm.ended or wall
                yield Notice(replace(known.alarm, ended=ended), "cleared")

    def _took(self, notices: Sequence[Notice], wall: UnixTime) -> None:
        self.reason, self._retry = "", FIRST_RETRY
        self._due = self._failing_since = None
        for notice in notices:
            key = notice.alarm.key
            self.untold.pop(key, None)
            if notice.change == "cleared":
                self.told.pop(key, None)
            else:
                self.told[key] = Told(notice.alarm, wall)

    def _failed(self, reason: str, now: Seconds) -> None:
        self.reason = reason
        if self._failing_since is None:
            self._failing_since = now
        self._due = Seconds(now + self._retry)
        self._retry = min(Seconds(self._retry * 2), LAST_RETRY)

    def _take_note(
        self, stands: Mapping[Key, Alarm], now: Seconds, wall: UnixTime
    ) -> None:
        """Remember what it has not heard of: the process may end before it does."""
        for key, alarm in stands.items():
            if key not in self.told:
                self.untold.setdefault(key, alarm)
        if self._has_settled(now):
            # Of the process before this one: it stood when that was killed.
            for key, alarm in self.untold.items():
                if key not in stands and alarm.ended is None:
                    self.untold[key] = replace(alarm, ended=wall)

    def _has_settled(self, now: Seconds) -> bool:
        return now - self.started_at >= SETTLING

    def _let_go(self, wall: UnixTime) -> None:
        old = [k for k, a in self.untold.items() if wall - (a.ended or wall) > KEPT]
        for key in old:
            del self.untold[key]
        self.dropped += len(old)
